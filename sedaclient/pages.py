"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar, cast

from google.protobuf.message import Message

_Item = TypeVar("_Item")
_Page = TypeVar("_Page")


class PageTokenError(RuntimeError):
    """The server gave a page token for the second time: the list would never end."""


class _Listing:
    """Asks for page after page, up to `limit` items."""

    def __init__(self, rpc: Any, request: Message, items: str, limit: int | None) -> None:  # noqa: ANN401 - either client's
        if limit is not None and limit < 1:
            raise ValueError("limit must be positive")
        if items not in rpc.method.response_type.DESCRIPTOR.fields_by_name:
            raise ValueError(f"{rpc.method.response_type.DESCRIPTOR.full_name} has no field {items}")
        self._rpc, self._items, self._limit = rpc, items, limit
        self._request = type(request)()
        self._request.CopyFrom(request)
        self._seen: set[str] = set()

    def _next(self, page: Any) -> Any:  # noqa: ANN401 - any list request
        """The request of the page after `page`; None after the last."""
        token = page.next_page_token
        if not token:
            return None
        if token in self._seen:
            raise PageTokenError(f"{self._rpc.method.short_name} repeats a page token")
        self._seen.add(token)
        request = type(self._request)()
        request.CopyFrom(self._request)
        setattr(request, "page_token", token)  # noqa: B010 - of any list request
        return request

    def _take(self, page: Any, before: int) -> list[Any]:  # noqa: ANN401 - any list response
        items = getattr(page, self._items)
        return list(items if self._limit is None else items[: self._limit - before])

    def _is_full(self, count: int) -> bool:
        return self._limit is not None and count >= self._limit


class AsyncPages(_Listing, Generic[_Item, _Page]):
    """The items of a list; `pages()` has the responses."""

    async def pages(self) -> AsyncIterator[_Page]:
        """Yield each response."""
        request: Any = self._request
        while request is not None:
            page = await self._rpc(request)
            yield cast("_Page", page)
            request = self._next(page)

    async def __aiter__(self) -> AsyncIterator[_Item]:
        count = 0
        async for page in self.pages():
            for item in self._take(page, count):
                yield cast("_Item", item)
                count += 1
            if self._is_full(count):
                return


class SyncPages(_Listing, Generic[_Item, _Page]):
    """The items of a list; `pages()` has the responses."""

    def pages(self) -> Iterator[_Page]:
        """Yield each response."""
        request: Any = self._request
        while request is not None:
            page = self._rpc(request)
            yield cast("_Page", page)
            request = self._next(page)

    def __iter__(self) -> Iterator[_Item]:
        count = 0
        for page in self.pages():
            for item in self._take(page, count):
                yield cast("_Item", item)
                count += 1
            if self._is_full(count):
                return


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
