"""Finds the link in a pasted text, and where it may end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from services.tracks.domain.errors import InvalidUrlError

# Invisible characters that messengers put around links; they end a link like white space.
_MARKS = "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
# The characters of \s, spelled out: one character class is faster.
_SPACE = "\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_END = f'{_SPACE}<>"{_MARKS}'
# The bounded scheme avoids quadratic time on long words. Both cases are spelled out, as re.IGNORECASE also matches
# the long s and the Kelvin sign. Brackets and bars, which no link contains, are those of Markdown and of Slack.
_LINK = re.compile(rf"([A-Za-z][A-Za-z0-9+.\-]{{0,31}})://[^{_END}\[\]{{}}|`]*")
_GAP = re.compile(rf"[{_END}]+")
# http://https://..., as left by pasting behind the scheme of an input field.
_SCHEMES = re.compile(r"(?:[Hh][Tt][Tt][Pp][Ss]?://)+(?=[Hh][Tt][Tt][Pp][Ss]?://)")
_CLOSING = ".,;:!?…'`*|~)]}»›“”‘’。、，！？；：）】」』》〉"  # noqa: RUF001 - texts in any script end in these
_OPENING = "*~([{«‹“”‘’（【「『《〈'`"  # noqa: RUF001 - as above, at the start of words
_WEB = ("http", "https")
_NO_HOST = re.compile(r"[/?#]")
# The last part of a link: what stands behind its last separator.
_LAST_PART = re.compile(r"[^/?#&=]*\Z")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def find_link(text: str, is_known: Callable[[str], bool]) -> str:
    """Return the first http or https link of a text, the text itself if it is one word, or a bare link in prose.

    A bare link is a word such as `youtu.be/ID`, whose host `is_known`. Links inside a link of another scheme, such as
    `ftp://host/?u=https://...`, are skipped. Raises InvalidUrlError if there is no link.
    """
    match = _LINK.search(text)
    if match is not None:
        return _first_web_link(text, match)
    words = [word for word in _GAP.split(text) if word]
    if len(words) == 1:
        return words[0].rstrip(_CLOSING)
    for word in words:
        bare = word.strip(_OPENING)
        if is_known(_NO_HOST.split(bare, maxsplit=1)[0].lower()):
            return bare.rstrip(_CLOSING)
    raise InvalidUrlError("no link in the text")


def shorter_links(link: str) -> Iterator[str]:
    """Shorter readings of a link that can't be read, whose end may be prose that follows without a space.

    They end before the first emoji, punctuation or letter of a script without upper case (such as Chinese, which has no
    spaces) in the last part, then in all parts; never within the host, and never inside a word such as `mööd`.
    """
    if link.isascii():
        return
    after_scheme = link.find("//") + 2 if "//" in link else 0
    path = _NO_HOST.search(link, after_scheme)
    if path is None:
        return
    last = _LAST_PART.search(link, path.end())
    starts = {path.end()} if last is None else {path.end(), last.start()}
    for start in sorted(starts, reverse=True):
        for match in _NOT_ASCII.finditer(link, start):
            if unicodedata.category(match[0]) == "Lo" or unicodedata.category(match[0])[0] in "SPZ":
                yield link[: match.start()].rstrip(_CLOSING)
                break


def _first_web_link(text: str, match: re.Match[str] | None) -> str:
    """Return the first http or https link from a match of `_LINK` on."""
    while match is not None:
        if match[1].lower() in _WEB:
            link = _SCHEMES.sub("", match[0])
            emphasis = len(text[: match.start()]) - len(text[: match.start()].rstrip("_"))
            return _without_emphasis(_balanced(link).rstrip(_CLOSING), emphasis)
        match = _LINK.search(text, match.end())
    raise InvalidUrlError("only http and https links are supported")


def _balanced(link: str) -> str:
    """Cut a link before the first parenthesis that closes none of its own: the link may stand in parentheses."""
    depth = 0
    for match in re.finditer(r"[()]", link):
        depth += 1 if match[0] == "(" else -1
        if depth < 0:
            return link[: match.start()]
    return link


def _without_emphasis(link: str, underscores: int) -> str:
    """Cut as many underscores from the end as stand before the link: `_https://..._` is emphasis in Markdown."""
    while underscores and link.endswith("_"):
        link, underscores = link[:-1], underscores - 1
    return link
