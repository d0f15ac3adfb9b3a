"""Erasures through the real users, chat and tracks: what is left anywhere, and what the erased can still do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch
from uuid import UUID

import asyncpg
import pytest

from ops.dev_tokens import development_subject
from seda.tracks.v1.track_service_pb2 import ResolveTrackRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from seda.users.v1.erasure_service_pb2 import (
    ERASURE_MODE_ANONYMISE,
    ERASURE_MODE_TOMBSTONE,
    ERASURE_STATE_DONE,
    ERASURE_STATE_RETRYING,
    ERASURE_STEP_ARTIST,
    ERASURE_STEP_CHAT,
    ERASURE_STEP_LATE_WRITES,
    ERASURE_STEP_TRACKS,
    EraseUserRequest,
    Erasure,
    ErasureMode,
    GetErasureRequest,
)
from seda.users.v1.erasure_service_pb2_grpc import ErasureServiceStub
from seda.users.v1.user_service_pb2 import GetUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.tracks.app import build as build_tracks
from services.tracks.config import Settings as TracksSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from services.users.domain.errors import UserErasedError
from services.users.workers.erasure import ErasureWorker
from tests.contract.test_stale_roles import AwayResolver
from tests.postgres import Database, free_port
from tests.services.chat.author_fixtures import PopulatedAuthor, invariant_violations
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, call, refused, running, service, user
from tests.services.users.canaries import (
    ANONYMISED,
    FILLED,
    NAMED_STILL,
    NOT_THE_USER_S,
    STAYS,
    columns_with,
    fill_users,
    new_word,
    text_columns,
)

_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"


@dataclass
class Suite:
    """The three services, and the erasures of their users."""

    users: Running
    chat: Running
    tracks: Running
    admin: asyncpg.Connection

    @property
    def client(self) -> ChatClient:
        return ChatClient(self.chat, self.admin)

    @property
    def worker(self) -> ErasureWorker:
        """The worker of the users service, which looks for due steps when it is asked to."""
        (found,) = [each for each in self.users.process.app.workers if isinstance(each, ErasureWorker)]
        return found

    async def erase(self, email: str, mode: ErasureMode.ValueType = ERASURE_MODE_TOMBSTONE) -> Erasure:
        """Start an erasure."""
        stub = ErasureServiceStub(self.users.channel)
        return (await call(stub.EraseUser, EraseUserRequest(mode=mode), user(email))).erasure

    async def age(self, erasure: Erasure, interval: str) -> Erasure:
        """Let an erasure have begun earlier, run what is due, and return it."""
        await self.admin.execute(
            f"UPDATE users.erasure_jobs SET created_at = created_at - interval '{interval}',"
            f" due_at = due_at - interval '{interval}' WHERE id = $1",
            UUID(erasure.id),
        )
        await self.worker.run_once()
        stub = ErasureServiceStub(self.users.channel)
        return (await call(stub.GetErasure, GetErasureRequest(erasure_id=erasure.id), ())).erasure

    def forget_callers(self) -> None:
        """Let the caches of callers have expired."""
        for each in (self.users, self.chat, self.tracks):
            each.forget_callers()

    @contextmanager
    def chat_cut_off(self) -> Iterator[None]:
        """Chat can't reach users, and what it knows of callers is out of date."""
        authenticator = self.chat.process.authenticator
        with patch.multiple(authenticator, _ttl=0.0, _resolver=AwayResolver()):
            yield


@pytest.fixture(scope="module")
async def suite(database: Database, admin: asyncpg.Connection) -> AsyncIterator[Suite]:
    ports = {name: free_port() for name in ("users", "chat", "tracks")}
    targets = {f"{name}_target": f"127.0.0.1:{port}" for name, port in ports.items()}
    async with AsyncExitStack() as stack:
        users, chat, tracks = [
            await stack.enter_async_context(
                running(settings, build, database, port=ports[settings.process], **targets)
            )
            for settings, build in (
                (UsersSettings, build_users),
                (ChatSettings, build_chat),
                (TracksSettings, build_tracks),
            )
        ]
        yield Suite(users, chat, tracks, admin)


async def populate(suite: Suite) -> PopulatedAuthor:
    """A user whose words are in every column that can hold one."""
    word = new_word()
    author = PopulatedAuthor(suite.client, word, f"{word}@example.org")
    await author.create_rooms()
    await author.write_messages()
    await author.moderate()
    await fill_users(suite.admin, UUID(author.user_id), word)
    resolve = TrackServiceStub(suite.tracks.channel).ResolveTrack
    await call(resolve, ResolveTrackRequest(input=_LINK), user(author.email))
    return author


async def test_every_column_that_can_hold_text_is_decided(admin: asyncpg.Connection) -> None:
    assert FILLED & NOT_THE_USER_S.keys() == set()
    assert await text_columns(admin) == FILLED | NOT_THE_USER_S.keys()


@pytest.mark.parametrize(
    ("mode", "left"),
    [(ERASURE_MODE_TOMBSTONE, set(STAYS)), (ERASURE_MODE_ANONYMISE, ANONYMISED)],
    ids=["TOMBSTONE", "ANONYMISE"],
)
async def test_erasure_leaves_no_canary(
    suite: Suite,
    mode: ErasureMode.ValueType,
    left: set[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    author, admin = await populate(suite), suite.admin
    subject = development_subject(author.email)
    assert await columns_with(admin, author.word) == FILLED - {"users.users.supabase_id"}
    assert await columns_with(admin, subject) == {"users.users.supabase_id"}
    named = NAMED_STILL - {"users.erasure_jobs.user_id"} | {"tracks.track_resolvers.user_id"}
    assert named < await columns_with(admin, author.user_id)
    erasure = await suite.erase(author.email, mode)
    erasure = await suite.age(erasure, "5 minutes")
    assert erasure.step == ERASURE_STEP_LATE_WRITES
    assert await columns_with(admin, author.word) == left
    erasure = await suite.age(erasure, "20 minutes")
    assert erasure.state == ERASURE_STATE_DONE
    assert [each.step for each in erasure.counts] == [
        ERASURE_STEP_ARTIST,
        ERASURE_STEP_CHAT,
        ERASURE_STEP_TRACKS,
    ]
    assert await columns_with(admin, author.word) == left
    assert await columns_with(admin, subject) == set()
    assert await columns_with(admin, author.user_id) == NAMED_STILL
    assert await invariant_violations(admin) == set()
    # The logs of all three services, and of the worker.
    out = capsys.readouterr().out
    assert "erasure_step_finished" in out
    assert author.email not in out
    assert subject not in out


async def test_erased_user_neither_signs_in_nor_sends_nor_comes_back_for_a_day(suite: Suite) -> None:
    email, client = new_user(), suite.client
    room = await client.create_room(email)
    former_id = await client.db.user_id(email)
    await client.send_message(email, room.id, "mine")
    erasure = await suite.erase(email)
    suite.forget_callers()
    for step in ("started", "done"):
        if step == "done":
            await suite.age(erasure, "20 minutes")
        request = ResolveCallerRequest(subject=development_subject(email), email=email)
        identity = IdentityServiceStub(suite.users.channel)
        people = UserServiceStub(suite.users.channel)
        await refused(
            call(identity.ResolveCaller, request, service("chat", "users")), UserErasedError, "users.seda.fm"
        )
        await refused(call(people.GetUser, GetUserRequest(), user(email)), UserErasedError, "users.seda.fm")
        await refused(client.send_message(email, room.id, "again"), UserErasedError, "users.seda.fm")
        await refused(client.create_room(email), UserErasedError, "users.seda.fm")
    await suite.admin.execute("UPDATE users.refused_identities SET until = until - interval '1 day'")
    new_room = await client.create_room(email)
    new_id = await client.db.user_id(email)
    assert new_id not in {former_id, "None"}
    assert new_room.creator_id == new_id
    # Nothing of the former user is theirs.
    query = "SELECT count(*) FROM chat.messages WHERE room_id = $1 AND user_id IS NOT NULL"
    assert await suite.admin.fetchval(query, UUID(room.id)) == 0


async def test_what_a_cached_caller_writes_is_erased(suite: Suite) -> None:
    email, client = new_user(), suite.client
    room = await client.create_room(email)
    user_id = await client.db.user_id(email)
    erasure = await suite.erase(email)
    # Within the time to live of the cache.
    await client.send_message(email, room.id, "a last word")
    await suite.age(erasure, "5 minutes")
    assert await columns_with(suite.admin, "a last word") == set()
    assert not {"chat.messages.user_id"} & await columns_with(suite.admin, user_id)


async def test_what_a_stale_caller_writes_is_erased(suite: Suite) -> None:
    email, owner, client = new_user(), new_user(), suite.client
    room = await client.create_room(owner)
    await client.join_room(email, room.id)
    erasure = await suite.erase(email)
    erasure = await suite.age(erasure, "5 minutes")
    assert erasure.step == ERASURE_STEP_LATE_WRITES
    with suite.chat_cut_off():
        await client.join_room(email, room.id)
        await client.send_message(email, room.id, "a stale word")
    assert await columns_with(suite.admin, "a stale word") != set()
    erasure = await suite.age(erasure, "20 minutes")
    assert erasure.state == ERASURE_STATE_DONE
    assert await columns_with(suite.admin, "a stale word") == set()


async def test_erasure_waits_for_services_that_are_away(
    suite: Suite, database: Database, admin: asyncpg.Connection
) -> None:
    email = new_user()
    ports = {name: free_port() for name in ("chat", "tracks")}
    targets = {f"{name}_target": f"127.0.0.1:{port}" for name, port in ports.items()}
    async with AsyncExitStack() as stack:
        users = await stack.enter_async_context(running(UsersSettings, build_users, database, **targets))
        alone = Suite(users, suite.chat, suite.tracks, admin)
        erasure = await alone.erase(email)
        for settings, build, step in (
            (ChatSettings, build_chat, ERASURE_STEP_CHAT),
            (TracksSettings, build_tracks, ERASURE_STEP_TRACKS),
        ):
            erasure = await alone.age(erasure, "5 minutes")
            assert (erasure.state, erasure.step) == (ERASURE_STATE_RETRYING, step)
            await stack.enter_async_context(
                running(
                    settings,
                    build,
                    database,
                    port=ports[settings.process],
                    users_target=users.address,
                )
            )
            erasure = await _until_past(alone, erasure)
        assert erasure.step == ERASURE_STEP_LATE_WRITES


async def _until_past(suite: Suite, erasure: Erasure) -> Erasure:
    """Run a step until it succeeds: the channel finds that the service is back within two seconds."""
    step = erasure.step
    async with asyncio.timeout(20):
        while erasure.step == step:
            # The retry's delay alone, and not so often that the channel has no time to connect.
            await asyncio.sleep(0.1)
            await suite.admin.execute("UPDATE users.erasure_jobs SET due_at = now() WHERE failures > 0")
            erasure = await suite.age(erasure, "0 seconds")
    return erasure
