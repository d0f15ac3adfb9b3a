"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar, cast

from google.protobuf.message import Message

_Item = TypeVar("_Item")
_Page = TypeVar("_Page")


class PageTokenError(RuntimeError):
    """The server gave a page token for the second time: the list would never end."""


class _Cursor:
    """Where one pass over a list is: the request of the next page, None at the end; `left` items may still come."""

    def __init__(self, rpc: Any, request: Message, items: str, limit: int | None) -> None:  # noqa: ANN401 - either client's
        self._name, self._items, self._left = rpc.method.short_name, items, limit
        self._seen: set[str] = set()
        self.request: Any = type(request)()
        self.request.CopyFrom(request)

    def take(self, page: Any) -> list[Any]:  # noqa: ANN401 - any list response
        """The items of a page, as far as wanted."""
        items = list(getattr(page, self._items))[: self._left]
        if self._left is not None:
            self._left -= len(items)
        return items

    def turn(self, page: Any) -> None:  # noqa: ANN401 - as above
        """Go on to the page after this one."""
        token, request, self.request = page.next_page_token, self.request, None
        if token in self._seen:
            raise PageTokenError(f"{self._name} repeats a page token")
        self._seen.add(token)
        if token and self._left != 0:
            self.request = type(request)()
            self.request.CopyFrom(request)
            self.request.page_token = token


class _Listing(Generic[_Item, _Page]):
    """What both kinds of lists have; without `limit`, all items."""

    def __init__(self, rpc: Any, request: Message, items: str, limit: int | None) -> None:  # noqa: ANN401 - either client's
        if limit is not None and limit < 1:
            raise ValueError("limit must be positive")
        if items not in rpc.method.response_type.DESCRIPTOR.fields_by_name:
            raise ValueError(f"{rpc.method.response_type.DESCRIPTOR.full_name} has no field {items}")
        self._rpc, self._list = rpc, (rpc, request, items)
        self._limit = limit


class AsyncPages(_Listing[_Item, _Page]):
    """The items of a list; `pages()` has the responses."""

    async def pages(self) -> AsyncIterator[_Page]:
        """Yield each response."""
        cursor = _Cursor(*self._list, None)
        while cursor.request is not None:
            page = await self._rpc(cursor.request)
            yield cast("_Page", page)
            cursor.turn(page)

    async def __aiter__(self) -> AsyncIterator[_Item]:
        cursor = _Cursor(*self._list, self._limit)
        while cursor.request is not None:
            page = await self._rpc(cursor.request)
            for item in cursor.take(page):
                yield cast("_Item", item)
            cursor.turn(page)


class SyncPages(_Listing[_Item, _Page]):
    """The items of a list; `pages()` has the responses."""

    def pages(self) -> Iterator[_Page]:
        """Yield each response."""
        cursor = _Cursor(*self._list, None)
        while cursor.request is not None:
            page = self._rpc(cursor.request)
            yield cast("_Page", page)
            cursor.turn(page)

    def __iter__(self) -> Iterator[_Item]:
        cursor = _Cursor(*self._list, self._limit)
        while cursor.request is not None:
            page = self._rpc(cursor.request)
            for item in cursor.take(page):
                yield cast("_Item", item)
            cursor.turn(page)


def paginate(
    rpc: Any,  # noqa: ANN401 - either client's
    request: Message,
    *,
    items: str,
    limit: int | None = None,
) -> AsyncPages[Any, Any] | SyncPages[Any, Any]:
    """The items of all pages of a list: those of the responses' field `items`, `limit` at most.

    Raises SedaError, or PageTokenError when the server gives a token twice.
    """
    return (AsyncPages if rpc.is_async else SyncPages)(rpc, request, items, limit)
