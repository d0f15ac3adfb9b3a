"""`seda call`, `seda health` and the lines to paste, against a server with canned answers."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ops.data_dir import DataDir
from ops.topology import SUITE, Ports
from ops.up.quickstart import quickstart_commands, seda_command
from tests.ops.support.command import CliResult, Seda
from tests.ops.support.fake_gateway import ROOM_ID, FakeGateway, fake_gateway
from tests.ops.support.fake_suite import PROJECT, free_base


def call(seda: Seda, server: FakeGateway, *arguments: str) -> CliResult:
    return seda("call", *arguments, "--address", server.address)


@pytest.mark.parametrize(
    "name",
    [
        "CreateRoom",
        "RoomService/CreateRoom",
        "seda.chat.v1.RoomService/CreateRoom",
        "seda.chat.v1.RoomService.CreateRoom",
        "/seda.chat.v1.RoomService/CreateRoom",
    ],
)
def test_call_finds_a_method_by_any_of_its_names(seda: Seda, server: FakeGateway, name: str) -> None:
    told = call(seda, server, name, "-d", '{"room": {"name": "Dub"}}')
    assert told.code == 0, told.err
    assert json.loads(told.out)["room"]["id"] == ROOM_ID
    assert json.loads(told.out)["room"]["name"] == "Dub"
    assert told.err == ""


def test_call_takes_its_body_from_file_and_stdin(
    seda: Seda, server: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    (seda.folder / "body.json").write_text('{"room": {"name": "From a file"}}')
    assert (
        json.loads(call(seda, server, "CreateRoom", "-d", "@body.json").out)["room"]["name"] == "From a file"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO('{"room": {"name": "Piped"}}'))
    assert json.loads(call(seda, server, "CreateRoom", "-d", "-").out)["room"]["name"] == "Piped"
    assert call(seda, server, "CreateRoom", "-d", "@nowhere").code == 2


def test_call_shows_64_bit_numbers_as_text(seda: Seda, server: FakeGateway) -> None:
    told = call(seda, server, "GetRoomPage", "-d", f'{{"room_id": "{ROOM_ID}"}}', "--json")
    assert told.json == {
        "ok": True,
        "data": {
            "messages": [{"id": "0190a1b2-0000-7000-8000-000000000002", "roomId": ROOM_ID}],
            "position": {"rev": "9007199254740993"},
        },
    }


def test_call_sends_the_token_of_as_or_of_the_environment(
    seda: Seda, server: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(seda, server, "CreateRoom")
    assert server.calls[-1][2] == ""
    monkeypatch.setenv("SEDA_TOKEN", "from-the-environment")
    call(seda, server, "CreateRoom")
    assert server.calls[-1][2] == "from-the-environment"
    DataDir(seda.folder / ".seda").ensure_secret("jwt")
    call(seda, server, "CreateRoom", "--as", "ada")
    assert server.calls[-1][2].count(".") == 2


def test_call_error_has_code_reason_details_and_grpcurls_exit_code(seda: Seda, server: FakeGateway) -> None:
    told = call(seda, server, "GetUser")
    assert told.code == 64 + 16
    assert told.out == ""
    assert told.err.splitlines() == [
        "UNAUTHENTICATED TOKEN_MISSING: no token",
        "  header: none",
        "  user_id: is odd",
        "  request id: abc-1",
        "  retry after: 2.0 s",
        "Authenticate: --as ada, or export SEDA_TOKEN=$(seda token --email ada@demo.seda.fm)",
    ]
    error = call(seda, server, "GetUser", "--json").json["error"]
    assert error["code"] == "TOKEN_MISSING"
    assert error["details"] == {
        "grpc_code": "UNAUTHENTICATED",
        "domain": "rpc.seda.fm",
        "metadata": {"header": "none"},
        "fields": {"user_id": "is odd"},
        "request_id": "abc-1",
        "retry_seconds": 2.0,
    }


def test_call_without_a_server_is_78_and_suggests_a_fix(seda: Seda) -> None:
    with free_base() as base:
        told = seda("call", "GetUser", "--address", f"127.0.0.1:{base}")
    assert told.code == 78
    assert told.err.startswith(f"UNAVAILABLE: Nothing answers at 127.0.0.1:{base}.")
    assert "seda up" in told.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("createroom", "Did you mean: CreateRoom?"),
        ("GetRoomPag", "Did you mean: GetRoomPage"),
        ("seda.chat.v1.RoomServic/CreateRoom", "Did you mean: seda.chat.v1.RoomService"),
        ("Zzzzzzzz", "seda call list"),
    ],
)
def test_call_of_an_unknown_method_suggests_one(
    seda: Seda, server: FakeGateway, name: str, said: str
) -> None:
    told = call(seda, server, name)
    assert told.code == 2
    assert said in told.err


def test_call_with_a_broken_body_names_the_fields(seda: Seda, server: FakeGateway) -> None:
    for body in ("{", '{"nam": 1}', '{"name": 5}', "[]"):
        told = call(seda, server, "CreateRoom", "-d", body)
        assert told.code == 2, body
        assert "room, requestId" in told.err


def test_call_list(seda: Seda, server: FakeGateway) -> None:
    listed = call(seda, server, "list").out.split()
    assert "seda.chat.v1.RoomService" in listed
    assert "grpc.health.v1.Health" in listed
    methods = call(seda, server, "list", "seda.gateway.v1.GatewayService").out.split()
    assert "seda.gateway.v1.GatewayService/PostMessage" in methods


def test_call_verbose_shows_timing_beside_the_reply(seda: Seda, server: FakeGateway) -> None:
    told = call(seda, server, "CreateRoom", "-v")
    assert json.loads(told.out)
    assert "/seda.chat.v1.RoomService/CreateRoom at 127.0.0.1:" in told.err
    assert " ms" in told.err


def test_call_streams_up_to_the_limit(seda: Seda, server: FakeGateway) -> None:
    told = call(seda, server, "Health/Watch", "--stream-limit", "1", "--timeout", "20")
    assert told.code == 0, told.err
    assert json.loads(told.out) == {"status": "SERVING"}


def test_call_prints_a_stream_line_by_line(seda: Seda, server: FakeGateway) -> None:
    # Health has a Watch, too; the own service's is meant.
    told = call(seda, server, "Watch", "-d", '{"rooms": [{"room_id": "r"}]}', "--timeout", "20")
    assert told.code == 0, told.err
    revs = [json.loads(line)["frames"][0]["change"]["rev"] for line in told.out.splitlines()]
    assert revs == ["1", "2"]


def test_health_is_1_unless_everything_serves(seda: Seda, monkeypatch: pytest.MonkeyPatch) -> None:
    with free_base() as base:
        monkeypatch.setenv("SEDA_PORT_BASE", str(base))
        nobody = seda("health")
        assert nobody.code == 1
        assert [line.split("\t")[:1] + line.split("\t")[3:4] for line in nobody.out.splitlines()[1:]] == [
            [each.name, "UNREACHABLE"] for each in reversed(SUITE)
        ]
        with fake_gateway(Ports(base).base):
            told = seda("health", "--json")
    assert told.code == 1
    assert told.json["data"]["serving"] is False
    gateway = {
        each["service"]: each["status"]
        for each in told.json["data"]["reports"]
        if each["process"] == "gateway"
    }
    assert gateway == {"": "SERVING"}


def test_health_of_one_address_is_its_readiness(seda: Seda, server: FakeGateway) -> None:
    told = seda("health", "--address", server.address)
    assert (told.code, told.out, told.err) == (0, "SERVING\n", "")
    server.ready(False)
    try:
        told = seda("health", "--address", server.address, "--json")
    finally:
        server.ready(True)
    assert told.code == 1
    assert told.json["data"] == {"address": server.address, "status": "NOT_SERVING"}
    with free_base() as base:
        nobody = seda("health", "--address", f"127.0.0.1:{base}", "--timeout", "0.5")
    assert (nobody.code, nobody.out) == (1, "UNREACHABLE\n")
    for nonsense in ("7410", "127.0.0.1", ":7410", "127.0.0.1:x"):
        assert seda("health", "--address", nonsense).code == 2, nonsense


def test_pasted_lines_work_one_after_another_in_a_new_shell(tmp_path: Path, server: FakeGateway) -> None:
    folder = tmp_path / "it's mine"
    folder.mkdir()
    data_dir = DataDir(folder / ".seda")
    data_dir.ensure_secret("jwt")
    seda = f"{shlex.quote(sys.executable)} -m ops.cli"
    lines = quickstart_commands(seda, server.address, ("SEDA_HOME", str(data_dir.path)))
    environ = {"PATH": os.defpath, "PYTHONPATH": str(PROJECT), "SEDA_GATEWAY": server.address}
    server.calls.clear()
    done = subprocess.run(
        ["sh", "-e"],
        input="\n".join([lines.token, *lines.seda]) + "\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [path.rpartition("/")[2] for path, _, _ in server.calls] == [
        "CreateRoom",
        "PostMessage",
        "GetRoomPage",
    ]
    assert all(token.count(".") == 2 for _, _, token in server.calls)
    post, page = server.calls[1][1], server.calls[2][1]
    assert getattr(post, "room_id", "") == getattr(page, "room_id", "") == ROOM_ID
    assert getattr(post, "track_url", "") == "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW?si=x"
    assert ROOM_ID in done.stdout.splitlines()


def test_grpcurl_lines_are_the_same_calls(tmp_path: Path) -> None:
    """A fake grpcurl records its arguments."""
    noted = tmp_path / "noted"
    program = tmp_path / "grpcurl.py"
    program.write_text(
        f'import json, sys\nopen({str(noted)!r}, "a").write(json.dumps(sys.argv[1:]) + "\\n")\n'
        f'print(\'{{"room": {{\\n  "id": "{ROOM_ID}",\\n  "creatorId": "nobody"}}}}\')\n'
    )
    substitute = tmp_path / "grpcurl"
    # The interpreter's path may hold a space, which a line with #! can't say.
    substitute.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(program)])} "$@"\n')
    substitute.chmod(0o755)
    lines = quickstart_commands("echo", "127.0.0.1:7400", None)
    script = "\n".join([lines.token, *lines.grpcurl]) + "\n"
    environ = {"PATH": f"{tmp_path}:{os.defpath}"}
    done = subprocess.run(
        ["sh", "-e"], input=script, capture_output=True, text=True, env=environ, timeout=60, check=True
    )
    listed, create, post, page = [json.loads(line) for line in noted.read_text().splitlines()]
    assert listed == ["-plaintext", "127.0.0.1:7400", "list"]
    assert create[-2:] == ["127.0.0.1:7400", "seda.chat.v1.RoomService/CreateRoom"]
    assert create[2].startswith("authorization: Bearer ")
    assert json.loads(post[4]) == {
        "room_id": ROOM_ID,
        "track_url": "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW?si=x",
    }
    assert json.loads(page[4]) == {"room_id": ROOM_ID}
    assert ROOM_ID in done.stdout.splitlines()


def test_seda_is_named_as_a_new_shell_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative in the project, absolute elsewhere, quoted; by bare name only when not through an activated venv."""
    environment = tmp_path / "a b" / ".venv"
    (environment / "bin").mkdir(parents=True)
    program = environment / "bin" / "seda"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.prefix", str(environment))
    monkeypatch.chdir(environment.parent)
    assert seda_command({"PATH": "/nowhere"}) == ".venv/bin/seda"
    activated = {"PATH": str(program.parent), "VIRTUAL_ENV": str(environment)}
    assert seda_command(activated) == ".venv/bin/seda"
    monkeypatch.chdir(tmp_path)
    assert seda_command({"PATH": "/nowhere"}) == f"'{program}'"
    linked = tmp_path / "bin"
    linked.mkdir()
    (linked / "seda").symlink_to(program)
    assert seda_command({"PATH": str(linked)}) == "seda"
