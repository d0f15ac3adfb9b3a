"""A suite from its start to its end, over restarts with other settings; requests of other commands reach it here."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops.data_dir import ProcessIdentity, SuiteState
from ops.errors import CliError, Exit
from ops.instances import Instance, Registry
from ops.topology import CONSOLE
from ops.up import database
from ops.up.addresses import console_url, print_addresses
from ops.up.control import ControlServer
from ops.up.keys import keys
from ops.up.ports import require_free
from ops.up.quickstart import seda_command
from ops.up.supervisor import NewSettings, Prepare, Supervisor
from ops.version import VERSION

if TYPE_CHECKING:
    import socket

    from ops.console import Console
    from ops.topology import ProcessSpec
    from ops.up.options import UpOptions
    from ops.up.progress import Progress


class SuiteRun:
    """Call `run` once, holding the data folder's lock. `listener` takes the requests of other commands.

    `prepare` makes the database ready for the services, `demo` says whether to make demo data on the first start.
    With `release` the suite goes on in the background, once it serves.
    """

    def __init__(  # noqa: PLR0913 - everything after the first three is given by keyword
        self,
        options: UpOptions,
        console: Console,
        progress: Progress,
        *,
        processes: tuple[ProcessSpec, ...],
        prepare: Prepare,
        demo: bool,
        listener: socket.socket,
        release: Callable[[], None] | None = None,
    ) -> None:
        self._options = options
        self._console = console
        self._progress = progress
        self._processes = processes
        self._prepare = prepare
        self._demo = demo
        self._listener = listener
        self._release = release
        self._has_keys = release is None and console.interactive
        self._where = ""
        self._supervisor: Supervisor
        self._ready: asyncio.Future[None]
        self._ended: asyncio.Future[dict[str, object]]

    async def run(self) -> None:
        """Serve until a stop is requested. Raises CliError when a start fails."""
        self._ready, self._ended = _future(), _future()
        async with ControlServer(self._listener, self._answer):
            with keys(self._on_key) if self._has_keys else contextlib.nullcontext():
                await self._run_to_the_end()
        restart = f"{seda_command(self._options.environ)} up"
        self._progress.stopped(
            self._supervisor.steps, self._options.data_dir, restart, kept=not self._options.ephemeral
        )

    async def _run_to_the_end(self) -> None:
        try:
            while (settings := await self._run_once()) is not None:
                self._options = replace(self._options, environ=settings.environ, port_base=settings.port_base)
        except CliError as error:
            _fail(self._ready, error)
            raise
        finally:
            _fail(self._ready, CliError("STOPPED", "It was stopped before it was ready."))
            steps = [{"name": name, "seconds": seconds} for name, seconds in self._supervisor.steps]
            self._ended.set_result({"steps": steps})

    def _on_key(self, key: str) -> None:
        if key == "q":
            self._supervisor.interrupt()
        elif key == "l":
            self._supervisor.toggle_logs()
        elif key == "s" and self._supervisor.ready:
            self._print_block()

    async def _run_once(self) -> NewSettings | None:
        options = self._options
        # It is only for those who look at all suites.
        with contextlib.suppress(OSError):
            Registry(options.environ).record(
                Instance(options.data_dir.path, options.environ.get("SEDA_NAME", ""), options.port_base)
            )
        self._supervisor = Supervisor(
            self._options,
            self._progress,
            self._state(),
            processes=self._processes,
            prepare=self._prepare,
            after_ready=self._seed_data(),
            on_ready=self._on_ready,
        )
        return await self._supervisor.run()

    def _state(self) -> SuiteState:
        options = self._options
        return SuiteState(
            version=VERSION,
            supervisor=ProcessIdentity.of(os.getpid()),
            since=datetime.now().astimezone().isoformat(timespec="seconds"),
            port_base=options.port_base,
            settings=options.restart_settings(),
            own_postgres=not options.database_url,
        )

    def _seed_data(self) -> Callable[[], Awaitable[None]] | None:
        options, progress = self._options, self._progress
        if not self._demo or not options.demo or options.data_dir.demo_marker.exists():
            return None

        async def make() -> None:
            from ops import seed_data
            from ops.data_dir import jwt_secret
            from ops.database.connection import admin_dsn
            from ops.database.verification import decide
            from sedaclient import SedaError
            from services.users.domain.verification import Decision

            environ = {**options.environ, "SEDA_HOME": str(options.data_dir.path)}
            audience = environ.get("SEDA_JWT_AUDIENCE", "authenticated")

            async def approve(claim_id: str) -> None:
                await decide(admin_dsn(environ), claim_id, Decision.APPROVE, "Demo data")

            gateway = next(options.ports.address(each) for each in self._processes if each.name == "gateway")
            try:
                with progress.phase("demo", "demo data") as phase:
                    phase.detail = str(await seed_data.load(gateway, jwt_secret(environ), approve, audience))
                options.data_dir.demo_marker.touch()
            except (SedaError, CliError) as error:
                # The suite works without; the next start tries again.
                progress.note(f"demo data could not be made: {error}")

        return make

    def _print_block(self) -> None:
        options = self._options
        print_addresses(
            options.data_dir, options.environ, options.ports, self._progress, self._processes, self._where
        )

    def _on_ready(self, seconds: float, where: str) -> None:
        options, progress, self._where = self._options, self._progress, where
        self._print_block()
        if self._release is None:
            progress.ready(options.data_dir, seconds, kept=not options.ephemeral, keys=self._has_keys)
        else:
            progress.ready_in_background(options.data_dir, seconds, seda_command(options.environ))
        addresses = {each.name: options.ports.address(each) for each in self._processes}
        if CONSOLE in self._processes:
            addresses["console"] = console_url(options.data_dir, options.ports)
        self._console.event("ready", ms=round(seconds * 1000), data=options.data_dir.path, **addresses)
        if self._release is not None:
            self._release()
        if not self._ready.done():
            self._ready.set_result(None)

    async def _answer(self, request: Mapping[str, Any]) -> Mapping[str, object]:
        if request["do"] == "stop":
            self._supervisor.stop()
            return await asyncio.shield(self._ended)
        if not self._supervisor.ready:
            raise CliError(
                "STARTING",
                "It is starting or stopping.",
                fix="Wait a moment, then try again.",
                retry=True,
                exit_code=Exit.LOCK_BUSY,
            )
        if "service" in request:
            return {"seconds": await self._supervisor.restart_service(request["service"])}
        await self._restart(NewSettings(request["environ"], request["port_base"]))
        return {}

    async def _restart(self, settings: NewSettings) -> None:
        old = self._options
        new = replace(old, environ=settings.environ, port_base=settings.port_base)
        if old.ephemeral:
            raise CliError(
                "EPHEMERAL", "A stop deletes the data of this suite: it was started with --ephemeral."
            )
        # What would make the start fail is better found before the stop.
        own = old.ports.used(self._processes, postgres=not old.database_url)
        require_free(new.ports, self._processes, postgres=not new.database_url, ours=own)
        if new.database_url:
            await database.require_reachable(new.database_url)
        if not self._supervisor.ready:
            raise CliError("STOPPING", "It is stopping.")
        self._ready = _future()
        self._supervisor.restart(settings)
        await asyncio.shield(self._ready)


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _fail(future: asyncio.Future[None], error: CliError) -> None:
    if not future.done():
        future.set_exception(error)
        # Nobody may be waiting for it.
        future.exception()
