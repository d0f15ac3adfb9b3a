"""ExportMyData: all that the services store about the caller, as JSON lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from gateway.actions.deps import Deps, ExportPage
from gateway.actions.lookups import from_main
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import decode_token, encode_token, fingerprint

MAX_CHUNK_BYTES = 256 << 10


class Manifest(NamedTuple):
    """The kinds of records that may follow, each with its service, and chat's epoch."""

    kinds: list[tuple[str, str]]
    epoch: str


class Chunk(NamedTuple):
    """Records of one kind as JSON lines, and the token that continues behind them."""

    service: str
    kind: str
    json_lines: bytes
    resume_token: str


class Summary(NamedTuple):
    """The number of records that were sent, by service and kind, and the SHA-256 of all lines."""

    counts: dict[tuple[str, str], int]
    sha256: bytes


class _Cursor(NamedTuple):
    """A place in the export: a service, a page of its records, and how many of these are sent."""

    source: int = 0
    page_token: str = ""
    sent: int = 0


async def export_my_data(
    deps: Deps, user_id: UUID, resume_token: str
) -> AsyncGenerator[Manifest | Chunk | Summary, None]:
    """Yield the manifest, then chunk after chunk, then the summary; one page of records is held at a time.

    Raises PageTokenMismatchError, and ServiceUnavailableError when a service is away: an export is never partial.
    """
    binding = fingerprint("ExportMyData", user_id)
    cursor = _decode(resume_token, binding, len(deps.exports))
    rooms = await from_main("chat", deps.chat.get_my_rooms_rev, deps.budgets.main_seconds)
    yield Manifest([(source.service, kind) for source in deps.exports for kind in source.kinds], rooms.epoch)
    counts, digest = Counter[tuple[str, str]](), hashlib.sha256()
    while cursor.source < len(deps.exports):
        source = deps.exports[cursor.source]
        page = await from_main(
            source.service, source.export, user_id, cursor.page_token, deps.budgets.main_seconds
        )
        # After a cut in the middle of a page: its order is that of an index, and what was sent comes first.
        for lines, sent in _chunks(page.lines[cursor.sent :]):
            cursor = cursor._replace(sent=cursor.sent + sent)
            following = cursor if cursor.sent < len(page.lines) else _next_page(cursor, page)
            digest.update(lines)
            counts[source.service, page.kind] += sent
            yield Chunk(source.service, page.kind, lines, encode_token(binding, *_parts(following)))
        cursor = _next_page(cursor, page)
    yield Summary(dict(counts), digest.digest())


def _next_page(cursor: _Cursor, page: ExportPage) -> _Cursor:
    if page.next_page_token:
        return _Cursor(cursor.source, page.next_page_token)
    return _Cursor(cursor.source + 1)


def _chunks(lines: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the lines joined, up to 256 KiB at a time, with their number; no line is nearly as long."""
    start, size = 0, 0
    for end, line in enumerate(lines):
        if size + len(line) > MAX_CHUNK_BYTES and end > start:
            yield b"".join(lines[start:end]), end - start
            start, size = end, 0
        size += len(line)
    if start < len(lines):
        yield b"".join(lines[start:]), len(lines) - start


def _parts(cursor: _Cursor) -> tuple[tuple[int, int], tuple[str]]:
    return (cursor.source, cursor.sent), (cursor.page_token,)


def _decode(resume_token: str, binding: int, sources: int) -> _Cursor:
    if not resume_token:
        return _Cursor()
    token = decode_token(resume_token, binding)
    match list(token.numbers), list(token.texts):
        case [source, sent], [page_token] if 0 <= source <= sources and sent >= 0:
            return _Cursor(source, page_token, sent)
        case _:
            raise PageTokenMismatchError
