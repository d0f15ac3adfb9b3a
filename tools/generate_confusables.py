"""Writes services/users/domain/confusables.txt from a copy of Unicode's table of characters that look alike.

    python tools/generate_confusables.py VERSION confusables.txt

The table of each version is at https://www.unicode.org/Public/security/. Raise it with Python: names are decomposed by
Python's own Unicode data first, so characters that decompose are left out.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "services" / "users" / "domain" / "confusables.txt"
_HEADER = """\
# Characters that look alike: each line has a character sequence and, behind the colon, the characters that look like it.
# Made by tools/generate_confusables.py from security/confusables.txt of Unicode {version}, whose license is in
# confusables.LICENSE. Characters that decompose are left out.
"""


def compact(source: str, version: str) -> str:
    """Return the compact form of Unicode's table."""
    lookalikes: dict[str, list[str]] = defaultdict(list)
    for line in source.splitlines():
        fields = line.partition("#")[0].split(";")
        if len(fields) > 1 and unicodedata.normalize("NFKD", character := _text(fields[0])) == character:
            lookalikes[_text(fields[1])].append(character)
    lines = (
        f"{_codes(prototype)}: {_codes(sorted(found))}\n" for prototype, found in sorted(lookalikes.items())
    )
    return _HEADER.format(version=version) + "".join(lines)


def _text(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())


def _codes(characters: str | list[str]) -> str:
    return " ".join(f"{ord(character):04X}" for character in characters)


if __name__ == "__main__":
    version, path = sys.argv[1:]
    TARGET.write_text(compact(Path(path).read_text(encoding="utf-8-sig"), version), encoding="ascii")
