"""Finds the link in a pasted text."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError

# Invisible characters that messengers put around links; they end a link like white space.
_MARKS = "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
# The characters of \s, spelled out: one character class is faster.
_SPACE = "\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_END = f'{_SPACE}<>"{_MARKS}'
# The bounded scheme avoids quadratic time on long words. Both cases are spelled out, as re.IGNORECASE also matches
# the long s and the Kelvin sign.
_LINK = re.compile(rf"([A-Za-z][A-Za-z0-9+.\-]{{0,31}})://[^{_END}]*")
_GAP = re.compile(rf"[{_END}]+")
_CLOSING = ".,;:!?…'`*|~)]}»›“”‘’。、，！？；：）】」』》〉"  # noqa: RUF001 - texts in any script end in these
_WEB = ("http", "https")


def find_link(text: str) -> str:
    """Return the first http or https link of a text, or the text itself if it is one word.

    Links inside a link of another scheme, such as `ftp://host/?u=https://...`, are skipped. Raises InvalidUrlError
    if there is no link.
    """
    match = _LINK.search(text)
    if match is not None:
        return _first_web_link(text, match).rstrip(_CLOSING)
    words = [word for word in _GAP.split(text) if word]
    if len(words) != 1:
        raise InvalidUrlError("no link in the text")
    return words[0].rstrip(_CLOSING)


def _first_web_link(text: str, match: re.Match[str] | None) -> str:
    """Return the first http or https link from a match of `_LINK` on."""
    while match is not None:
        if match[1].lower() in _WEB:
            return match[0]
        match = _LINK.search(text, match.end())
    raise InvalidUrlError("only http and https links are supported")
