"""Decodes bodies as browsers do: the labels and codecs of the WHATWG Encoding Standard."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from functools import cache

import webencodings

_SNIFFED = 4096
_UTF8, _LATIN = "utf-8", "windows-1252"
_PARAMETER = re.compile(r"[;,]\s*charset\s*=\s*[\"']?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/]((?:[^>\"']|\"[^\"]*\"|'[^']*')*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"([^\s=/\"']+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]*)))?")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python's codecs of the encodings that they are wider in, or named otherwise, than the standard's of the same name.
_CODECS = {
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "ibm866": "cp866",
    "iso-8859-8-i": "iso8859-8",
    "macintosh": "mac-roman",
    "shift_jis": "cp932",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
}
_NOT_SINGLE_BYTE = frozenset(
    (
        "big5",
        "euc-jp",
        "euc-kr",
        "gb18030",
        "gbk",
        "iso-2022-jp",
        "shift_jis",
        "utf-8",
        "utf-16le",
        "utf-16be",
    )
)
# Encodings of the standard that are no charset of a text.
_NO_TEXT = frozenset(("replacement", "x-user-defined"))
_UNDEFINED = "\ufffd"
_CONTROLS = range(0x80, 0xA0)
_ROWS = range(0xA1, 0xFF)
# The first and second bytes of Shift_JIS, whose pairs are in the order of EUC-JP's rows and cells.
_LEADS = (*range(0x81, 0xA0), *range(0xE0, 0xF0))
_TRAILS = (*range(0x40, 0x7F), *range(0x80, 0xFD))
_HIGH_BITS = bytes(byte if byte <= ord(" ") else byte | 0x80 for byte in range(256))
_ESCAPE = re.compile(rb"\x1b(\([BJI]|\$[@B])")
_HALF_WIDTH = {code: 0xFF61 + code - 0x21 for code in range(0x21, 0x60)}
# What Python's EUC-JP and browsers, whose table is Windows', read differently.
_AS_WINDOWS = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")  # noqa: RUF001 - the characters are the subject


def decode(content: bytes, content_type: str) -> str:
    """Decode a body by its byte order mark, the header, or what it says of itself in its first 4 KiB.

    Without any of them it is UTF-8, else windows-1252; JSON is always UTF-8 then.
    """
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(codec, errors="replace")
    name = _of_header(content_type)
    if name is None and "json" not in content_type.lower():
        name = next(_stated(content[:_SNIFFED]), None)
        if name is None:
            try:
                return content.decode(_UTF8)
            except UnicodeDecodeError:
                name = _LATIN
    return _decode(content, name or _UTF8)


def _of_header(content_type: str) -> str | None:
    found = _PARAMETER.search(content_type)
    return _encoding(found[1]) if found else None


def _encoding(label: str) -> str | None:
    """Return the standard's name of an encoding by any of its labels; None for an unknown one."""
    found = webencodings.lookup(label)
    return None if found is None or found.name in _NO_TEXT else found.name


def _stated(start: bytes) -> Iterator[str]:
    """The known encodings that an XML declaration or meta tags state, outside of comments."""
    declared = _XML.match(start)
    labels = [declared[1]] if declared else []
    labels += _meta_labels(_COMMENT.sub(b"", start))
    for label in labels:
        name = _encoding(label.decode("latin-1"))
        if name is not None:
            # What could be read as ASCII is not UTF-16.
            yield _UTF8 if name.startswith("utf-16") else name


def _meta_labels(start: bytes) -> Iterator[bytes]:
    for tag in _META.finditer(start):
        values = {
            name.lower(): double or single or bare
            for name, double, single, bare in reversed(_ATTRIBUTE.findall(tag[1]))
        }
        if values.get(b"charset"):
            yield values[b"charset"].strip()
        elif values.get(b"http-equiv", b"").lower() == b"content-type":
            found = _PARAMETER.search(";" + values.get(b"content", b"").decode("latin-1"))
            if found:
                yield found[1].encode()


def _decode(content: bytes, name: str) -> str:
    if name == "euc-jp":
        return _decode_euc_jp(content)
    if name == "iso-2022-jp":
        return _decode_iso_2022_jp(content)
    if name in _NOT_SINGLE_BYTE:
        return content.decode(_CODECS.get(name, name), errors="replace")
    return codecs.charmap_decode(content, "replace", _table(name))[0]


@cache
def _table(name: str) -> str:
    """The characters of a single-byte encoding; a control byte that Python leaves undefined is itself."""
    codec = _CODECS.get(name, name)
    known = (bytes([code]).decode(codec, errors="replace") for code in range(256))
    return "".join(
        chr(code) if character == _UNDEFINED and code in _CONTROLS else character
        for code, character in enumerate(known)
    )


@cache
def _windows_pairs() -> dict[bytes, str]:
    """The characters of EUC-JP's pairs that only Windows has: NEC's and IBM's rows."""
    pairs = {}
    for index, (row, cell) in enumerate(itertools.product(_ROWS, _ROWS)):
        lead, trail = divmod(index, len(_TRAILS))
        character = bytes((_LEADS[lead], _TRAILS[trail])).decode("cp932", errors="replace")
        if len(character) == 1 and character != _UNDEFINED:
            pairs[bytes((row, cell))] = character
    return pairs


def _windows_pair(error: UnicodeError) -> tuple[str, int]:
    """Decode a pair that Python's EUC-JP does not have."""
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - used for decoding only
    pair = error.object[error.start : error.start + 2]
    character = _windows_pairs().get(pair)
    return (_UNDEFINED, error.start + 1) if character is None else (character, error.start + 2)


codecs.register_error("seda.windows_pair", _windows_pair)


def _decode_euc_jp(content: bytes) -> str:
    return content.decode("euc-jp", errors="seda.windows_pair").translate(_AS_WINDOWS)


def _decode_iso_2022_jp(content: bytes) -> str:
    """Decode by the escapes' parts; a part of pairs is EUC-JP without its high bits."""
    first, *rest = _ESCAPE.split(content)
    parts = [first.decode("ascii", errors="replace")]
    for escape, part in zip(rest[::2], rest[1::2], strict=True):
        if escape.startswith(b"$"):
            parts.append(_decode_euc_jp(part.translate(_HIGH_BITS)))
        elif escape == b"(I":
            parts.append(part.decode("ascii", errors="replace").translate(_HALF_WIDTH))
        else:
            parts.append(part.decode("ascii", errors="replace"))
    return "".join(parts)
