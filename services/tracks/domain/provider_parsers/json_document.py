"""Parses untrusted JSON with a bounded depth; the fetcher bounds its size."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import cast

from services.tracks.domain.provider_parsers.provider_metadata import ParseError
from services.tracks.domain.web.charset import decode

_DEPTH = 64
# Far more than any response has; bounds the time of the depth check.
_BRACKETS = 50_000
# The closing quote is optional: a pattern that can fail would restart at every quote, in quadratic time.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]++")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_object(content: bytes, content_type: str) -> Mapping[str, object]:
    """Parse the JSON object of a body. Raises ParseError."""
    text = decode(content, content_type)
    if "\ufffd" in text:
        raise ParseError("the body is not in its declared charset")
    document = parse_document(text)
    if not isinstance(document, dict):
        raise ParseError("the JSON is not an object")
    return cast("Mapping[str, object]", document)


def parse_document(text: str) -> object:
    """Parse a JSON object or list, up to 64 levels deep. Raises ParseError."""
    if text.lstrip()[:1] not in {"{", "["}:
        raise ParseError("not JSON")
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    if len(brackets) > _BRACKETS or max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > _DEPTH:
        raise ParseError("the JSON is nested too deeply")
    try:
        # Raw line breaks and tabs within strings are common in pages.
        return json.loads(text, strict=False)
    except ValueError:
        # Not chained: the error's message repeats the content.
        raise ParseError("not JSON") from None


def member(value: object, *names: str) -> object:
    """Return the value at a path of names in nested objects; None if there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
