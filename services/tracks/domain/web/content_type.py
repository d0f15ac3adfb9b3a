"""Which bodies are read: by their media type and their encoding."""

from __future__ import annotations

import re
import zlib

MAX_BODY = 1 << 20
"""Bytes of a body after decompression."""
MAX_WIRE = 2 << 20
"""Bytes of a body as it comes, frames included: compression without content is endless otherwise."""
_READ = frozenset(("application/json", "application/xhtml+xml", "text/html", "text/plain"))
# What some call their JSON. Nothing of what is fetched is ever run.
_JSON_AS_JAVASCRIPT = frozenset(("application/javascript", "text/javascript", "text/json"))
_PAGES = frozenset(("application/xhtml+xml", "text/html"))
_MAX_TYPE = 255
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
# 16 is zlib's flag for gzip's frame.
_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLargeError(Exception):
    """The body is longer than what is read."""


class BrokenEncodingError(Exception):
    """The bytes are not what Content-Encoding says, or it says something else than gzip."""


def media_type(content_type: str) -> str:
    """Such as `text/html`: lower-case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_supported(media_type: str, *, json_as_javascript: bool) -> bool:
    """Whether bodies of the type are read; the type is in lower case and without parameters.

    `json_as_javascript`: the host is known to call its JSON JavaScript.
    """
    return media_type in _READ or (json_as_javascript and media_type in _JSON_AS_JAVASCRIPT)


def is_page(media_type: str) -> bool:
    """Whether it is a page of HTML."""
    return media_type in _PAGES


def storable_type(content_type: str) -> str:
    """The type as it is kept: what is too long or not printable is cut away."""
    found = _PRINTABLE.match(content_type)
    return found[0][:_MAX_TYPE].strip() if found else ""


class BodyReader:
    """Gathers a body: decompresses it and stops as soon as it's too long."""

    def __init__(self, encoding: str) -> None:
        """`encoding` is the Content-Encoding header; raises BrokenEncodingError for all but gzip."""
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise BrokenEncodingError
        self._gzip = zlib.decompressobj(_GZIP) if encoding.endswith("gzip") else None
        self._parts: list[bytes] = []
        self._size = 0
        self._wire = 0

    @property
    def complete(self) -> bool:
        """Whether the compressed body has ended, whatever still comes."""
        return self._gzip is not None and self._gzip.eof

    def add(self, data: bytes) -> None:
        """Take more of the body; raises BodyTooLargeError and BrokenEncodingError."""
        self._wire += len(data)
        if self._wire > MAX_WIRE:
            raise BodyTooLargeError
        if self._gzip is not None:
            try:
                # One byte more than allowed tells that there is more; how much more is never found out.
                data = self._gzip.decompress(data, MAX_BODY - self._size + 1)
            except zlib.error:
                raise BrokenEncodingError from None
        self._size += len(data)
        if self._size > MAX_BODY:
            raise BodyTooLargeError
        self._parts.append(data)

    def content(self) -> bytes:
        """All of it; raises BrokenEncodingError when the compressed body breaks off."""
        if self._gzip is not None and not self._gzip.eof and self._wire:
            raise BrokenEncodingError
        return b"".join(self._parts)
