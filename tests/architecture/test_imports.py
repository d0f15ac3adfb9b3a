"""Which module may import which: the contracts of pyproject.toml hold, and a tree that breaks them is caught."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT

_SERVICE = ("__main__", "app", "config", "schema", "wire")
_LAYERS = ("actions", "clients", "domain", "live", "rpc", "store", "workers")

# Where a forbidden import is planted, what it imports, and the text by which the report names it.
BROKEN = {
    "services/chat/domain/planted.py": ("services.chat.store", "services.chat.domain.planted -> services.chat.store"),
    "services/chat/store/planted.py": ("services.chat.actions", "services.chat.store.planted -> services.chat.actions"),
    "services/chat/rpc/planted.py": ("services.chat.workers", "services.chat.rpc.planted -> services.chat.workers"),
    "services/users/actions/planted.py": ("grpc", "services.users.actions.planted -> grpc"),
    "services/users/workers/planted.py": ("seda", "services.users.workers.planted -> seda"),
    "services/users/rpc/planted.py": ("asyncpg", "services.users.rpc.planted -> asyncpg"),
    "services/users/store/planted.py": ("sqlalchemy", "services.users.store.planted -> sqlalchemy"),
    "services/tracks/store/planted.py": ("services.tracks.schema", "services.tracks.store.planted -> services.tracks.schema"),
    "services/tracks/actions/planted.py": ("services.tracks.config", "services.tracks.actions.planted -> services.tracks.config"),
    "services/tracks/clients/planted.py": ("services.users", "services.tracks.clients.planted -> services.users"),
    "gateway/planted.py": ("asyncpg", "gateway.planted -> asyncpg"),
    "search_text/planted.py": ("servicekit", "search_text.planted -> servicekit"),
    "servicekit/planted.py": ("services.chat", "servicekit.planted -> services.chat"),
    "services/chat/app.py": ("migrations.heads", "services.chat.app -> migrations.heads"),
    "seda/planted.py": ("servicekit", "seda.planted -> servicekit"),
}  # fmt: skip


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's contracts on the packages of a folder."""
    return subprocess.run(
        [
            Path(sys.executable).parent / "lint-imports",
            "--no-logo",
            "--no-cache",
            "--config",
            ROOT / "pyproject.toml",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A tree of the project's shape in which every module is empty."""
    packages = [
        "seda",
        "buf",
        "search_text",
        "servicekit",
        "services",
        "gateway",
        "ops",
        "migrations",
        "bench",
    ]
    for service in ("services/users", "services/chat", "services/tracks"):
        packages += [service, *(f"{service}/{layer}" for layer in _LAYERS)]
    for package in packages:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        if package.count("/") == 1:
            for module in _SERVICE:
                (tmp_path / package / f"{module}.py").touch()
    (tmp_path / "migrations/heads.py").touch()
    return tmp_path


def test_the_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_clean_tree_passes(small_tree: Path) -> None:
    result = lint_imports(small_tree)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_kind_of_forbidden_import_is_caught(small_tree: Path) -> None:
    for path, (module, _) in BROKEN.items():
        (small_tree / path).write_text(f"import {module}\n")
    # A module of no layer would escape the others.
    (small_tree / "services/users/elsewhere.py").touch()

    result = lint_imports(small_tree)

    assert result.returncode == 1
    report = " ".join(result.stdout.split())
    assert [text for _, text in BROKEN.values() if text not in report] == []
    assert "services.users.elsewhere" in report
