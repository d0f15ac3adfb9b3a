"""Finding the link in what somebody pasted."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError

# Invisible marks that messengers put around links: they end a link as white space does.
_MARKS = "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
# White space is spelled out, which is what \s stands for: a search through one table of letters is faster.
_SPACE = "\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_END = f'{_SPACE}<>"{_MARKS}'
# The scheme's length is bounded, so that a long word costs no quadratic search. The case is spelled out:
# re.IGNORECASE would take the long s and the Kelvin sign for letters of a scheme.
_LINK = re.compile(rf"([A-Za-z][A-Za-z0-9+.\-]{{0,31}})://[^{_END}]*")
_GAP = re.compile(rf"[{_END}]+")
_CLOSING = ".,;:!?…'`*|~)]}»›“”‘’。、，！？；：）】」』》〉"  # noqa: RUF001 - texts in any script end in these
_WEB = ("http", "https")


def find_link(text: str) -> str:
    """The first http or https link of a text, or the text itself when it is one word.

    A link of another scheme hides whatever its text contains, so that `ftp://host/?u=https://...` is not
    read as the inner link. Raises InvalidUrlError when there is nothing that could be a link.
    """
    match = _LINK.search(text)
    if match is not None:
        return _first_web_link(text, match).rstrip(_CLOSING)
    words = [word for word in _GAP.split(text) if word]
    if len(words) != 1:
        raise InvalidUrlError("there is no link in the text")
    return words[0].rstrip(_CLOSING)


def _first_web_link(text: str, match: re.Match[str] | None) -> str:
    """The first web link from a match of `_LINK` on."""
    while match is not None:
        if match[1].lower() in _WEB:
            return match[0]
        match = _LINK.search(text, match.end())
    raise InvalidUrlError("only http and https links are supported")
