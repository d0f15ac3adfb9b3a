"""Who may talk to the console: pages that it served itself, in browsers that were given its key.

Any page on the web can make a browser send requests to 127.0.0.1, under any name that resolves to it; and any user of this
machine can connect.
"""

from __future__ import annotations

import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API: Final = "/api/"
_NAMES = ("127.0.0.1", "[::1]", "localhost")
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Refuses with 403 before routing whatever does not come from the console's own page, and adds the headers."""

    def __init__(self, app: ASGIApp, port: int, key: str) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in _NAMES)
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                # Files are asked for again each time; they are small and near.
                headers["cache-control"] = "no-store" if scope["path"].startswith(API) else "no-cache"
            await send(message)

        why = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        app = self._app if why is None else JSONResponse({"error": why}, 403)
        await app(scope, receive, send_with_headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> str | None:
        if len(headers.getlist("host")) != 1 or headers["host"] not in self._hosts:
            return "This name is not the console's."
        if path.startswith(API):
            return self._api_refusal(method, headers)
        return None if method in {"GET", "HEAD"} else "Nothing is taken here."

    def _api_refusal(self, method: str, headers: Headers) -> str | None:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        own_origin = origin is not None and origin.removeprefix("http://") in self._hosts
        post = method == "POST"
        refusals = {
            "This method is not served.": not post and method != "GET",
            "The key is missing or wrong. Open the address that `seda up` or `seda console` printed.": (
                not secrets.compare_digest(headers.get("x-seda-key", "").encode(), self._key)
            ),
            "Only the console's own page may do this.": (
                site not in {None, "same-origin"}
                or (origin is not None and not own_origin)
                or (post and site is None and not own_origin)
            ),
            "A request is JSON.": post and headers.get("content-type") != "application/json",
        }
        return next((why for why, refused in refusals.items() if refused), None)
