"""Search in messages: which words a text has."""

from __future__ import annotations

from search_text import words


def search_text(text: str | None) -> str | None:
    """What search compares a text with, to be stored beside it: its folded words; None for no text.

    Letters and digits alone: where words end must not depend on what PostgreSQL takes for a path, an address or
    a number with a sign.
    """
    return None if text is None else " ".join(words(text))
