"""A page of HTML, scanned for the few tags that describe it.

No tree is built: time is linear in the length of the page whatever it holds, and only the first two thousand
of the tags that matter are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import NamedTuple

from services.tracks.domain.web.charset import decoded

_TAGS = 2000
_ATTRIBUTES = 64
_BLOCKS = 64
_TAG_LENGTH = 1 << 17
_TITLE_LENGTH = 2000
_START = re.compile(r"<(?=[!MLTmlSts])(?:(!--)|(meta|link|title|script)(?=[\s/>]))", re.IGNORECASE)
# Possessive throughout: what did not fit the first time is not tried in other ways.
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++)))?+""")
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)


class Page(NamedTuple):
    """What a page says of itself. Texts have their entities decoded; empty where the page is silent.

    `metas` are by property or name, in lower case, each with its first content. `linked_data` are the JSON-LD
    blocks as they stand.
    """

    metas: Mapping[str, str]
    title: str
    canonical: str
    linked_data: tuple[str, ...]
    player_data: str

    @property
    def silent(self) -> bool:
        """Whether nothing at all was found, as in what is no page."""
        return not (self.metas or self.title or self.canonical or self.linked_data or self.player_data)


class _Tag(NamedTuple):
    name: str
    attributes: Mapping[str, str]
    body: str


def read_page(content: bytes, content_type: str) -> Page:
    """The page that a body holds, `silent` when it holds none."""
    metas: dict[str, str] = {}
    title = canonical = player_data = ""
    blocks: list[str] = []
    for tag in _tags(decoded(content, content_type)):
        match tag.name:
            case "meta":
                name = tag.attributes.get("property") or tag.attributes.get("name") or ""
                if name and "content" in tag.attributes:
                    metas.setdefault(name.strip().lower(), tag.attributes["content"])
            case "title":
                title = title or unescape(tag.body)
            case "link" if "canonical" in tag.attributes.get("rel", "").lower().split():
                canonical = canonical or tag.attributes.get("href", "").strip()
            case "script":
                player_data = player_data or tag.attributes.get("data-player-data", "")
                if tag.attributes.get("type", "").strip().lower() == "application/ld+json":
                    blocks.append(tag.body)
    return Page(metas, title, canonical, tuple(blocks[:_BLOCKS]), player_data)


def _tags(text: str) -> Iterator[_Tag]:
    """The tags that matter, in their order, with what stands in a title or a script."""
    place = 0
    for _ in range(_TAGS):
        start = _START.search(text, place)
        if start is None:
            return
        if start[1]:
            end = text.find("-->", start.end())
            if end < 0:
                return
            place = end
            continue
        name = start[2].lower()
        attributes, place = _attributes(text, start.end())
        body = ""
        if name == "title":
            end = text.find("<", place, place + _TITLE_LENGTH)
            body = text[place : end if end >= 0 else place + _TITLE_LENGTH]
        elif name == "script":
            closed = _SCRIPT_END.search(text, place)
            end = closed.start() if closed else len(text)
            body, place = text[place:end], end
        yield _Tag(name, attributes, body)


def _attributes(text: str, place: int) -> tuple[dict[str, str], int]:
    """A tag's attributes, each with its first value, and the place behind the tag."""
    found: dict[str, str] = {}
    end = min(len(text), place + _TAG_LENGTH)
    for _ in range(_ATTRIBUTES):
        match = _ATTRIBUTE.match(text, place, end)
        if match is None:
            break
        found.setdefault(match[1].lower(), unescape(match[2] or match[3] or match[4] or ""))
        place = match.end()
    closed = text.find(">", place, end)
    return found, closed + 1 if closed >= 0 else end
