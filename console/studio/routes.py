"""The studio's part of the console's API: POST /api/studio/<operation> with JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from console.studio.errors import StudioError
from console.studio.export import MEDIA_TYPES, Writer
from console.studio.opening import open_studio
from console.studio.query import MOST_FILTERS, MOST_PAGE_ROWS, PAGE_ROWS, Filter, PageQuery
from console.studio.tables import Studio
from console.studio.timeline import timeline

_MOST_BODY_BYTES = 65_536
_Name = Annotated[str, StringConstraints(max_length=63)]
_Value = Annotated[str, StringConstraints(max_length=4_096)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Table(_Asked):
    slice: _Name
    table: _Name


class _Condition(_Asked):
    column: _Name
    operator: _Name
    value: _Value = ""


class _Count(_Table):
    filters: Annotated[list[_Condition], Field(max_length=MOST_FILTERS)] = []

    def conditions(self) -> list[Filter]:
        return [Filter(each.column, each.operator, each.value) for each in self.filters]


class _Page(_Count):
    order: _Name = ""
    descending: bool = False
    after: Annotated[list[_Value], Field(max_length=8)] = []
    rows: Annotated[int, Field(ge=1, le=MOST_PAGE_ROWS)] = PAGE_ROWS
    anyway: bool = False

    def query(self) -> PageQuery:
        return PageQuery(self.conditions(), self.order, self.descending, self.after, self.rows)


class _Export(_Page):
    format: Literal["csv", "jsonl"]


class _Row(_Table):
    key: Annotated[list[_Value], Field(max_length=8)]


class _Reveal(_Row):
    column: _Name


class _Timeline(_Asked):
    room_id: _Name
    before_rev: _Name = ""


_A = TypeVar("_A", bound=_Asked)


class StudioRoutes:
    """The operations on the studio of the database that an environment names; it is opened by the first request."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._studio: Studio | None = None

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Close the studio at the end."""
        try:
            yield
        finally:
            if self._studio is not None:
                await self._studio.close()

    def _open(self) -> Studio:
        if self._studio is None:
            self._studio = open_studio(self._environ)
        return self._studio

    def routes(self) -> list[Route]:
        """The routes of the API."""
        return [
            self._route("slices", _Asked, lambda studio, _: studio.slices()),
            self._route(
                "structure", _Table, lambda studio, asked: studio.structure(asked.slice, asked.table)
            ),
            self._route("page", _Page, _page),
            self._route("count", _Count, _count),
            self._route("row", _Row, lambda studio, asked: studio.row(asked.slice, asked.table, asked.key)),
            self._route("reveal", _Reveal, _reveal),
            self._route("timeline", _Timeline, _timeline),
            self._route("export", _Export, _export),
        ]

    def _route(self, name: str, shape: type[_A], answer: Callable[[Studio, _A], Awaitable[object]]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                found = await answer(self._open(), shape.model_validate_json(await _body(request)))
            except StudioError as error:
                told = {"error": error.text, "reason": error.reason, "anyway": error.anyway}
                return JSONResponse(told, error.status)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(map(str, first["loc"]))
                return JSONResponse({"error": f"{where}: {first['msg']}", "reason": "MALFORMED"}, 400)
            return found if isinstance(found, Response) else JSONResponse(found)

        return Route(f"/api/studio/{name}", endpoint, methods=["POST"])


async def _body(request: Request) -> bytes:
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > _MOST_BODY_BYTES:
            raise StudioError("TOO_LARGE", f"A request has at most {_MOST_BODY_BYTES} bytes.", 413)
    return found


async def _page(studio: Studio, asked: _Page) -> object:
    return await studio.page(asked.slice, asked.table, asked.query(), anyway=asked.anyway)


async def _count(studio: Studio, asked: _Count) -> object:
    return await studio.count(asked.slice, asked.table, asked.conditions())


async def _reveal(studio: Studio, asked: _Reveal) -> object:
    return await studio.reveal(asked.slice, asked.table, asked.key, asked.column)


async def _timeline(studio: Studio, asked: _Timeline) -> object:
    return await timeline(studio.reader("chat"), asked.room_id, asked.before_rev, texts=studio.shows_texts)


async def _export(studio: Studio, asked: _Export) -> Response:
    """Stream rows; the first are read before the answer begins, so that a refusal is still one."""
    pages = studio.export(asked.slice, asked.table, asked.query(), anyway=asked.anyway)
    columns, rows = await anext(pages)
    writer = Writer(asked.format, columns)

    async def lines() -> AsyncIterator[str]:
        yield writer.head() + writer.lines(rows)
        async for _, others in pages:
            yield writer.lines(others)

    return StreamingResponse(lines(), media_type=MEDIA_TYPES[asked.format])
