"""Responses in each provider's format, about fictional music."""

from pathlib import Path

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"

_FOLDER = Path(__file__).parents[4] / "data/answers"


def recorded(name: str) -> bytes:
    """The bytes of a file in tests/data/answers/."""
    return (_FOLDER / name).read_bytes()
