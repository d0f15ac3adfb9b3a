"""What a reaction may be."""

from __future__ import annotations

import re

import emoji

from servicekit.errors import FieldFault, InvalidFieldsError

_NAMED = re.compile(r":[a-z0-9_+-]{1,62}:")


def check_emoji(text: str) -> None:
    """One emoji of Unicode, in any of the spellings that are shown alike, or `:name:`.

    `text` is in NFC. Raises InvalidFieldsError. Characters that only look joined, such as two animals with a
    joiner between them, are several emojis on the screen and none here.
    """
    if _NAMED.fullmatch(text) is None and not emoji.is_emoji(text):
        raise InvalidFieldsError(
            FieldFault("emoji", "must be one emoji, or a :name: of a to z, 0 to 9, _ + -")
        )
