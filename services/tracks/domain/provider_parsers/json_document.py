"""JSON of strangers: its size is bounded already, its depth is here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import cast

from services.tracks.domain.provider_parsers.provider_metadata import ParseError
from services.tracks.domain.web.charset import decoded

_DEPTH = 64
# Many times what any answer has; a limit, because each of them is counted.
_BRACKETS = 50_000
# The closing quote may be missing: a pattern that could fail here would begin anew at every quote.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]++")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_object(content: bytes, content_type: str) -> Mapping[str, object]:
    """The JSON object that a body holds. Raises ParseError."""
    text = decoded(content, content_type)
    if "\ufffd" in text:
        raise ParseError("the bytes are not in the charset that they claim")
    document = parse_document(text)
    if not isinstance(document, dict):
        raise ParseError("the JSON is no object")
    return cast("Mapping[str, object]", document)


def parse_document(text: str) -> object:
    """The object or list that a JSON text holds, up to 64 levels deep. Raises ParseError."""
    if text.lstrip()[:1] not in {"{", "["}:
        raise ParseError("this is no JSON")
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    if len(brackets) > _BRACKETS or max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > _DEPTH:
        raise ParseError("the JSON is nested too deeply")
    try:
        return json.loads(text)
    except ValueError:
        # The error's text repeats a part of the content.
        raise ParseError("this is no JSON") from None


def member(value: object, *names: str) -> object:
    """What stands under a path of names in nested objects; None where the path ends early."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
