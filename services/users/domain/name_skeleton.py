"""Skeletons of names: names that look alike have the same one.

As the skeletons of Unicode Technical Standard 39, with Unicode's table of characters that look alike, but not its exact
algorithm: names are compared without case, accents, width and white space, as people read them.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from search_text import CharacterMap, normalize_text

MAX_LENGTH = 512
"""Longer skeletons, of names full of ligatures, are cut off: the column has 2,048 bytes."""
# Small letters in the shape of capitals, which Unicode does not name so, and characters without ink.
_SHAPES = {0x0138: "k", 0x028D: "rn", 0x115F: None, 0x1160: None, 0x2800: None}
_SMALL_CAPITAL = "LATIN LETTER SMALL CAPITAL "


def _confusables() -> dict[int, str]:
    """Read the table: what a character looks like, by its code point."""
    table = Path(__file__).with_name("confusables.txt").read_text(encoding="ascii")
    found: dict[int, str] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            prototype, _, lookalikes = line.partition(":")
            text = "".join(chr(int(code, 16)) for code in prototype.split())
            found.update((int(code, 16), text) for code in lookalikes.split())
    return found


_CONFUSABLES = _confusables()


def _skeleton(character: str) -> str:
    found = character
    # First as written: the capital Greek Rho looks like P, and a zero like O. Then in lower case, where m looks like rn.
    for _ in range(2):
        found = unicodedata.normalize("NFKD", found).translate(_CONFUSABLES).casefold()
    found = "".join(map(_lower_case, found))
    # Without regard to case i looks like l, as I does.
    return normalize_text(found.translate(_SHAPES)).replace(" ", "").replace("i", "l")


def _lower_case(character: str) -> str:
    """Return the letter of a small capital: Cyrillic small letters look like some."""
    name = unicodedata.name(character, "")
    letter = name.removeprefix(_SMALL_CAPITAL)
    return letter.lower() if letter != name and len(letter) == 1 else character


_SKELETONS = CharacterMap(_skeleton)


def name_skeleton(name: str) -> str:
    """Return the skeleton of a name, in linear time. A name without visible characters is its own."""
    return (name.translate(_SKELETONS) or name)[:MAX_LENGTH]
