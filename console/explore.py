"""What the page starts with: the targets, their methods, the types of one, and whom to call as."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from console.calls import unreachable
from console.identities import SERVICE, Identities
from console.targets import Target
from ops.errors import CliError
from ops.up.child import PROJECT
from ops.version import VERSION

EXAMPLES = PROJECT / "docs" / "examples"


class Explore:
    """The routes that only read."""

    def __init__(
        self, targets: Mapping[str, Target], identities: Identities, *, suite: bool, tls: bool
    ) -> None:
        self._targets = targets
        self._identities = identities
        self._suite = suite
        self._tls = tls

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/api/start", self._start),
            Route("/api/catalog", self._catalog),
            Route("/api/method", self._method),
        ]

    async def _start(self, _request: Request) -> JSONResponse:
        """What stays the same for as long as this process runs; tokens show only their expiry."""
        try:
            people = [
                {
                    **asdict(each),
                    "expires": None if each.id == SERVICE else time.time() + 3600,
                }
                for each in self._identities.known.values()
            ]
        except CliError as error:
            raise HTTPException(500, error.message) from error
        targets = {name: each.address for name, each in self._targets.items()}
        return JSONResponse(
            {
                "version": VERSION,
                "suite": self._suite,
                "tls": self._tls,
                "targets": targets,
                "identities": people,
            }
        )

    async def _catalog(self, request: Request) -> JSONResponse:
        """All services of a target, read again from its reflection."""
        target = self._target(request)
        try:
            catalog = await target.catalog(fresh=True)
        except grpc.RpcError as error:
            raise HTTPException(502, unreachable(target, error)) from error
        except (TypeError, ValueError, CliError) as error:
            raise HTTPException(502, f"{target.address} describes itself wrongly: {error}") from error
        return JSONResponse({"services": catalog.list_services(), "differing": catalog.differing})

    async def _method(self, request: Request) -> JSONResponse:
        """One method with its types and its example."""
        target = self._target(request)
        method = (await target.catalog()).method(request.query_params.get("path", ""))
        if method is None:
            raise HTTPException(404, f"{target.name} has no such method.")
        described = (await target.catalog()).describe(method)
        return JSONResponse({**described, "example": _example(method.containing_service.name, method.name)})

    def _target(self, request: Request) -> Target:
        target = self._targets.get(request.query_params.get("target", ""))
        if target is None:
            raise HTTPException(404, "There is no such target.")
        return target


def _example(service: str, method: str) -> dict[str, Any] | None:
    """The example of a method, where the documentation is there, too. Names of a contract are no paths."""
    file: Path = EXAMPLES / service / f"{method}.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return None
    return found
