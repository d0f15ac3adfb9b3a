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
# Codings that are not read. Other unknown ones (none, utf-8 ...) are mistakes on plain bodies.
_REFUSED = frozenset(
    ("br", "compress", "x-compress", "deflate", "zstd", "dcb", "dcz", "exi", "aes128gcm", "pack200-gzip")
)
_GZIP_NAMES = frozenset(("gzip", "x-gzip"))
_GZIP_START = b"\x1f\x8b"
_MAX_MEMBERS = 64
# 16 is zlib's flag for gzip's frame.
_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLargeError(Exception):
    """The body is longer than MAX_BODY or MAX_WIRE."""


class BrokenEncodingError(Exception):
    """The body does not match its Content-Encoding, or that is not gzip."""


def media_type(content_type: str) -> str:
    """Return the media type in lower case, without parameters."""
    # Some servers send the type twice, joined with a comma.
    return content_type.partition(";")[0].partition(",")[0].strip().lower()


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
        """`encoding` is the Content-Encoding header; raises BrokenEncodingError for a coding that is not read."""
        codings = [each.strip() for each in encoding.split(",")]
        gzipped = sum(each in _GZIP_NAMES for each in codings)
        if gzipped > 1 or not _REFUSED.isdisjoint(codings):
            raise BrokenEncodingError
        self._gzip = zlib.decompressobj(_GZIP) if gzipped else None
        self._members = 1
        self._parts: list[bytes] = []
        self._size = 0
        self._wire = 0

    def add(self, data: bytes) -> None:
        """Add bytes of the body. Raises BodyTooLargeError and BrokenEncodingError."""
        self._wire += len(data)
        if self._wire > MAX_WIRE:
            raise BodyTooLargeError
        if self._gzip is None:
            self._take(data)
        while data and self._gzip is not None:
            data = self._decompress(self._gzip, data)

    def content(self) -> bytes:
        """Return the whole body. Raises BrokenEncodingError if the compressed body is truncated."""
        if self._gzip is not None and not self._gzip.eof and self._wire:
            raise BrokenEncodingError
        return b"".join(self._parts)

    def _decompress(self, gzip: zlib._Decompress, data: bytes) -> bytes:
        """Decompress to the end of a member; return what follows. What follows the last member is ignored."""
        if gzip.eof:
            if not _GZIP_START.startswith(data[:2]):
                return b""
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise BrokenEncodingError
            gzip = self._gzip = zlib.decompressobj(_GZIP)
        try:
            # One byte over the limit detects a larger body without decompressing the rest.
            self._take(gzip.decompress(data, MAX_BODY - self._size + 1))
        except zlib.error:
            raise BrokenEncodingError from None
        return gzip.unused_data

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_BODY:
            raise BodyTooLargeError
        self._parts.append(data)
