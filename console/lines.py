"""Requests with a bounded body, and responses of one JSON object a line that end when the page goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MAX_BODY_BYTES = 16 * 1024 * 1024
_BODY_SECONDS = 20.0
# A page that reads nothing for so long has stopped.
_WRITE_SECONDS = 60.0


async def read_json(request: Request) -> dict[str, Any]:
    """Return the object in the body. Raises HTTPException for a body that is too large, too slow or none."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MAX_BODY_BYTES:
                    raise HTTPException(413, f"A request has at most {MAX_BODY_BYTES:,} bytes.")
                parts.append(part)
        body = json.loads(b"".join(parts))
    except TimeoutError:
        raise HTTPException(408, "The request took too long.") from None
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is no JSON.") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "The body is no JSON object.")
    return body


class Lines(Response):
    """Writes what the generator yields, each on a line; closes it when the page has gone or reads no more."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncGenerator[bytes, None]) -> None:
        super().__init__()
        self._lines = lines
        del self.headers["content-length"]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        writing, gone = asyncio.ensure_future(self._write(send)), asyncio.ensure_future(_disconnect(receive))
        try:
            await asyncio.wait((writing, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (writing, gone):
                each.cancel()
            # The generator has ended what it had begun when this has ended.
            await asyncio.wait((writing, gone))
        if not writing.cancelled():
            writing.result()

    async def _write(self, send: Send) -> None:
        async with aclosing(self._lines) as lines:
            async for line in lines:
                async with asyncio.timeout(_WRITE_SECONDS):
                    await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
