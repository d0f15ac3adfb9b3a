"""The original's verification requests as claims of pages, and what they say about the profiles behind them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from ops.import_prisma import rules
from ops.import_prisma.report import Report, Row, RowRejectedError
from ops.import_prisma.users import Artist, Present, drop_mark
from servicekit.errors import ServiceError
from services.users.domain.verification import CODE_DAYS, State, recheck_seconds
from services.users.domain.verification_proof import new_code
from services.users.domain.verification_target import Target, parse_target

_TABLE = "verification_requests"
# What its column accepts.
_CODE = re.compile(r"seda-verify-[a-z2-7]{26}")
_STATES = {
    "PENDING": State.PENDING,
    "CHECKING": State.PENDING,
    "VERIFIED": State.VERIFIED,
    "APPROVED": State.VERIFIED,
    "REJECTED": State.REJECTED,
    "DENIED": State.REJECTED,
    "FAILED": State.FAILED,
    "EXPIRED": State.EXPIRED,
    "CANCELLED": State.CANCELLED,
    "CANCELED": State.CANCELLED,
    "REVOKED": State.REVOKED,
}


class Claim(NamedTuple):
    """A row of users.verification_requests."""

    id: UUID
    user_id: UUID
    artist_profile_id: UUID
    target_url: str
    target_kind: str
    claim_code: str
    state: str
    expires_at: datetime
    verified_at: datetime | None
    recheck_at: datetime | None
    created_at: datetime
    updated_at: datetime


def convert_claims(
    rows: Iterable[Row], artists: dict[UUID, Artist], present: Present, report: Report
) -> list[Claim]:
    """Return the claims that fit.

    A profile stays verified only with a verified claim behind it, whose URL it gets: `artists` is changed.
    """
    rows = rules.in_time(rows)
    ids = {rules.optional_id(row["id"]) for row in rows}
    others = [each for each in present.claims if each.id not in ids]
    conversion = _Conversion(
        artists,
        report,
        open_pages={(each.artist_profile_id, each.target_url) for each in others},
        verified_urls={each.target_url for each in others if each.verified},
    )
    claims = list(report.accepted(_TABLE, rows, conversion.claim))
    proven = {each.artist_profile_id for each in claims if each.state == State.VERIFIED}
    for artist in list(artists.values()):
        if artist.verified and artist.id not in proven:
            drop_mark(artists, artist, report)
    return claims


@dataclass(slots=True)
class _Conversion:
    artists: dict[UUID, Artist]
    report: Report
    open_pages: set[tuple[UUID, str]]
    verified_urls: set[str]
    codes: set[str] = field(default_factory=set)

    def claim(self, row: Row) -> Claim:
        """Return the next claim. Raises RowRejectedError."""
        claim_id, user = rules.row_id(row["id"]), rules.optional_id(row["user_id"])
        artist = None if user is None else self.artists.get(user)
        if artist is None:
            raise RowRejectedError("ARTIST_UNKNOWN")
        target = _target(row["target_url"])
        found = _STATES.get(row["status"].strip().upper())
        if found is None:
            raise RowRejectedError("STATUS_UNKNOWN")
        # A mark that the profile has lost since is not given back.
        state = State.REVOKED if found is State.VERIFIED and not artist.verified else found
        self._take_page(artist, target, state)
        code = row["claim_code"]
        if not _CODE.fullmatch(code) or code in self.codes:
            # The artist finds the new one in the claim, and has it to publish before the next re-check.
            code = new_code()
        self.codes.add(code)
        self.report.change(
            _TABLE,
            claim_id,
            VERIFIED_DROPPED=state is not found,
            CODE_REPLACED=code != row["claim_code"],
            TIME_UNKNOWN=row["created_at"] is None,
        )
        verified = state is State.VERIFIED
        created = rules.utc(row["created_at"]) if row["created_at"] else artist.created_at
        if verified:
            self._show(artist, target)
        return Claim(
            claim_id,
            artist.user_id,
            artist.id,
            target.url,
            target.kind,
            code,
            state,
            rules.utc(row["expires_at"]) if row["expires_at"] else created + timedelta(days=CODE_DAYS),
            artist.verified_at if verified else None,
            _recheck_time() if verified else None,
            created,
            created,
        )

    def _take_page(self, artist: Artist, target: Target, state: State) -> None:
        if state not in {State.PENDING, State.VERIFIED}:
            return
        if (artist.id, target.url) in self.open_pages:
            raise RowRejectedError("DUPLICATE")
        if state is State.VERIFIED and target.url in self.verified_urls:
            raise RowRejectedError("TARGET_TAKEN")
        self.open_pages.add((artist.id, target.url))
        if state is State.VERIFIED:
            self.verified_urls.add(target.url)

    def _show(self, artist: Artist, target: Target) -> None:
        """Put a verified page into its field of the profile."""
        name = f"{target.kind.lower()}_url"
        shown = getattr(artist, name, target.url)
        if shown == target.url:
            return
        if shown is not None:
            self.report.change("artist_profiles", artist.id, f"{name.upper()}_CHANGED")
        self.artists[artist.user_id] = Artist(**(artist._asdict() | {name: target.url}))


def _target(url: str) -> Target:
    try:
        return parse_target(url)
    except ServiceError:
        raise RowRejectedError("TARGET_INVALID") from None


def _recheck_time() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=recheck_seconds(random.random()))  # noqa: S311 - spreads them
