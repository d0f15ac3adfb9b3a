"""Backups in S3: the same round trip, and failures of the server at every request."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
from moto.s3 import models

from ops.backup import s3
from ops.backup.create import create_backup, now_utc
from ops.backup.restore import Source, restore_into
from ops.backup.retention import Policy, prune
from ops.backup.s3 import S3Store, open_s3
from ops.backup.stores import find_backup
from ops.backup.verify import read_backup, verify_archive
from ops.errors import CliError
from tests.ops.backup.s3_server import BUCKET, FAULTS, FaultyS3, faulty_s3
from tests.ops.backup.support import QUIET, all_rows, connection, dropped_after, fill, unused_name
from tests.postgres import Database

pytestmark = pytest.mark.slow

_URL = f"s3://{BUCKET}/seda/{{}}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    # Parts this small make one dump several requests.
    monkeypatch.setattr(s3, "_PART_BYTES", 64 * 1024)
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    with faulty_s3() as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        put = urllib.request.Request(f"http://127.0.0.1:{made.port}/{BUCKET}", method="PUT")
        put.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261129/us-east-1/s3/aws4_request")
        urllib.request.urlopen(put).close()
        yield made


@pytest.fixture(scope="module")
async def filled(database: Database) -> Database:
    await fill(database)
    return database


def _complete(store: S3Store) -> list[str]:
    for each in store.published():
        verify_archive(store, read_backup(store, each), (), lambda _: None)
    return store.published()


@pytest.mark.usefixtures("server")
async def test_a_backup_in_s3_restores(filled: Database) -> None:
    location, name = _URL.format("whole"), unused_name()
    made = await create_backup(filled.admin_dsn, open_s3(location), QUIET)
    store, backup_id = find_backup(f"{location}/{made.id}", None)
    assert (store.published(), backup_id) == ([made.id], made.id)
    async with dropped_after(filled.server, name):
        await restore_into(filled.admin_dsn, Source(store, backup_id), name, QUIET)
        async with (
            connection(filled.admin_dsn) as origin,
            connection(filled.server.dsn(name)) as restored,
        ):
            assert (await all_rows(restored))["chat.messages"] == (await all_rows(origin))["chat.messages"]
    await create_backup(filled.admin_dsn, store, QUIET)
    assert prune(store, Policy(0, 1), now_utc(), QUIET).backups == (made.id,)
    assert len(_complete(open_s3(location))) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_server_that_fails_at_any_request_publishes_a_whole_backup_or_none(
    server: FaultyS3, filled: Database
) -> None:
    server.fail("", 0)
    await create_backup(filled.admin_dsn, open_s3(_URL.format("count")), QUIET)
    requests = server.requests
    assert requests >= 5
    for fault in FAULTS:
        for number in range(1, requests + 1):
            location = _URL.format(f"{fault}-{number}")
            server.fail(fault, number)
            with pytest.raises(CliError) as failed:
                await create_backup(filled.admin_dsn, open_s3(location, retries=0), QUIET)
            assert failed.value.code == "BACKUP_STORE_FAILED"
            server.fail("", 0)
            # The answer to the manifest's upload alone is lost: then the backup is there, and is whole.
            expected = 1 if (fault, number) == ("half", requests) else 0
            assert len(_complete(open_s3(location))) == expected, (fault, number)


async def test_a_manifest_of_which_the_answer_was_lost_is_deleted_before_the_archive(
    server: FaultyS3, filled: Database
) -> None:
    server.fail("", 0)
    await create_backup(filled.admin_dsn, open_s3(_URL.format("all")), QUIET)
    requests, store = server.requests, open_s3(_URL.format("lost"), retries=0)
    # One more request gets through after it.
    server.fail("half", requests, spared=1)
    with pytest.raises(CliError):
        await create_backup(filled.admin_dsn, store, QUIET)
    server.fail("", 0)
    assert (_complete(store), len(store.incomplete())) == ([], 1)


async def test_one_failed_request_is_repeated(server: FaultyS3, filled: Database) -> None:
    store = open_s3(_URL.format("again"))
    server.fail("error", 3, once=True)
    made = await create_backup(filled.admin_dsn, store, QUIET)
    assert _complete(store) == [made.id]


@pytest.mark.usefixtures("server")
async def test_without_a_bucket_nothing_is_published_and_the_error_is_typed(filled: Database) -> None:
    with pytest.raises(CliError) as failed:
        await create_backup(filled.admin_dsn, open_s3("s3://missing/seda"), QUIET)
    assert failed.value.code == "BACKUP_STORE_FAILED"
