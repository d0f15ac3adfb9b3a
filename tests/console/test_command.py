"""`seda console`."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ops.errors import Exit
from tests.ops.support.fake_suite import command, seda


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "environ", "status", "code"),
    [
        ((), {}, Exit.ACTION_NEEDED, "NOT_RUNNING"),
        ((), {"SEDA_ENV": "production"}, Exit.UNSAFE, "TARGET_NEEDED"),
        (("--target", "nowhere"), {}, Exit.USAGE, "ADDRESS_INVALID"),
        (("--target", "a=b,c=d:1"), {}, Exit.USAGE, "ADDRESS_INVALID"),
    ],
)
def test_what_it_refuses(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], status: Exit, code: str
) -> None:
    told = seda(tmp_path, "console", "--json", *arguments, **environ)
    assert told.returncode == status, told.stderr
    assert f'"{code}"' in told.stdout


@pytest.mark.slow
def test_it_serves_the_page_until_it_is_interrupted(tmp_path: Path) -> None:
    with command(tmp_path, "console", "--target", "127.0.0.1:1", SEDA_ENV="production") as running:
        assert running.stdout is not None
        url, _, key = running.stdout.readline().strip().partition("/#k=")
        page = _get(f"{url}/")
        assert "Seda console" in page
        assert '"identities":[]' in _get(f"{url}/api/start", {"x-seda-key": key})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _get(f"{url}/api/start")
        # The key stands in the environment, which is the user's own, and not in the command line, which is everybody's.
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(running.pid)], capture_output=True, text=True, check=True
        )
        assert key not in shown.stdout
        running.terminate()
        assert running.wait(30) in {0, -15}


def _get(url: str, headers: dict[str, str] | None = None) -> str:
    # The page listens a moment after its address is printed.
    for _ in range(100):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.1)  # another process cannot notify this one
    raise AssertionError("it does not listen")
