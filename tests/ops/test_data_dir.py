"""The data folder is closed to other users, whoever made it."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from ops.data_dir import DataDir
from ops.errors import CliError
from ops.postgres.privilege import NOBODY, Mode, choose_privilege, require_reachable
from ops.up.logs import LogFile


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_and_its_logs_are_private(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "new")
    with data_dir.lock():
        assert mode(data_dir.path) == 0o700
        data_dir.create()
    LogFile(data_dir.log("chat"))
    modes = [mode(each) for each in (data_dir.path, data_dir.logs, data_dir.log("chat"))]
    assert modes == [0o700, 0o700, 0o600]


def test_an_open_folder_from_before_is_closed(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "old")
    data_dir.logs.mkdir(parents=True)
    files = [data_dir.log("chat"), data_dir.logs / "chat.log.1"]
    for each in files:
        each.touch()
        each.chmod(0o644)
    for folder in (data_dir.path, data_dir.logs):
        folder.chmod(0o755)
    data_dir.create()
    assert [mode(each) for each in (data_dir.path, data_dir.logs, *files)] == [0o700, 0o700, 0o600, 0o600]


def test_a_shared_folder_stays_shared(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    DataDir(shared).create()
    assert mode(shared) == 0o1777
    assert mode(shared / "log") == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
def test_postgresql_s_other_user_gets_through_and_nobody_else() -> None:
    # Not below pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        data_dir, privilege = DataDir(Path(name) / "data"), choose_privilege(Mode.NOBODY)
        data_dir.create()
        with pytest.raises(CliError, match="can't enter"):
            require_reachable(data_dir.postgres_data(18), privilege)
        data_dir.admit(NOBODY)
        require_reachable(data_dir.postgres_data(18), privilege)
        assert (mode(data_dir.path), data_dir.path.stat().st_gid) == (0o710, NOBODY)
