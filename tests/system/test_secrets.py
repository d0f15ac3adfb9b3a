"""Tokens, passwords, secrets and e-mail addresses are in no log line, error, metric or command line."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from ops.database.admin import grant
from ops.topology import SUITE, USERS, Ports
from servicekit.methods import Access
from tests.contract.auth_headers import bad_headers, service_header, user_header
from tests.contract.requests import Requests
from tests.contract.suite import Outcome, Suite, Target, send
from tests.ops.support.fake_suite import PROJECT
from tests.postgres import Database, administrator
from tests.services.running import JWT_SECRET, SERVICE_SECRET
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.system.support.processes import RealProcess, RealSuite, real_suite

pytestmark = pytest.mark.timeout(150)
EMAIL = "canary.of.ours@example.org"
REFUSED_EMAIL = "refused.canary@example.org"
ADMIN_EMAIL = "administrator.canary@example.org"
_LOUD = {"SEDA_LOG_LEVEL": "debug", "SEDA_LOG_STATEMENTS": "1"}
_VALID = 4
_BAD_HEADERS = 12
_SECONDS = 3.0
_AT_ONCE = 16


@dataclass
class Run:
    """Four processes, what was sent to them, and what came back."""

    suite: RealSuite
    served: Suite
    secrets: dict[str, str]
    targets: list[Target] = field(default_factory=list)
    errors: list[Outcome] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)

    async def ask(self, target: Target, data: bytes, header: str | None) -> Outcome:
        """Call a method, and keep the error it ends in."""
        metadata = () if header is None else (("authorization", header),)
        outcome = await send(target.at.channel, target.method, data, metadata, _SECONDS)
        self.codes.add(outcome.code.name)
        if outcome.code is not grpc.StatusCode.OK:
            self.errors.append(outcome)
        return outcome

    async def ask_all(self, *calls: tuple[Target, bytes, str | None]) -> None:
        """Make many calls, some at once. What is in a token is a secret from then on."""
        gate = asyncio.Semaphore(_AT_ONCE)
        for number, header in enumerate({header for _, _, header in calls if header}):
            for part, text in enumerate(header.split(".")[1:]):
                if len(text) > 20:
                    self.secrets[f"part {part} of token {number}"] = text

        async def one(call: tuple[Target, bytes, str | None]) -> None:
            async with gate:
                await self.ask(*call)

        await asyncio.gather(*map(one, calls))

    def target(self, name: str, at: str) -> Target:
        """A method by its name, at one process."""
        return next(each for each in self.targets if each.method.name == name and each.at.name == at)

    def texts(self) -> dict[str, str]:
        """Everything that anybody may read, by where it stands."""
        found: dict[str, str] = {}
        for each in self.suite.processes:
            found |= texts_of(each)
        for number, error in enumerate(self.errors):
            trailers = [
                (key, value if isinstance(value, str) else value.decode("latin-1"))
                for key, value in error.trailers
            ]
            found[f"error {number}"] = f"{error.message} {trailers}"
        return found


def texts_of(process: RealProcess) -> dict[str, str]:
    """A process's log, metrics and command line."""
    name = process.process.name
    metrics = f"http://127.0.0.1:{Ports(process.base).metrics(process.process)}/metrics"
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        measured = answer.read().decode()
    assert "seda_" in measured
    return {
        f"{name}'s log": process.log.read_text(errors="replace"),
        f"{name}'s metrics": measured,
        f"{name}'s command line": Path(f"/proc/{process.pid}/cmdline").read_text(),
    }


def leaks(secrets: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """Which secret stands where, with what stands around it."""
    found = []
    for (what, secret), (where, text) in itertools.product(secrets.items(), texts.items()):
        place = text.find(secret)
        if place >= 0:
            found.append(f"{what} in {where}: {text[max(0, place - 300) : place + 100]}")
    return found


def secrets_of(database: Database) -> dict[str, str]:
    """What was a secret from the start."""
    return {
        "the password of PostgreSQL": database.server.password,
        "the secret of users' tokens": JWT_SECRET,
        "the secret of services' tokens": SERVICE_SECRET,
        "an e-mail address": EMAIL,
        "another e-mail address": REFUSED_EMAIL,
        "an administrator's e-mail address": ADMIN_EMAIL,
    }


def environ(database: Database, proxy: FaultProxy) -> dict[str, str]:
    """The variables of processes that find the database behind the proxy."""
    before, after = f":{database.server.port}/", f":{proxy.port}/"
    return {name: each.replace(before, after) for name, each in database.environ.items()}


@asynccontextmanager
async def running(folder: Path, database: Database, proxy: FaultProxy) -> AsyncIterator[Run]:
    """Four real processes, logging all they can, and an administrator."""
    await grant(database.admin_dsn, ADMIN_EMAIL, "ADMIN", environment="development")
    with real_suite(folder, environ(database, proxy)) as suite:
        for each in SUITE:
            suite.add(each, **_LOUD)
        await asyncio.gather(*(each.serving() for each in suite.processes))
        async with AsyncExitStack() as stack:
            processes: dict[str, Any] = {}
            for started in suite.processes:
                channel = await stack.enter_async_context(grpc.aio.insecure_channel(started.address))
                name = started.process.name
                processes[name] = SimpleNamespace(name=name, channel=channel, reflecting=channel)
            run = Run(suite, Suite(processes), secrets_of(database))
            run.targets = await run.served.targets()
            yield run


def header(target: Target, email: str = EMAIL) -> str:
    """A header that opens the method, unless it is for moderators."""
    if target.method.access is Access.SERVICE:
        return service_header(min(target.method.callers), target.service_name)
    return user_header(ADMIN_EMAIL if target.method.access is Access.ADMIN else email)


async def something_to_find(run: Run) -> Requests:
    """Make a room, and requests that know it."""
    create = run.target("CreateRoom", "chat")
    made: Any = create.method.request_type(room={"name": "A room"})
    outcome = await run.ask(create, made.SerializeToString(), header(create))
    room = create.method.response_type.FromString(outcome.reply or b"").room  # type: ignore[attr-defined]  # found by name
    known = {
        "room_id": [room.id],
        "user_id": [room.creator_id],
        "user_ids": [room.creator_id],
        "id": [room.creator_id],
        "email": [EMAIL, REFUSED_EMAIL],
    }
    return Requests(20_261_122, known)


@pytest.mark.slow
async def test_no_secret_is_told_whatever_happens(database: Database, tmp_path: Path) -> None:
    chosen = random.Random(20_261_122)
    async with (
        fault_proxy(f"127.0.0.1:{database.server.port}") as proxy,
        running(tmp_path, database, proxy) as run,
        administrator(database.server, database.name) as connection,
    ):
        requests = await something_to_find(run)

        def valid(target: Target) -> bytes:
            return requests.valid(target.method.request_type.DESCRIPTOR).SerializeToString()

        headers = [refused for refused, _ in bad_headers().values()]
        await run.ask_all(*((each, valid(each), header(each)) for each in run.targets for _ in range(_VALID)))
        await run.ask_all(
            *(
                (each, valid(each), bad)
                for each in run.targets
                for bad in chosen.sample(headers, _BAD_HEADERS)
            )
        )
        await run.ask_all(*((each, b"\xff\xff", header(each)) for each in run.targets))
        await run.ask_all(
            *((each, valid(each), service_header("operator", each.service_name)) for each in run.targets)
        )
        # What no code expects: PostgreSQL's own words on these hold the whole row.
        await connection.execute(
            f"ALTER TABLE users.users ADD CHECK (email <> '{REFUSED_EMAIL}') NOT VALID;"
            "ALTER TABLE chat.messages RENAME TO messages_elsewhere"
        )
        await run.ask_all(
            *(
                (each, valid(each), header(each, address))
                for each in run.targets
                for address in (EMAIL, REFUSED_EMAIL)
            )
        )
        assert "INTERNAL" in run.codes
        await connection.execute("ALTER TABLE chat.messages_elsewhere RENAME TO messages")
        await proxy.stop()
        await run.ask_all(*((each, valid(each), header(each)) for each in run.targets))
        await proxy.start()
        assert run.codes >= {"OK", "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "UNAVAILABLE"}
        texts = await asyncio.to_thread(run.texts)
    assert not leaks(run.secrets, texts), "\n\n".join(leaks(run.secrets, texts)[:5])
    # The failures were logged, and the looking looks: what is no secret is found.
    assert "internal_error" in texts["users's log"]
    assert "internal_error" in texts["chat's log"]
    assert leaks({"a statement": "chat.lock_rooms"}, texts)


@pytest.mark.slow
async def test_the_control_a_process_that_logs_its_dsn_is_found(database: Database, tmp_path: Path) -> None:
    with real_suite(tmp_path, database.environ) as suite:
        process = suite.add(USERS, "tests.system.support.leaky_users")
        await process.serving()
        found = leaks(secrets_of(database), await asyncio.to_thread(texts_of, process))
    assert [each.split(":")[0] for each in found] == ["the password of PostgreSQL in users's log"]


@pytest.mark.parametrize("module", ["services.users", "gateway"])
def test_faulty_settings_are_told_without_their_values(module: str) -> None:
    canary = "canary of a value"
    values = {
        "SEDA_USERS_DATABASE_URL": f"mysql://users:{canary}@127.0.0.1/seda",
        "DATABASE_URL": canary,
        "SEDA_JWT_SECRET": canary,
        "SEDA_SERVICE_SECRET": canary,
        "SEDA_SERVICE_KEY": canary,
        "SEDA_JWKS_URL": f"http://{canary}",
    }
    inherited = {
        name: each for name, each in os.environ.items() if not name.startswith(("SEDA_", "DATABASE_"))
    }
    ended = subprocess.run(
        [sys.executable, "-P", "-m", module],
        env={**inherited, **values, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 2
    assert "SEDA_JWT_SECRET: " in ended.stderr
    assert canary not in ended.stderr + ended.stdout
