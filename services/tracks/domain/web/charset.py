"""Decodes bodies by their charset."""

from __future__ import annotations

import codecs
import re

_DEFAULT = "utf-8"
_SNIFFED = 1024
_PARAMETER = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Web names of charsets and Python's. As in browsers, ASCII and Latin-1 mean cp1252. An allowlist: Python's other
# codecs include some that are not charsets (zip, rot13, idna, unicode_escape).
_KNOWN = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    **{
        f"windows-{number}": f"cp{number}" for number in (1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 874)
    },
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "iso-8859-9": "cp1254",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "euc-jp": "euc-jp",
    "iso-2022-jp": "iso-2022-jp",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16-le",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}


def decode(content: bytes, content_type: str) -> str:
    """Decode a body by its byte order mark, else the header, else a meta tag at the start, else UTF-8."""
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(codec, errors="replace")
    return content.decode(_codec(content, content_type), errors="replace")


def _codec(content: bytes, content_type: str) -> str:
    named = _PARAMETER.search(content_type)
    if named and (codec := _KNOWN.get(named[1].lower())):
        return codec
    marked = _META.search(content, 0, _SNIFFED)
    if marked and (codec := _KNOWN.get(marked[1].decode("ascii").lower())):
        # A tag that is readable as ASCII is not in UTF-16.
        return _DEFAULT if codec.startswith("utf-16") else codec
    return _DEFAULT
