"""Which media types and encodings are read, and how."""

from __future__ import annotations

import re
import zlib

MAX_BODY = 1 << 20
"""Bytes of a body after decompression."""
MAX_WIRE = 2 << 20
"""Bytes of a body as received: a compressed stream without content could be endless."""
_READ = frozenset(("application/json", "application/xhtml+xml", "text/html", "text/plain"))
# Types that some hosts label their JSON with. Fetched content is never executed.
_JSON_AS_JAVASCRIPT = frozenset(("application/javascript", "text/javascript", "text/json"))
_PAGES = frozenset(("application/xhtml+xml", "text/html"))
_MAX_TYPE = 255
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
# 16 is zlib's flag for gzip's frame.
_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLargeError(Exception):
    """The body is longer than MAX_BODY or MAX_WIRE."""


class BrokenEncodingError(Exception):
    """The body does not match its Content-Encoding, or that is not gzip."""


def media_type(content_type: str) -> str:
    """Return the media type in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_supported(media_type: str, *, json_as_javascript: bool) -> bool:
    """Return True if bodies of this media type are read.

    `json_as_javascript`: the host labels its JSON as JavaScript.
    """
    return media_type in _READ or (json_as_javascript and media_type in _JSON_AS_JAVASCRIPT)


def is_page(media_type: str) -> bool:
    """Return True for HTML."""
    return media_type in _PAGES


def storable_type(content_type: str) -> str:
    """Return the printable start of a Content-Type, cut to the column's length."""
    found = _PRINTABLE.match(content_type)
    return found[0][:_MAX_TYPE].strip() if found else ""


class BodyReader:
    """Collects and decompresses a body, within limits."""

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
        """Return True if the compressed body has ended."""
        return self._gzip is not None and self._gzip.eof

    def add(self, data: bytes) -> None:
        """Add bytes of the body. Raises BodyTooLargeError and BrokenEncodingError."""
        self._wire += len(data)
        if self._wire > MAX_WIRE:
            raise BodyTooLargeError
        if self._gzip is not None:
            try:
                # One byte over the limit detects a larger body without decompressing the rest.
                data = self._gzip.decompress(data, MAX_BODY - self._size + 1)
            except zlib.error:
                raise BrokenEncodingError from None
        self._size += len(data)
        if self._size > MAX_BODY:
            raise BodyTooLargeError
        self._parts.append(data)

    def content(self) -> bytes:
        """Return the whole body. Raises BrokenEncodingError if the compressed body is truncated."""
        if self._gzip is not None and not self._gzip.eof and self._wire:
            raise BrokenEncodingError
        return b"".join(self._parts)
