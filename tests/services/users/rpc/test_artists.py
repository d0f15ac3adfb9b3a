"""ArtistService, except for searches, over a real channel and a real database."""

from __future__ import annotations

import asyncio
import datetime as dt
from itertools import count
from uuid import UUID, uuid4

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from seda.users.v1.artist_pb2 import ArtistMark, ArtistProfile
from seda.users.v1.artist_service_pb2 import (
    CreateArtistRequest,
    DeleteArtistRequest,
    GetArtistRequest,
    LookupArtistsRequest,
    UpdateArtistRequest,
)
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from servicekit.errors import CallerSuspendedError, InvalidFieldsError, RateLimitedError
from servicekit.ids import new_id
from servicekit.rpc_status import UpstreamError
from services.users.app import build
from services.users.config import Settings
from services.users.domain.errors import (
    ArtistExistsError,
    ArtistNotFoundError,
    EtagMismatchError,
    NotYourselfError,
)
from tests.postgres import Database
from tests.services.running import Running, add_user, call, refused, running, user

_DOMAIN = "users.seda.fm"
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_NUMBERS = count()
_FULL = ArtistProfile(
    artist_name="Beyoncé",
    bio="Born in Houston.\n\nSings.",
    website_url="https://www.beyonce.com",
    spotify_url="https://open.spotify.com/artist/6vWDO969PvNqNYHIOW5v0m",
    soundcloud_url="https://soundcloud.com/beyonce",
)


@pytest.fixture(scope="module")
def stub(users: Running) -> ArtistServiceStub:
    return ArtistServiceStub(users.channel)


@pytest.fixture
def email() -> str:
    """Who has no profile, no past, and a full bucket."""
    return f"artist{next(_NUMBERS)}@example.com"


async def create(stub: ArtistServiceStub, email: str, artist: ArtistProfile = _FULL) -> ArtistProfile:
    request = CreateArtistRequest(artist_profile=artist)
    return (await call(stub.CreateArtist, request, user(email))).artist_profile


async def get(stub: ArtistServiceStub, profile_id: str) -> ArtistProfile:
    request = GetArtistRequest(artist_profile_id=profile_id)
    return (await call(stub.GetArtist, request, user("reader@example.com"))).artist_profile


async def update(
    stub: ArtistServiceStub, email: str, artist: ArtistProfile, *paths: str, **values: str
) -> ArtistProfile:
    changed = ArtistProfile()
    changed.CopyFrom(artist)
    for name, value in values.items():
        setattr(changed, name, value)
    request = UpdateArtistRequest(artist_profile=changed, update_mask=FieldMask(paths=paths))
    return (await call(stub.UpdateArtist, request, user(email))).artist_profile


async def delete(stub: ArtistServiceStub, email: str, profile_id: str) -> None:
    await call(stub.DeleteArtist, DeleteArtistRequest(artist_profile_id=profile_id), user(email))


async def suspend(admin: asyncpg.Connection, email: str, until: dt.datetime) -> None:
    await admin.execute("UPDATE users.users SET suspended_until = $2 WHERE email = $1", email, until)


async def test_create_artist_gives_the_profile(stub: ArtistServiceStub, email: str) -> None:
    created = await create(stub, email)
    assert created.id
    assert created.etag
    assert not created.verified
    assert not created.HasField("verify_time")
    assert created.create_time == created.update_time
    assert abs(created.create_time.ToDatetime(dt.UTC) - dt.datetime.now(dt.UTC)).seconds < 60
    for field in ("artist_name", "bio", "website_url", "spotify_url", "soundcloud_url"):
        assert getattr(created, field) == getattr(_FULL, field)
    assert await get(stub, created.id) == created
    request = GetArtistRequest(user_id=created.user_id)
    assert (await call(stub.GetArtist, request, user(email))).artist_profile == created


async def test_create_artist_ignores_output_fields_and_the_id(stub: ArtistServiceStub, email: str) -> None:
    forged = ArtistProfile(
        id=str(uuid4()), user_id=str(uuid4()), artist_name="  Ada \n Lovelace ", verified=True
    )
    created = await create(stub, email, forged)
    assert (created.artist_name, created.verified) == ("Ada Lovelace", False)
    assert created.id != forged.id
    assert created.user_id != forged.user_id


async def test_create_artist_repeated_returns_the_profile(stub: ArtistServiceStub, email: str) -> None:
    first = await create(stub, email)
    assert await create(stub, email) == first


@pytest.mark.parametrize("field", ["artist_name", "bio", "website_url", "spotify_url", "soundcloud_url"])
async def test_create_artist_with_other_values_is_refused(
    stub: ArtistServiceStub, email: str, field: str
) -> None:
    first = await create(stub, email)
    other = ArtistProfile()
    other.CopyFrom(_FULL)
    setattr(other, field, "Solange" if field == "artist_name" else "")
    error = await refused(create(stub, email, other), ArtistExistsError, _DOMAIN)
    assert error.metadata == {"artist_profile_id": first.id}
    assert await get(stub, first.id) == first


async def test_concurrent_creates_make_one_profile(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    answers = await asyncio.gather(*(create(stub, email) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    rows = "SELECT count(*) FROM users.artist_profiles WHERE user_id = $1"
    assert await admin.fetchval(rows, UUID(answers[0].user_id)) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("artist_name", ""),
        ("artist_name", "\u3164"),
        ("artist_name", "a" * 101),
        ("bio", "b" * 2001),
        ("website_url", "http://example.com"),
        ("spotify_url", "https://spotify.example.com/artist/1"),
        ("soundcloud_url", "https://soundcloud.com.example.com/forss"),
    ],
)
async def test_invalid_values_are_refused(
    stub: ArtistServiceStub, email: str, field: str, value: str
) -> None:
    created = await create(stub, email)
    invalid = ArtistProfile()
    invalid.CopyFrom(_FULL)
    setattr(invalid, field, value)
    for answer in (
        create(stub, f"other-{email}", invalid),
        update(stub, email, created, field, **{field: value}),
    ):
        error = await refused(answer, InvalidFieldsError, _DOMAIN)
        assert [violation.field for violation in error.violations] == [f"artist_profile.{field}"]
    assert await get(stub, created.id) == created


async def test_get_artist_of_unknown_ids_is_not_found(stub: ArtistServiceStub, email: str) -> None:
    for field in ("artist_profile_id", "user_id"):
        wanted = str(uuid4())
        answer = call(stub.GetArtist, GetArtistRequest(**{field: wanted}), user(email))
        error = await refused(answer, ArtistNotFoundError, _DOMAIN)
        assert error.metadata == {"id": wanted}
    await refused(call(stub.GetArtist, GetArtistRequest(), user(email)), InvalidFieldsError, _DOMAIN)


async def test_lookup_artists_gives_marks_and_who_has_none(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    first = await create(stub, email)
    second = await create(stub, f"second-{email}", ArtistProfile(artist_name="Second"))
    await admin.execute(
        "UPDATE users.artist_profiles SET verified = true, verified_at = $2 WHERE id = $1",
        UUID(first.id),
        _FAR,
    )
    stranger = str(uuid4())
    ids = [first.user_id, stranger, second.user_id, stranger, first.user_id]
    found = await call(stub.LookupArtists, LookupArtistsRequest(user_ids=ids), user(email))
    assert sorted(found.artists, key=lambda mark: mark.artist_name) == [
        ArtistMark(
            user_id=each.user_id,
            artist_profile_id=each.id,
            artist_name=each.artist_name,
            verified=each is first,
        )
        for each in (first, second)
    ]
    assert list(found.missing_ids) == [stranger]
    verified = await get(stub, first.id)
    assert verified.verified
    assert verified.verify_time.ToDatetime(dt.UTC) == _FAR


async def test_update_artist_changes_masked_fields_alone(stub: ArtistServiceStub, email: str) -> None:
    before = await create(stub, email)
    after = await update(stub, email, before, "bio", bio="Sings more.", artist_name="Ignored")
    assert (after.bio, after.artist_name, after.website_url) == (
        "Sings more.",
        before.artist_name,
        before.website_url,
    )
    assert after.etag != before.etag
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert after.create_time == before.create_time
    assert await get(stub, before.id) == after
    cleared = await update(stub, email, after, "bio", "spotify_url", bio="", spotify_url="")
    assert (cleared.bio, cleared.spotify_url, cleared.soundcloud_url) == ("", "", _FULL.soundcloud_url)


async def test_update_artist_takes_the_whole_resource(stub: ArtistServiceStub, email: str) -> None:
    before = await create(stub, email)
    values = {"artist_name": "Beyoncé 2", "bio": "", "website_url": "https://example.com/b"}
    set_fields = await update(stub, email, before, **values)
    assert (set_fields.artist_name, set_fields.bio) == ("Beyoncé 2", before.bio)
    every = await update(stub, email, set_fields, "*", **values)
    assert (every.bio, every.soundcloud_url) == ("", before.soundcloud_url)
    nothing = ArtistProfile(id=before.id)
    assert await update(stub, email, nothing) == every
    await refused(update(stub, email, nothing, "*"), InvalidFieldsError, _DOMAIN)


@pytest.mark.parametrize("paths", [("verified",), ("bio", "user_id"), ("*", "bio")])
async def test_update_artist_refuses_other_paths(
    stub: ArtistServiceStub, email: str, paths: tuple[str, ...]
) -> None:
    answer = update(stub, email, ArtistProfile(id=str(uuid4()), artist_name="A"), *paths)
    error = await refused(answer, InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["update_mask"]


async def test_update_artist_needs_an_id(stub: ArtistServiceStub, email: str) -> None:
    error = await refused(update(stub, email, ArtistProfile(bio="b"), "bio"), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["artist_profile.id"]


async def test_update_artist_with_an_old_etag_is_refused_unless_it_is_in_place(
    stub: ArtistServiceStub, email: str
) -> None:
    before = await create(stub, email)
    first, repeated = [await update(stub, email, before, "bio", bio="One") for _ in range(2)]
    assert repeated == first
    await refused(update(stub, email, before, "bio", bio="Two"), EtagMismatchError, _DOMAIN)
    never = ArtistProfile(id=before.id, etag="never given out", bio="Two")
    await refused(update(stub, email, never, "bio"), EtagMismatchError, _DOMAIN)
    assert (await update(stub, email, first, "bio", bio="Two")).bio == "Two"
    assert (await update(stub, email, before, "bio", bio="Three", etag="")).bio == "Three"


async def test_update_artist_with_one_etag_succeeds_once(stub: ArtistServiceStub, email: str) -> None:
    before = await create(stub, email)
    answers = await asyncio.gather(
        *(update(stub, email, before, "bio", bio=f"Bio {n}") for n in range(10)), return_exceptions=True
    )
    assert len([each for each in answers if isinstance(each, ArtistProfile)]) == 1
    assert {each.reason for each in answers if isinstance(each, UpstreamError)} == {"ETAG_MISMATCH"}


async def test_update_artist_gives_every_state_its_own_etag(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    before = await create(stub, email)
    # A clock that went back: the next update must not reuse an etag.
    await admin.execute(
        "UPDATE users.artist_profiles SET updated_at = $2 WHERE id = $1", UUID(before.id), _FAR
    )
    answers = await asyncio.gather(
        *(update(stub, email, before, "bio", bio=f"{n}", etag="") for n in range(10))
    )
    assert len({answer.etag for answer in answers}) == 10
    assert all(answer.update_time.ToDatetime(dt.UTC) > _FAR for answer in answers)


async def test_another_users_profile_is_out_of_reach(stub: ArtistServiceStub, email: str) -> None:
    theirs = await create(stub, email)
    stranger = f"stranger-{email}"
    await refused(update(stub, stranger, theirs, "bio", bio="Mine"), NotYourselfError, _DOMAIN)
    await refused(delete(stub, stranger, theirs.id), NotYourselfError, _DOMAIN)
    assert await get(stub, theirs.id) == theirs
    missing = ArtistProfile(id=str(uuid4()), bio="b")
    error = await refused(update(stub, stranger, missing, "bio"), ArtistNotFoundError, _DOMAIN)
    assert error.metadata == {"id": missing.id}


async def test_delete_artist_is_safe_to_repeat_and_takes_the_claims_along(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    created = await create(stub, email)
    await admin.execute(
        "INSERT INTO users.verification_requests"
        " (id, user_id, artist_profile_id, target_url, target_kind, claim_code, state, expires_at)"
        " VALUES ($1, $2, $3, 'https://example.com/', 'WEBSITE', $4, 'PENDING', $5)",
        new_id(),
        UUID(created.user_id),
        UUID(created.id),
        "seda-verify-" + "a" * 26,
        _FAR,
    )
    for _ in range(2):
        await delete(stub, email, created.id)
    await refused(get(stub, created.id), ArtistNotFoundError, _DOMAIN)
    claims = "SELECT count(*) FROM users.verification_requests WHERE artist_profile_id = $1"
    assert await admin.fetchval(claims, UUID(created.id)) == 0
    # The id of the deleted profile never deletes the next one.
    again = await create(stub, email)
    await delete(stub, email, created.id)
    assert await get(stub, again.id) == again


async def test_the_suspended_write_nothing_until_it_has_passed(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    created = await create(stub, email)
    # Cached before: the current row decides, not the cached caller.
    await suspend(admin, email, _FAR)
    for answer in (
        create(stub, email),
        create(stub, email, ArtistProfile(artist_name="Other")),
        update(stub, email, created, "bio", bio="Other"),
        delete(stub, email, created.id),
        delete(stub, email, str(uuid4())),
    ):
        await refused(answer, CallerSuspendedError, _DOMAIN)
    assert await get(stub, created.id) == created
    await suspend(admin, email, dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    await delete(stub, email, created.id)
    newcomer = f"new-{email}"
    await add_user(admin, newcomer, suspended_until=_FAR)
    await refused(create(stub, newcomer), CallerSuspendedError, _DOMAIN)
    await suspend(admin, newcomer, dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    assert (await create(stub, newcomer)).artist_name == _FULL.artist_name


async def test_an_erased_caller_creates_no_profile(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    # Cached before the erasure.
    created = await create(stub, email)
    await delete(stub, email, created.id)
    await admin.execute(
        "UPDATE users.users SET email = NULL, supabase_id = NULL, erased_at = now() WHERE email = $1", email
    )
    with pytest.raises(UpstreamError) as raised:
        await create(stub, email)
    assert raised.value.reason == "USER_NOT_FOUND"


async def test_a_create_waits_for_a_suspension_that_is_about_to_commit(
    stub: ArtistServiceStub, admin: asyncpg.Connection, email: str
) -> None:
    user_id = await add_user(admin, email)
    async with admin.transaction():
        await suspend(admin, email, _FAR)
        creating = asyncio.create_task(create(stub, email))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while not await admin.fetchval(waiting):
            assert not creating.done()
    await refused(creating, CallerSuspendedError, _DOMAIN)
    assert not await admin.fetchval(
        "SELECT count(*) FROM users.artist_profiles WHERE user_id = $1", UUID(user_id)
    )


async def test_writes_of_one_user_are_limited(database: Database, email: str) -> None:
    limits = {"artist_write_rate_per_second": 0.001, "artist_write_burst": 3}
    async with running(Settings, build, database, **limits) as service:
        stub = ArtistServiceStub(service.channel)
        created = await create(stub, email)
        updated = await update(stub, email, created, "bio", bio="b")
        await delete(stub, email, created.id)
        for answer in (
            create(stub, email),
            update(stub, email, updated, "bio", bio="c"),
            delete(stub, email, created.id),
        ):
            error = await refused(answer, RateLimitedError, _DOMAIN)
            assert error.retry_after is not None
        assert (await create(stub, f"other-{email}")).id
