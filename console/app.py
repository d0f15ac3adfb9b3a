"""The web application: what it knows, its routes, its pages."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.guard import Guard
from console.settings import ConsoleSettings
from console.studio.routes import StudioRoutes

_STATIC = Path(__file__).parent / "static"


def create_app(settings: ConsoleSettings) -> Starlette:
    """Return the application."""
    studio = StudioRoutes(settings.environ)
    return Starlette(
        routes=[
            Route("/", _index),
            *studio.routes(),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, port=settings.port, key=settings.key)],
        lifespan=studio.lifespan,
    )


async def _index(_request: Request) -> FileResponse:
    return FileResponse(_STATIC / "index.html")
