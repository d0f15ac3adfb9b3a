"""The web application: what it knows, its routes, its pages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.calls import Calls
from console.events import Events
from console.explore import Explore
from console.guard import Guard
from console.identities import Identities
from console.settings import ConsoleSettings
from console.studio.routes import StudioRoutes
from console.targets import make_targets

_STATIC = Path(__file__).parent / "static"


def create_app(settings: ConsoleSettings) -> Starlette:
    """Return the application. Raises OSError for an unreadable file of TLS."""
    targets, identities = make_targets(settings), Identities(settings)
    events, studio = Events(settings, targets), StudioRoutes(settings.environ)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with events.lifespan(app), studio.lifespan(app):
            yield

    return Starlette(
        routes=[
            Route("/", _index),
            *studio.routes(),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *Explore(
                targets, identities, suite=settings.home is not None, tls=settings.tls is not None
            ).routes(),
            *Calls(targets, identities).routes(),
            *events.routes(),
        ],
        middleware=[Middleware(Guard, port=settings.port, key=settings.key)],
        lifespan=lifespan,
        exception_handlers={HTTPException: _refuse},
    )


async def _index(_request: Request) -> FileResponse:
    return FileResponse(_STATIC / "index.html")


async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return JSONResponse({"error": error.detail}, error.status_code)
