"""Normalization of untrusted text in linear time.

CPython needs quadratic time for a run of combining marks: 11 s for 248 KB. Text without `has_long_run` takes linear
time.
"""

from __future__ import annotations

import re
import unicodedata

MAX_RUN = 30
"""The most consecutive non-starters: the stream-safe text format of Unicode (UAX #15, section 13)."""
MAX_DECOMPOSITION = 4
"""The most characters that one decomposes to canonically: NFC leaves at least a quarter of a text's characters."""
# Combining marks, and the other characters that decompose to nothing else.
_NON_STARTERS = frozenset(
    character for character in map(chr, range(0x300, 0x20000)) if unicodedata.combining(character)
) | frozenset("\u0f73\u0f75\u0f81")
# C0 except \t and \n, DEL, C1, lone surrogates, and noncharacters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class TextError(Exception):
    """The text is invalid. The message says why, without the text."""


def has_long_run(text: str) -> bool:
    """Whether the text has more than MAX_RUN consecutive non-starters."""
    # A longer run contains one of these positions; in most texts none of them has a non-starter.
    if _NON_STARTERS.isdisjoint(text[MAX_RUN :: MAX_RUN + 1]):
        return False
    run = 0
    for character in text:
        run = run + 1 if character in _NON_STARTERS else 0
        if run > MAX_RUN:
            return True
    return False


def clean_text(text: str, *, single_line: bool = False) -> str:
    r"""Return a text in NFC, with `\n` for line breaks; raises TextError. The caller bounds the length.

    With `single_line`, white space around the text is removed and inner white space becomes one space. A blank text
    stays as it is.
    """
    if not text.isprintable():
        text = text.replace("\r\n", "\n")
        if _FORBIDDEN.search(text):
            raise TextError("contains control characters")
    if not text.isascii():
        if has_long_run(text):
            raise TextError(f"has more than {MAX_RUN} combining marks in a row")
        text = unicodedata.normalize("NFC", text)
    return (" ".join(text.split()) or text) if single_line else text
