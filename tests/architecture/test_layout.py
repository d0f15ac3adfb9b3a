"""Where things are: the layout, the Makefile's help, the decisions, and every name that the documents use."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, defines, python_files, relative

FILES = [
    ".ci/run", ".env.example", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "Makefile", "README.md", "buf.yaml",
    "docker-compose.yml", "docs/life-of-a-call.md", "migrations/alembic.ini", "protos/buf/validate/validate.proto",
    "pyproject.toml", "requirements-runtime.lock", "requirements.lock", "tools/generate_protos.py",
]  # fmt: skip
SLICES = ("users", "chat", "tracks")
SERVICE_PARTS = (
    "__init__.py", "__main__.py", "config.py", "app.py",
    "domain/__init__.py", "actions/__init__.py", "store/__init__.py", "rpc/__init__.py",
)  # fmt: skip

# A path, and after "::" a name defined there: `services/chat/actions/message_list.py::send_message`.
_REFERENCE = re.compile(
    r"`(?P<path>[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|md|toml|yml|yaml|lock))(?:::(?P<name>[\w.]+))?`"
)
_MADE_BY_RUNNING = (".seda/", ".venv/", ".secrets/")


def references(text: str) -> list[tuple[str, str]]:
    """Return every path, and the name in it or "", that a document writes between backticks."""
    return [
        (match["path"], match["name"] or "")
        for match in _REFERENCE.finditer(text)
        if not match["path"].startswith(_MADE_BY_RUNNING)
    ]


def missing(text: str) -> list[str]:
    """Return the references of a document that lead nowhere."""
    return [f"{path}::{name}" if name else path for path, name in references(text) if not _exists(path, name)]


def _exists(path: str, name: str) -> bool:
    service, _, method = path.partition("/")
    if service.endswith("Service") and method.isalpha():
        protos = (ROOT / "protos/seda").rglob("*_service.proto")
        return any(defines(proto, service) and defines(proto, method) for proto in protos)
    if "/" not in path:
        # A file that every service has, such as wire.py, or one at the root.
        return (ROOT / path).exists() or any(found.name == path for found in python_files())
    return (ROOT / path).exists() and (not name or defines(ROOT / path, name))


def documents() -> list[Path]:
    """Return the hand-written documents."""
    folders = [ROOT / "deploy", ROOT / "docs"]
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(page for each in folders for page in sorted(each.rglob("*.md"))),
    ]


def test_the_layout_is_there() -> None:
    parts = [f"services/{slice_}/{part}" for slice_ in SLICES for part in SERVICE_PARTS]
    histories = [f"migrations/{slice_}/env.py" for slice_ in SLICES]
    protos = [f"protos/seda/{slice_}/v1/error_reason.proto" for slice_ in (*SLICES, "gateway", "rpc")]
    assert [path for path in [*FILES, *parts, *histories, *protos] if not (ROOT / path).exists()] == []
    # One file, or a package where it would be too long.
    either = [ROOT / f"services/{slice_}/{name}" for slice_ in SLICES for name in ("schema", "wire")]
    assert [part for part in either if part.with_suffix(".py").exists() == part.is_dir()] == []


def test_every_name_in_the_documents_exists() -> None:
    found = {relative(path): names for path in documents() if (names := missing(path.read_text()))}
    assert found == {}


def test_the_life_of_a_call_names_functions() -> None:
    named = [name for _, name in references((ROOT / "docs/life-of-a-call.md").read_text()) if name]
    assert len(named) >= 15


def test_a_name_that_is_gone_is_noticed() -> None:
    text = (
        "`tests/architecture/project.py::defines` `tests/architecture/project.py::gone` `tests/gone.py` "
        "`protos/buf/validate/validate.proto::FieldRules` `protos/buf/validate/validate.proto::Gone` "
        "`RoomService/GetRoom` `RoomService/GetGone` `GoneService/GetRoom` `project.py` `gone.py`"
    )
    assert missing(text) == [
        "tests/architecture/project.py::gone",
        "tests/gone.py",
        "protos/buf/validate/validate.proto::Gone",
        "RoomService/GetGone",
        "GoneService/GetRoom",
        "gone.py",
    ]


def test_make_help_covers_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[0].split())
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = {line.split()[1] for line in result.stdout.splitlines()}
    assert shown == targets == phony
    assert targets >= {"up", "test", "check", "protos", "fmt", "lint", "types", "bench", "clean"}


def test_make_alone_is_make_help() -> None:
    outputs = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for command in (["make"], ["make", "help"])
    ]
    assert outputs[0] == outputs[1] != ""


def test_decisions_are_numbered_without_a_gap_and_short() -> None:
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert files
    for number, path in enumerate(files, start=1):
        lines = path.read_text().splitlines()
        assert re.fullmatch(rf"{number:04}-[a-z0-9-]+\.md", path.name)
        assert lines[0].startswith(f"# {number:04}. ")
        assert len(lines) <= 60, f"{path.name}: a decision is a page"


@pytest.mark.parametrize("script", [".ci/run"])
def test_scripts_can_be_run(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
