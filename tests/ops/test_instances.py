"""Named instances and the registry of all suites: `seda up --name`, `seda ps`, `seda down --all`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.data_dir import DataDir, find_data_dir, state_home
from ops.errors import CliError
from ops.instances import Instance, Registry
from ops.topology import GATEWAY, Ports
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import FakeSuite, seda, taken, up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def listed(folder: Path) -> dict[str, Any]:
    """What `seda ps` says, by name or folder."""
    told = seda(folder, "ps", "--json")
    return {each["name"] or each["data"]: each for each in json.loads(told.stdout)["data"]["instances"]}


@pytest.fixture
def all_stopped(folder: Path) -> Iterator[None]:
    yield
    assert seda(folder, "down", "--all").returncode == 0


@pytest.mark.usefixtures("all_stopped")
def test_instances_run_side_by_side_and_stop_together(folder: Path, base: int) -> None:
    with up(folder, base, "-d") as plain, FakeSuite(folder, "-d", "--name", "pr-123") as named:
        assert plain.end() == 0, plain.output()
        assert named.end() == 0, named.output()
    assert "    export SEDA_NAME=pr-123; export SEDA_TOKEN=" in named.output()
    known = listed(folder)
    assert [each["state"] for each in known.values()] == ["running", "running"]
    assert known["pr-123"]["data"] == str(folder.parent / "state/seda/instances/pr-123")
    moved = int(known["pr-123"]["gateway"].rpartition(":")[2])
    assert moved != base
    # Each command finds its own.
    assert f"127.0.0.1:{base}" in seda(folder, "status").stdout
    for chosen in (seda(folder, "status", "--name", "pr-123"), seda(folder, "status", SEDA_NAME="pr-123")):
        assert chosen.returncode == 0, chosen.stderr
        assert f"127.0.0.1:{moved}" in chosen.stdout
    planned = seda(folder, "down", "--all", "--wipe", "--dry-run")
    assert planned.stdout.count("Would stop pid") == 2
    stopped = seda(folder, "down", "--all")
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stderr.count("Stopped. Data kept") == 2
    assert taken(base) + taken(moved) == []
    assert [each["state"] for each in listed(folder).values()] == ["stopped", "stopped"]
    # Its ports stay its own.
    with FakeSuite(folder, "-d", "--name", "pr-123") as again:
        assert again.end() == 0, again.output()
    assert listed(folder)["pr-123"]["gateway"] == Ports(moved).address(GATEWAY)
    wiped = seda(folder, "down", "--name", "pr-123", "--wipe", "--yes")
    assert wiped.returncode == 0, wiped.stderr
    assert set(listed(folder)) == {str(folder / ".seda")}


@pytest.mark.usefixtures("all_stopped")
def test_one_that_hangs_keeps_no_other_running(folder: Path, base: int) -> None:
    with up(folder, base, "-d") as plain, FakeSuite(folder, "-d", "--name", "deaf") as named:
        assert plain.end() == 0, plain.output()
        assert named.end() == 0, named.output()
    socket = DataDir(folder.parent / "state/seda/instances/deaf").control_socket
    hidden = socket.rename(socket.with_suffix(".hidden"))
    try:
        told = seda(folder, "down", "--all")
    finally:
        hidden.rename(socket)
    assert told.returncode == 1
    assert "1 of 2 could not be stopped." in told.stderr
    assert [each["state"] for each in listed(folder).values()] == ["running", "stopped"]


def test_folder_of_an_instance(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path), "SEDA_NAME": "pr-123"}
    assert find_data_dir(environ).path == tmp_path / "seda/instances/pr-123"
    assert state_home({"XDG_STATE_HOME": "relative"}) == Path("~/.local/state/seda").expanduser()
    with pytest.raises(CliError, match="folder of its own"):
        find_data_dir({**environ, "SEDA_HOME": "x"})
    for bad in ("../up", "a/b", ".", "Pr", "-x", "x" * 41, "a\n"):
        with pytest.raises(CliError, match="can't name an instance"):
            find_data_dir({**environ, "SEDA_NAME": bad})


def test_ports_of_instances_differ_and_folders_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    registry = Registry({"XDG_STATE_HOME": str(tmp_path)})
    first, second = DataDir(tmp_path / "first"), DataDir(tmp_path / "second")
    bases = [registry.reserve(each, each.path.name) for each in (first, second, first)]
    assert bases[0] == bases[2] != bases[1]
    registry.record(Instance(first.path, "first", bases[0] + 1000))
    assert {each.name: each.port_base for each in registry.instances()} == {
        "first": bases[0] + 1000,
        "second": bases[1],
    }
    second.path.rmdir()
    assert [each.name for each in registry.instances()] == ["first"]
    (tmp_path / "seda/suites/broken.json").write_text("{")
    assert [each.name for each in registry.instances()] == ["first"]


def test_ephemeral_has_no_name_and_nothing_is_listed_at_first(seda: Seda) -> None:
    told = seda("up", "--ephemeral", "--detach")
    assert told.code == 2
    assert seda("ps").err == "Nothing was started yet: seda up\n"
    assert seda("down", "--all").err == "Nothing runs.\n"
