"""Make `.venv` hold exactly what requirements.lock says, and the project itself as an editable install.

`make` calls this before every target. When nothing changed it returns in a few milliseconds: a stamp in the
environment names the lock file, the project file, the interpreter and the folder that it was made from. Only the
standard library is used, because nothing else is there yet. Concurrent calls wait for each other.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
OWN_PACKAGES = [
    ROOT / name
    for name in (
        "buf",
        "console",
        "search_text",
        "gateway",
        "migrations",
        "ops",
        "seda",
        "sedaclient",
        "servicekit",
        "services",
    )
]
STAMP = VENV / ".seda-setup"


class SetupError(Exception):
    """The environment could not be made; the text names the remedy."""


def main() -> int:
    """Bring the environment up to date. Returns the exit code, 1 with one clear message when it fails."""
    try:
        # The lock file itself is what concurrent calls queue for: it always exists and is never replaced here.
        with LOCK.open("rb") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            if not _is_current():
                _install()
    except (SetupError, OSError) as error:
        say(f"failed: {error}")
        return 1
    return 0


def say(text: str) -> None:
    """Print one line of progress on stderr: stdout belongs to the target that needed the environment."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def wanted_stamp() -> str:
    """Return the expected stamp: the interpreter, the folder and the checksum of the requirements."""
    contents = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    return f"{platform.python_version()} {ROOT} {contents.hexdigest()}\n"


def locked(package: str) -> str:
    """Return the lines of the lock file that pin one package, with its hashes."""
    lines = LOCK.read_text().splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(f"{package}==")), None)
    if first is None:
        message = f"{LOCK.name} does not pin {package}"
        raise SetupError(message)
    last = first
    while lines[last].endswith("\\"):
        last += 1
    return "\n".join(lines[first : last + 1]) + "\n"


def _is_current() -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted_stamp()


def _install() -> None:
    started = time.monotonic()
    say(f"virtual environment .venv, Python {platform.python_version()}")
    _make_venv()
    say(f"locked packages of {LOCK.name}")
    _install_locked()
    # Without isolation: setuptools is locked as well, so nothing outside the lock file takes part.
    _run("this project", "-m", "uv", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "-e", ".")
    # At once rather than at the first start of each module, of which there is none where Python is told to write no
    # bytecode (PYTHONDONTWRITEBYTECODE): every start of the suite would compile everything again.
    _run("the bytecode", "-m", "compileall", "-q", *map(str, OWN_PACKAGES))
    STAMP.write_text(wanted_stamp())
    say(f"done in {time.monotonic() - started:.1f} s")


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        message = f"this Python has no venv module. On Debian or Ubuntu: apt-get install python{version}-venv"
        raise SetupError(message)
    STAMP.unlink(missing_ok=True)
    if _made_here() and _works():
        return
    _run("the virtual environment", "-m", "venv", "--clear", str(VENV), python=sys.executable)


def _made_here() -> bool:
    """Return whether .venv was made in this folder: its scripts carry the path of their interpreter."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text().splitlines()
    except FileNotFoundError:
        return False
    return any(line.startswith("command = ") and line.endswith(str(VENV)) for line in lines)


def _works() -> bool:
    """Return whether the interpreter in .venv starts, is the version that runs this and has pip."""
    code = "import pip, platform; print(platform.python_version())"
    probe = [str(PYTHON), "-c", code]
    if not PYTHON.exists():
        return False
    result = subprocess.run(probe, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    return result.stdout.strip() == platform.python_version()


def _install_locked() -> None:
    with tempfile.TemporaryDirectory(prefix="seda-setup-") as folder:
        uv_only = Path(folder) / "uv.txt"
        uv_only.write_text(locked("uv"))
        _run("uv", "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(uv_only))
    install = ["install", "-q", "--require-hashes", "-r", str(LOCK)]
    try:
        _run("the locked packages", "-m", "uv", "pip", *install, "--compile-bytecode")
    except SetupError:
        # uv doesn't read pip's configuration, so a machine whose index is set up there gets them by pip, slower.
        say("uv could not install the packages; trying pip, which knows this machine's configuration")
        _run("the locked packages", "-m", "pip", *install)


def _run(what: str, *arguments: str, python: str | Path = PYTHON) -> None:
    # An activated environment elsewhere must not be the one that is written to.
    environment = os.environ | {"VIRTUAL_ENV": str(VENV), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    result = subprocess.run(  # noqa: S603 - the arguments are in this file
        [python, *arguments], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    if result.returncode != 0:
        message = f"installing {what} (see the reason above)"
        raise SetupError(message)


if __name__ == "__main__":
    sys.exit(main())
