"""A backup before a migration: when it is made, what it holds, and that nothing is applied without it."""

from __future__ import annotations

import asyncio
import re
from io import StringIO
from pathlib import Path

import pytest

from migrations.heads import head, revisions
from ops.backup.before_migration import BackupBefore
from ops.backup.restore import renew_epoch
from ops.backup.stores import LocalStore
from ops.backup.verify import read_backup
from ops.console import Console
from ops.database.data_loss import data_loss
from ops.database.dry_run import plan
from ops.database.init import init_database
from ops.database.migrate import deploy, status
from ops.errors import CliError, Exit
from ops.up.database import prepare
from ops.up.progress import Progress
from tests.migrations.revision_files import NEXT, add_revision, copy_migrations
from tests.ops.backup.support import QUIET, fill
from tests.ops.support.command import Seda
from tests.postgres import Database, empty_database

pytestmark = pytest.mark.slow

_DROP = "op.drop_column('rooms', 'topic', schema='chat')"
_ADD = "op.add_column('rooms', sa.Column('topic', sa.Text()), schema='chat')"
_LOSSES = (
    ("op.drop_column('rooms', 'topic', schema='chat')", "drops"),
    ("op.drop_table('rooms', schema='chat')", "drops"),
    ("op.execute('DROP TABLE chat.rooms')", "drops"),
    ("op.execute('ALTER TABLE chat.rooms '\n        'DROP COLUMN topic')", "drops"),
    ("op.execute('ALTER TABLE chat.rooms DROP topic')", "drops"),
    ("op.execute(f'DROP {kind} {name}')", "drops"),
    ("op.execute('truncate chat.rooms')", "drops"),
    ("op.alter_column('rooms', 'topic', type_=sa.Integer(), schema='chat')", "changes"),
    ("op.execute('ALTER TABLE chat.rooms ALTER COLUMN topic SET DATA TYPE int')", "changes"),
    ("op.execute('ALTER TABLE chat.rooms ALTER topic TYPE int')", "changes"),
    ("op.execute('UPDATE chat.rooms AS r\\nSET name = 1')", "changes"),
    ("op.execute('WITH gone AS (DELETE FROM chat.rooms RETURNING id) SELECT 1')", "changes"),
    ("op.execute('MERGE INTO chat.rooms USING x ON true')", "changes"),
    ("op.execute(rooms.update().values(name=''))", "changes"),
)
_HARMLESS = (
    _ADD,
    "op.execute('CREATE TABLE chat.notes (id uuid)')",
    "op.execute('ALTER TABLE chat.rooms DROP CONSTRAINT rooms_x_check')",
    "op.execute('ALTER TABLE chat.rooms ALTER topic DROP NOT NULL, ALTER topic DROP DEFAULT')",
    "op.drop_index('rooms_x_idx', 'rooms', schema='chat')",
    "op.execute('GRANT SELECT, UPDATE, DELETE ON chat.rooms TO chat_app')",
    "op.execute('ALTER TABLE chat.a ADD FOREIGN KEY (b) REFERENCES chat.b ON DELETE CASCADE')",
    "op.alter_column('rooms', 'topic', comment='A new comment', schema='chat')",
    "concurrently.drop_index('rooms_x_idx', schema='chat')",
)


@pytest.mark.parametrize(("body", "loss"), [*_LOSSES, *((each, None) for each in _HARMLESS)])
def test_a_revision_tells_by_its_text_what_it_loses(tmp_path: Path, body: str, loss: str | None) -> None:
    folder = copy_migrations(tmp_path)
    add_revision(folder, f'"""DROP TABLE is a word here."""\n    {body}')
    assert data_loss(revisions("chat", folder)[-1]) == loss


@pytest.mark.slow
async def test_no_loss_of_the_history_is_overlooked(blank_database: Database) -> None:
    """The statements themselves, as they are sent to a scratch database."""
    await init_database(blank_database.admin_dsn)
    lossy = re.compile(
        r"^(?:ALTER TABLE \S+ )?DROP (?:TABLE|COLUMN|SCHEMA|SEQUENCE)|^(?:UPDATE|DELETE|TRUNCATE|MERGE)|^ALTER TABLE .* TYPE ",
        re.IGNORECASE,
    )
    found = [
        (each.schema, each.revision)
        for each in await plan(blank_database.admin_dsn)
        if any(lossy.match(" ".join(statement.split())) for statement in each.statements)
    ]
    told = [(s, each.id) for s in ("users", "chat", "tracks") for each in revisions(s) if data_loss(each)]
    assert found
    assert set(found) <= set(told)


@pytest.fixture
def dropping(tmp_path: Path) -> Path:
    """Migrations whose next revision of chat drops a column of the one before."""
    folder = copy_migrations(tmp_path)
    path = add_revision(folder, _ADD, name="29981231_0900_topic")
    path.write_text(path.read_text().replace("from alembic", "import sqlalchemy as sa\nfrom alembic", 1))
    add_revision(folder, _DROP)
    return folder


async def heads(database: Database, folder: Path) -> str | None:
    return (await status(database.admin_dsn, folder=folder))[1].current


async def test_a_revision_that_drops_is_preceded_by_a_backup_of_everything_before(
    fresh_database: Database, dropping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(fresh_database)
    monkeypatch.setenv("SEDA_BACKUP_LOCATION", str(tmp_path / "backups"))
    before = BackupBefore(fresh_database.admin_dsn, QUIET)
    await deploy(fresh_database.admin_dsn, folder=dropping, before=before)

    store = LocalStore(tmp_path / "backups")
    assert before.made is not None
    assert store.published() == [before.made.id]
    contents = read_backup(store, before.made.id).contents
    assert contents.heads["chat"] == head("chat")
    assert sum(each.rows for each in contents.tables if each.name == "chat.messages") == 120
    assert await heads(fresh_database, dropping) == NEXT


async def test_a_revision_that_adds_makes_a_backup_only_if_asked_for(
    fresh_database: Database, dropping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEDA_BACKUP_LOCATION", str(tmp_path / "backups"))
    to = dict.fromkeys(("users", "chat", "tracks"), "29981231_0900")
    added = BackupBefore(fresh_database.admin_dsn, QUIET)
    await deploy(fresh_database.admin_dsn, folder=dropping, before=added, to=to)
    assert added.made is None

    asked = BackupBefore(fresh_database.admin_dsn, QUIET, wanted=True)
    add_revision(dropping, "op.execute('SELECT 1')", "users")
    await deploy(fresh_database.admin_dsn, folder=dropping, before=asked, to={**to, "users": NEXT})
    assert asked.made is not None

    declined = BackupBefore(fresh_database.admin_dsn, QUIET, wanted=False)
    await deploy(fresh_database.admin_dsn, folder=dropping, before=declined)
    assert (declined.made, await heads(fresh_database, dropping)) == (None, NEXT)


async def refusal(database: Database, folder: Path, wanted: bool | None = None) -> CliError:
    """Deploy, which has to be refused before anything is applied."""
    before = await heads(database, folder)
    with pytest.raises(CliError) as refused:
        await deploy(
            database.admin_dsn, folder=folder, before=BackupBefore(database.admin_dsn, QUIET, wanted)
        )
    assert await heads(database, folder) == before
    assert "--no-backup" in refused.value.fix
    return refused.value


async def test_without_a_backup_nothing_is_applied(
    fresh_database: Database, dropping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEDA_BACKUP_LOCATION", raising=False)
    monkeypatch.setenv("SEDA_HOME", str(tmp_path / "home"))
    nowhere = await refusal(fresh_database, dropping)
    assert (nowhere.code, nowhere.exit_code) == ("BACKUP_NOT_CONFIGURED", Exit.UNSAFE)
    assert f"chat {NEXT}_next drops data" in nowhere.why

    assert (await refusal(fresh_database, dropping, wanted=True)).code == "BACKUP_NOT_CONFIGURED"

    # A file where the folder should be.
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("SEDA_BACKUP_LOCATION", str(tmp_path / "taken"))
    assert (await refusal(fresh_database, dropping)).code == "BACKUP_STORE_FAILED"

    monkeypatch.setenv("SEDA_BACKUP_LOCATION", str(tmp_path / "backups"))
    async with empty_database(fresh_database.server, "TEMPLATE seda_template") as other:
        monkeypatch.setenv("SEDA_BACKUP_DATABASE_URL", other.admin_dsn)
        # Every database has an identity of its own, but for copies of a template.
        await renew_epoch(other.admin_dsn)
        wrong = await refusal(fresh_database, dropping)
    assert (wrong.code, wrong.exit_code) == ("BACKUP_OF_OTHER_DATABASE", Exit.UNSAFE)
    assert not (tmp_path / "backups").exists()


async def test_the_suite_s_own_server_is_backed_up_beside_its_data(
    fresh_database: Database, dropping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEDA_BACKUP_LOCATION", raising=False)
    monkeypatch.setenv("SEDA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ops.backup.before_migration.running_dsn", lambda _: fresh_database.admin_dsn)
    monkeypatch.setenv("DATABASE_URL", fresh_database.admin_dsn)
    before = BackupBefore(fresh_database.admin_dsn, QUIET)
    await deploy(fresh_database.admin_dsn, folder=dropping, before=before)

    assert before.made is not None
    assert LocalStore(tmp_path / "home" / "backups").published() == [before.made.id]


async def test_a_start_of_the_suite_backs_up_only_what_it_would_lose(
    blank_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEDA_BACKUP_LOCATION", raising=False)
    monkeypatch.setenv("SEDA_HOME", str(tmp_path / "home"))
    dsn, backups = blank_database.admin_dsn, LocalStore(tmp_path / "home" / "backups")
    await init_database(dsn)
    await deploy(dsn, to=dict.fromkeys(("users", "chat", "tracks"), "20261123_0310"))
    told = StringIO()
    await prepare(dsn, Progress(Console(stderr=told)), {})
    assert "Backup 2" in told.getvalue()
    assert len(backups.published()) == 1

    await prepare(dsn, Progress(Console(stderr=StringIO())), {})
    assert len(backups.published()) == 1


@pytest.mark.slow
def test_the_command(
    seda: Seda, blank_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", blank_database.admin_dsn)
    monkeypatch.setenv("SEDA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEDA_BACKUP_LOCATION", raising=False)
    assert seda("db", "init").code == 0
    # On an empty database there is nothing to lose, whatever the revisions do.
    assert seda("migrate", "deploy", "--to", "20261123_0310").code == 0
    assert "-- It changes data: a backup comes first." in seda("migrate", "deploy", "--dry-run").out
    refused = seda("migrate", "deploy")
    assert (refused.code, "export SEDA_BACKUP_LOCATION=" in refused.err) == (Exit.UNSAFE, True)

    monkeypatch.setenv("SEDA_BACKUP_LOCATION", str(tmp_path / "backups"))
    data = seda("migrate", "deploy", "--json").json["data"]
    assert data["backup"]["id"] == LocalStore(tmp_path / "backups").published()[0]
    current = asyncio.run(status(blank_database.admin_dsn))
    assert [each.pending for each in current] == [(), (), ()]
