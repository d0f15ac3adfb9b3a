"""Sessions of Tinode's protocol: a message that one of them lost is noticed, whatever stands in its place."""

from __future__ import annotations

import itertools
import os
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from bench import baseline_servers, runner, tinode
from bench.dataset import Databases
from bench.oracle import Oracle
from bench.processes import Server
from bench.runner import Contender, Plan, Result, Scenario, WrongReplyError
from bench.tinode import PublishLoad, SessionLoad, Topic
from bench.watchers import stamped_text
from tests.effort import LONG
from tests.postgres import Database

_SESSIONS, _PACE = 12, 40.0
_REQUEST, _ANSWER = tinode._class("Request"), tinode._class("Answer")


class FakeTinode:
    """Hands each publication to all sessions but its own; `wrong` says what it does to one session, once."""

    def __init__(self, wrong: str) -> None:
        self.wrong = wrong
        self.left = threading.Lock()
        self.sessions: list[queue.Queue[Any]] = []

    def loop(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        answers: queue.Queue[Any] = queue.Queue()
        reader = threading.Thread(target=self._read, args=(requests, answers), daemon=True)
        reader.start()
        context.add_callback(lambda: answers.put(None))
        while (answer := answers.get()) is not None:
            yield answer

    def _read(self, requests: Iterator[Any], answers: queue.Queue[Any]) -> None:
        try:
            for request in requests:
                self._answer(request, answers)
        except grpc.RpcError:
            self.sessions.remove(answers)  # the session has gone

    def _answer(self, request: Any, answers: queue.Queue[Any]) -> None:
        if request.HasField("attach"):
            code = 503 if self.wrong == "refuses" else 200
            answers.put(_ANSWER(control={"id": request.attach.id, "code": code, "text": "locked"}))
            self.sessions.append(answers)
        elif request.HasField("publish"):
            data = _ANSWER(data={"content": request.publish.content})
            for session in self.sessions:
                if session is not answers:
                    self._hand_over(data, session)
            answers.put(_ANSWER(control={"id": request.publish.id, "code": 202}))

    def _hand_over(self, data: Any, session: queue.Queue[Any]) -> None:
        if self.wrong in {"nothing", "refuses"} or not self.left.acquire(blocking=False):
            session.put(data)
        elif self.wrong == "ends":
            # Its status is OK and it comes in the place of a message.
            self.sessions.remove(session)
            session.put(None)
        elif self.wrong == "evicts":
            session.put(_ANSWER(control={"code": 205, "text": "evicted"}))
        elif self.wrong == "doubles":
            session.put(data)
            session.put(data)


@pytest.fixture
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(runner, "_CHECK_SECONDS", 2.0)
    server = grpc.server(ThreadPoolExecutor(_SESSIONS + 4))
    fake = FakeTinode(request.param)
    handler = grpc.stream_stream_rpc_method_handler(fake.loop, _REQUEST.FromString, _ANSWER.SerializeToString)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("pbx.Node", {"MessageLoop": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    topic = Topic("grp", (b"token",))
    yield lambda: measure(Server("fake", os.getpid(), f"127.0.0.1:{port}"), topic, _SESSIONS)
    server.stop(None).wait()


def measure(server: Server, topic: Topic, sessions: int, **more: Any) -> Result:
    contender = Contender(
        "Tinode",
        [server],
        [],
        tinode.LOOP,
        [],
        lambda _: None,
        calls=(topic.publish(stamped_text(40)) for _ in itertools.count()),
        streams=[topic.session(number) for number in range(sessions)],
        pace=_PACE,
        watching=SessionLoad,
        publishing=partial(PublishLoad, topic.session(0)),
        **more,
    )
    return runner.run(Scenario("fan-out", "", 0, [contender]), os.getpid(), Plan(1, 0.5), lambda _: None)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["nothing"], indirect=True)
def test_messages_of_all_sessions_are_counted(run: Any) -> None:
    (measured,) = run().rounds["Tinode"]
    assert 0 < measured.rate <= 1.5 * _SESSIONS * _PACE
    # A message of 40 characters in quotes, and its frames.
    assert 50 < measured.reply_bytes < 90


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "why"),
    [
        ("loses", "deliveries arrived"),
        ("doubles", "deliveries arrived"),
        ("ends", "the server ended the stream"),
        ("evicts", "205 evicted"),
        ("refuses", "503 locked"),
    ],
    indirect=["run"],
)
def test_a_lost_or_doubled_message_is_noticed(run: Any, why: str) -> None:
    with pytest.raises(WrongReplyError, match=why):
        run()


@pytest.mark.skipif(not LONG, reason="builds Tinode, a minute of two cores: SEDA_TEST_LONG=1 runs it")
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tinode_itself_delivers_and_stores_each_message(database: Database, tmp_path: Path) -> None:
    try:
        folder = baseline_servers.build_tinode(tmp_path, print)
    except baseline_servers.MissingBaselineError as error:
        pytest.skip(str(error))
    oracle = Oracle(Databases(database.admin_dsn, database.admin_dsn))
    with baseline_servers.tinode(folder, database.admin_dsn, tmp_path) as server:
        topic = tinode.topic(server.address, 10)
        assert len(set(topic.tokens)) == 10
        (measured,) = measure(server, topic, 30, written=oracle.tinode_message_count).rounds["Tinode"]
    assert measured.rate > 0
