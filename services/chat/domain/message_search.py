"""The normalized text of messages, for search."""

from __future__ import annotations

from search_text import words


def search_text(text: str | None) -> str | None:
    """Return the normalized words of a text, which search compares; None without a text.

    Letters and digits only, so that word boundaries do not depend on PostgreSQL's parser, which recognizes paths,
    addresses and signed numbers.
    """
    return None if text is None else " ".join(words(text))
