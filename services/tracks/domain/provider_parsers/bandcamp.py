"""Parser of the JSON-LD of a Bandcamp page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.tracks.domain.provider_parsers.json_document import member, parse_document
from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from services.tracks.domain.provider_parsers.sanitize import resolve_image, sanitize_metadata, unescape
from services.tracks.domain.web.charset import decode
from services.tracks.domain.web.html_metadata import Page, read_page

_RECORDING = "MusicRecording"
# Bandcamp omits the T of ISO 8601: P00H03M25S.
_DURATION = re.compile(r"PT?(?:([0-9]{1,3})H)?(?:([0-9]{1,4})M)?(?:([0-9]{1,6}(?:\.[0-9]{1,9})?)S)?")
_NUMBER = "track_id"
# What pages put around the JSON of a script, up to so many of them.
_BEFORE = ("//", "/*", "*/", "<!--", "<![CDATA[")
_BEHIND = ("//", "/*", "*/", "-->", "]]>", ";")
_MAX_WRAPPINGS = 8


def parse_bandcamp(content: bytes, content_type: str, *, base_url: str = "") -> ProviderMetadata:
    """Parse the track of a page of this URL, with the player's link as an alias."""
    recording = next(_recordings(read_page(decode(content, content_type))), None)
    if recording is None:
        raise ParseError("a page without a recording")
    # Bandcamp escapes these texts as HTML, although a script is not HTML.
    metadata = sanitize_metadata(
        unescape(recording.get("name")),
        unescape(_name(_first(recording.get("byArtist")))),
        resolve_image(base_url, _address(_first(recording.get("image")))),
        _seconds(recording.get("duration")),
        recording.get("isrcCode"),
    )
    return ProviderMetadata(metadata, tuple(_aliases(recording.get("additionalProperty"))))


def _recordings(page: Page) -> Iterator[dict[str, object]]:
    for block in page.json_ld:
        try:
            document = parse_document(_unwrapped(block))
        except ParseError:
            continue
        graph = member(document, "@graph")
        for node in _listed(document) + _listed(graph):
            if isinstance(node, dict) and _RECORDING in map(_type, _listed(node.get("@type"))):
                yield node


def _unwrapped(block: str) -> str:
    """Return the JSON of a script without comments, CDATA and semicolons around it."""
    for _ in range(_MAX_WRAPPINGS):
        block = block.strip()
        for mark in _BEFORE:
            block = block.removeprefix(mark)
        for mark in _BEHIND:
            block = block.removesuffix(mark)
    return block


def _type(value: object) -> str:
    """Return the name of a type, which may be given as an IRI of schema.org."""
    return value.rpartition("/")[2] if isinstance(value, str) else ""


def _name(value: object) -> object:
    """Return the name of a person or group, which may be given as the name alone."""
    return value if isinstance(value, str) else member(value, "name")


def _address(value: object) -> object:
    """Return the URL of an image, which may be given as an ImageObject."""
    return value if isinstance(value, str) else member(value, "url") or member(value, "contentUrl")


def _listed(value: object) -> list[object]:
    """Wrap a single JSON-LD value in a list."""
    return value if isinstance(value, list) else [value]


def _first(value: object) -> object:
    listed = _listed(value)
    return listed[0] if listed else None


def _seconds(value: object) -> float | None:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _aliases(properties: object) -> Iterator[str]:
    for each in _listed(properties):
        number = member(each, "value")
        if member(each, "name") == _NUMBER and isinstance(number, int) and 0 < number < 1 << 63:
            yield f"https://bandcamp.com/EmbeddedPlayer/track={number}"
            return
