"""Extracts the title, meta tags, JSON-LD and text of an HTML page.

One pass without a tree, over a bounded number of tags and attributes, in linear time: an adversarial page costs no more
than any other of its length.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

MAX_TAGS = 20_000
MAX_ATTRIBUTES = 30_000
"""Of all tags together; a page with more is read up to this one."""
MAX_TEXT = 200_000
MAX_METAS = 200
MAX_JSON_LD = 10
MAX_JSON_LD_CHARS = 100_000
_MAX_TITLE = 500
_MAX_NAME = 200
_MAX_CONTENT = 2_000
_MAX_URL = 2_048

_NAME = re.compile(r"[A-Za-z][^\s/>]{0,99}")
# An attribute's name with its equals sign, or the end of the tag. Quoted values are found with str.find.
_ATTRIBUTE = re.compile(r"[\s/]*+(?:(?P<end>>)|(?P<name>=?+[^\s/>=]++)(?:\s*+(?P<equals>=)\s*+)?+)")
_UNQUOTED = re.compile(r"[^\s>]*+")
_SPACES = re.compile(r"\s++")
# Raw text elements: their content ends at their own end tag. Only the first two are read.
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("title", "script", "style", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript")
}
_IN_HEAD = frozenset(("html", "head", "meta", "link", "base", "template", *_RAW)) - {
    "textarea",
    "xmp",
    "iframe",
}
_NAMING = ("property", "name", "itemprop")
# Elements without an end tag.
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "frame",
        "hr",
        "img",
        "input",
        "keygen",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
_HIDING_STYLE = re.compile(r"display\s*+:\s*+none|visibility\s*+:\s*+(?:hidden|collapse)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Meta:
    """A meta tag: its name in lower case, its content, and whether it is in the head."""

    name: str
    content: str
    in_head: bool


@dataclass(slots=True)
class Page:
    """The metadata of a page. `canonical_url` is unchecked. `text` is the visible text with single spaces."""

    title: str = ""
    metas: list[Meta] = field(default_factory=list)
    json_ld: list[str] = field(default_factory=list)
    canonical_url: str = ""
    text: str = ""

    def meta(self, name: str) -> str:
        """Return the content of the first meta tag of this name that has one, or an empty text."""
        return next((each.content for each in self.metas if each.name == name and each.content), "")


def read_page(source: str) -> Page:
    """Parse a page. Never raises; a broken page is read up to the error."""
    scanner = _Scanner(source)
    scanner.run()
    scanner.page.text = _joined(" ".join(scanner.texts))
    return scanner.page


class _Scanner:
    """The state of a scan. A position of -1 means that the rest is unreadable."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._in_head = True
        self._templates = 0
        # The outermost hidden element, and how many elements of its name are open in it, itself included.
        self._hidden_name = ""
        self._hidden_depth = 0
        self._attributes_left = MAX_ATTRIBUTES
        self._text_left = MAX_TEXT
        self.page = Page()
        self.texts: list[str] = []

    def run(self) -> None:
        """Scan to the end or to MAX_TAGS."""
        position = 0
        for _ in range(MAX_TAGS):
            start = self._source.find("<", position)
            self._take_text(position, start)
            if start < 0:
                return
            position = self._markup(start)
            if position < 0:
                return

    def _take_text(self, start: int, end: int) -> None:
        if self._text_left <= 0 or self._templates or self._hidden_depth:
            return
        piece = self._source[start : end if end >= 0 else len(self._source)][: self._text_left]
        if piece and not piece.isspace():
            self.texts.append(_unescaped(piece))
            self._text_left -= len(piece)

    def _markup(self, start: int) -> int:
        """Return the position after the markup that begins with the `<` at `start`."""
        follows = self._source[start + 1 : start + 2]
        if self._source.startswith("<!--", start):
            return self._after("-->", start + 4)
        if follows in {"!", "?"}:
            return self._after(">", start + 2)
        if follows == "/":
            return self._end_tag(start + 2)
        name = _NAME.match(self._source, start + 1)
        if name is None:
            # A lone `<` is text.
            return start + 1
        return self._start_tag(name[0].lower(), name.end())

    def _after(self, mark: str, start: int) -> int:
        found = self._source.find(mark, start)
        return -1 if found < 0 else found + len(mark)

    def _end_tag(self, start: int) -> int:
        name = _NAME.match(self._source, start)
        if name is not None:
            kind = name[0].lower()
            self._in_head = self._in_head and kind != "head"
            if kind == "template" and self._templates:
                self._templates -= 1
            if kind == self._hidden_name and self._hidden_depth and not self._templates:
                self._hidden_depth -= 1
        return self._after(">", start)

    def _start_tag(self, name: str, position: int) -> int:
        attributes: dict[str, str] = {}
        position = self._attributes(position, attributes)
        if position < 0 or name == "plaintext":
            return -1
        if name not in _IN_HEAD:
            self._in_head = False
        if name == "template":
            self._templates += 1
        elif not self._templates:
            self._track_hidden(name, attributes)
            self._take(name, attributes)
        return self._raw(name, attributes, position) if name in _RAW else position

    def _track_hidden(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._hidden_name == "p":
            # A paragraph ends where the next one begins.
            self._hidden_depth = 0
        if self._hidden_depth:
            self._hidden_depth += name == self._hidden_name
        elif name not in _VOID and name not in _RAW and _is_hidden(name, attributes):
            self._hidden_name, self._hidden_depth = name, 1

    def _attributes(self, position: int, into: dict[str, str]) -> int:
        """Read attributes up to the end of the tag; return the position after it."""
        while (found := _ATTRIBUTE.match(self._source, position)) is not None:
            position = found.end()
            if found["end"]:
                return position
            value = ""
            if found["equals"]:
                value, position = self._value(position)
                if position < 0:
                    return -1
            into.setdefault(found["name"].lower(), value)
            self._attributes_left -= 1
            if not self._attributes_left:
                return -1
        return -1

    def _value(self, position: int) -> tuple[str, int]:
        quote = self._source[position : position + 1]
        if quote in {'"', "'"}:
            end = self._source.find(quote, position + 1)
            return (self._source[position + 1 : end], end + 1) if end >= 0 else ("", -1)
        found = _UNQUOTED.match(self._source, position)
        return (found[0], found.end()) if found else ("", position)

    def _take(self, name: str, attributes: dict[str, str]) -> None:
        if name == "meta":
            self._take_meta(attributes)
        elif name == "link" and self._in_head and "canonical" in attributes.get("rel", "").lower().split():
            address = _unescaped(attributes.get("href", "")[:_MAX_URL]).strip()
            self.page.canonical_url = self.page.canonical_url or address

    def _take_meta(self, attributes: dict[str, str]) -> None:
        if "content" not in attributes or len(self.page.metas) == MAX_METAS:
            return
        content = _unescaped(attributes["content"][:_MAX_CONTENT]).strip()
        for naming in _NAMING:
            name = attributes.get(naming, "")
            if name:
                self.page.metas.append(Meta(name[:_MAX_NAME].strip().lower(), content, self._in_head))
                return

    def _raw(self, name: str, attributes: dict[str, str], start: int) -> int:
        found = _RAW[name].search(self._source, start)
        if found is None:
            return -1
        if name == "title" and not self.page.title and not self._templates:
            self.page.title = _joined(_unescaped(self._source[start : found.start()][: 4 * _MAX_TITLE]))[
                :_MAX_TITLE
            ]
        elif name == "script" and not self._templates:
            self._take_script(attributes, start, found.start())
        return self._after(">", found.end())

    def _take_script(self, attributes: dict[str, str], start: int, end: int) -> None:
        kind = attributes.get("type", "").partition(";")[0].strip().lower()
        if kind != "application/ld+json" or len(self.page.json_ld) == MAX_JSON_LD:
            return
        if end - start <= MAX_JSON_LD_CHARS:
            self.page.json_ld.append(self._source[start:end].strip())


def _is_hidden(name: str, attributes: dict[str, str]) -> bool:
    """Return whether browsers don't show an element, by its own tag; style sheets are not read."""
    if "hidden" in attributes or (name == "dialog" and "open" not in attributes):
        return True
    return _HIDING_STYLE.search(_unescaped(attributes.get("style", ""))) is not None


def _joined(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # A character reference of thousands of digits.
        return text
