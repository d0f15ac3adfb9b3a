"""Random acts on claims of two profiles, each compared with a plain model; after each, the log of states is complete."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar
from unittest.mock import patch

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import UpdateArtistRequest
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from servicekit.rpc_status import UpstreamError
from tests.effort import tries
from tests.services.running import Running, call, user
from tests.services.users.fake_crawler import FakeCrawler
from tests.services.users.stateful.model import HELD, Claim, Model, Page, Profile, RefusedError
from tests.services.users.verification_client import Artist, VerificationClient

_EXAMPLES = int(os.environ.get("SEDA_TEST_STATEFUL_EXAMPLES", tries(15, 200)))
_STEPS = 30
_PROFILES = st.integers(0, 1)
_URLS = st.integers(0, 2)
_CLAIMS = st.integers(0, 30)
_NAMES = st.integers(0, 2)


class VerificationMachine(RuleBasedStateMachine):
    """Two profiles, three pages, three names. Hypothesis runs it in a thread beside the loop of the service."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    client: ClassVar[VerificationClient]
    crawler: ClassVar[FakeCrawler]
    root: ClassVar[str]
    seen: ClassVar[set[tuple[str, str]]] = set()

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def _sql(self, text: str, *values: object) -> Any:
        return self._wait(self.client.admin.fetch(text, *values))

    def _both(self, model: Callable[[], object], work: Coroutine[Any, Any, Any]) -> Any:
        """Do a thing here and there; both must allow it, or refuse it for the same reason."""
        answer, refusal, expected = None, "", ""
        try:
            answer = self._wait(work)
        except UpstreamError as error:
            refusal = error.reason
        try:
            model()
        except RefusedError as error:
            expected = error.reason
        assert refusal == expected
        return answer

    @initialize()
    def create(self) -> None:
        # No claim of an example before may be due, or look alike.
        self._sql("DELETE FROM users.artist_profiles")
        key = uuid.uuid4().hex
        self.names = [f"lake {key} {number}" for number in range(3)]
        self.artists: list[Artist] = [self._wait(self.client.add_artist(name)) for name in self.names[:2]]
        self.urls = [f"https://{key}{number}.example.com/" for number in range(3)]
        self.model = Model([Profile(name) for name in self.names[:2]], {url: Page() for url in self.urls})
        # Hypothesis leaves many a rule out of an example, and without claims the others have nothing to act on.
        for profile, url in ((0, 0), (0, 1), (1, 0), (1, 2)):
            self.start(profile, url)
            self.publish(len(self.model.claims) - 1, True)

    def _show(self) -> None:
        """Let the crawler see the pages of the model."""
        self.crawler.pages.clear()
        for url, page in self.model.pages.items():
            failure = "ANSWER_TIMEOUT" if page.unreadable == "timeout" else ""
            self.crawler.shows(url, " ".join(page.codes), failure=failure)

    def _claim(self, place: int) -> Claim | None:
        claims = self.model.claims
        return claims[place % len(claims)] if claims else None

    @rule(profile=_PROFILES, url=_URLS)
    def start(self, profile: int, url: int) -> None:
        target = self.urls[url]
        present = self.model.open(profile, target)
        model = (lambda: None) if present is not None else (lambda: self.model.start(profile, target))
        answer = self._both(model, self.client.start(self.artists[profile], f"{target}?utm=1"))
        if answer is None:
            return
        made = answer.verification
        if present is not None:
            assert made.id == present.id
            return
        self.model.claims.append(Claim(made.id, made.code, profile, target))
        # The limits of a day and of an hour have tests of their own.
        self._sql("UPDATE users.verification_requests SET created_at = created_at - interval '25 hours'")

    @rule(place=_CLAIMS, there=st.booleans())
    def publish(self, place: int, there: bool) -> None:
        claim = self._claim(place)
        if claim is not None:
            codes = self.model.pages[claim.url].codes
            codes.add(claim.code) if there else codes.discard(claim.code)
            self._show()

    @rule(url=_URLS, unreadable=st.sampled_from(["", "", "timeout"]))
    def break_page(self, url: int, unreadable: str) -> None:
        self.model.pages[self.urls[url]].unreadable = unreadable
        self._show()

    @rule(place=_CLAIMS, dies=st.sampled_from([False, False, False, True]), worn=st.booleans())
    def check(self, place: int, dies: bool, worn: bool) -> None:
        claim = self._claim(place)
        if claim is None:
            return
        if worn and claim.state == "PENDING":
            claim.attempts = 19
            self._sql("UPDATE users.verification_requests SET attempt_count = 19 WHERE id = $1", claim.id)
        self._sql("UPDATE users.verification_attempts SET created_at = created_at - interval '2 hours'")
        self._sql("UPDATE users.verification_requests SET checked_at = checked_at - interval '1 minute'")
        self._both(lambda: self.model.check(claim, dies=dies), self._check(claim, dies=dies))

    async def _check(self, claim: Claim, *, dies: bool) -> None:
        artist = self.artists[claim.profile]
        if not dies:
            await self.client.check(artist, claim.id)
            await self.client.settled()
            return
        self.crawler.gate.clear()
        try:
            await self.client.check(artist, claim.id)
            await self.client.checker.stop()
            await self.client.age(claim.id, "checking_until", "1 minute")
            await self.client.scheduler.run_once()
        finally:
            self.crawler.gate.set()

    @rule(place=_CLAIMS, late=st.booleans())
    def recheck(self, place: int, late: bool) -> None:
        claim = self._claim(place)
        if claim is None or claim.state not in HELD:
            return
        past = "UPDATE users.verification_requests SET recheck_at = now() - interval '1 second' WHERE id = $1"
        self._sql(past, claim.id)
        if late:
            self._wait(self.client.age(claim.id, "recheck_failed_at", "73 hours"))
        self.model.recheck(claim, late=late)
        self._wait(self.client.scheduler.run_once())
        # The next failure is an early one again.
        self._sql(
            "UPDATE users.verification_requests SET recheck_failed_at = now() WHERE recheck_failed_at IS NOT NULL"
        )

    @rule(place=_CLAIMS)
    def neglect(self, place: int) -> None:
        self.publish(place, False)
        self.recheck(place, False)
        self.recheck(place, True)

    @rule(place=_CLAIMS)
    def expire(self, place: int) -> None:
        claim = self._claim(place)
        if claim is not None:
            self._wait(self.client.age(claim.id, "expires_at", "8 days"))
            self.model.expire(claim)
            self._wait(self.client.scheduler.run_once())

    @rule(place=_CLAIMS, act=st.sampled_from(["cancel", "approve", "approve", "reject", "revoke"]))
    def decide(self, place: int, act: str) -> None:
        claim = self._claim(place)
        if claim is None:
            return
        who: Any = self.artists[claim.profile] if act == "cancel" else self.root
        self._both(lambda: getattr(self.model, act)(claim), getattr(self.client, act)(who, claim.id))

    @rule(profile=_PROFILES, name=_NAMES, url=st.none() | _URLS)
    def change(self, profile: int, name: int, url: int | None) -> None:
        artist = self.artists[profile]
        before = self._wait(self.client.profile(artist))["website_url"]
        after = before if url is None else self.urls[url]
        request = UpdateArtistRequest(
            artist_profile=ArtistProfile(
                id=artist.profile_id, artist_name=self.names[name], website_url=after or ""
            ),
            update_mask=FieldMask(paths=["artist_name", "website_url"]),
        )
        stub = ArtistServiceStub(self.client.users.channel)
        self._wait(call(stub.UpdateArtist, request, user(artist.email)))
        self.model.change(profile, self.names[name], before if after != before else None)
        self._wait(self.client.scheduler.run_once())

    @invariant()
    def same_states(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = self._sql(
            "SELECT id::text, state, recheck_failed_at IS NOT NULL AS failing FROM users.verification_requests"
        )
        found = {row["id"]: (row["state"], row["failing"]) for row in rows}
        assert found == {each.id: (each.state, each.failing) for each in self.model.claims}
        verified = [self._wait(self.client.profile(each))["verified"] for each in self.artists]
        assert verified == [each.verified for each in self.model.profiles]

    @invariant()
    def complete_log(self) -> None:
        """The log leads from nothing to the present state of every claim, by steps that follow each other."""
        if not hasattr(self, "model"):
            return
        for claim in self.model.claims:
            steps = self._wait(self.client.transitions(claim.id))
            assert [before for before, _, _ in steps] == [None, *(after for _, after, _ in steps[:-1])]
            assert steps[-1][1] == claim.state
            taken = {(before, after) for before, after, _ in steps[1:]}
            assert taken <= _EDGES
            self.seen.update(taken)
        held = [each.url for each in self.model.claims if each.state in HELD]
        assert len(held) == len(set(held))


_EDGES = {
    *(("PENDING", after) for after in ("CHECKING", "VERIFIED", "EXPIRED", "CANCELLED", "REJECTED")),
    *(("CHECKING", after) for after in ("VERIFIED", "PENDING", "FAILED")),
    *(("VERIFIED", after) for after in ("STALE", "REVOKED")),
    *(("STALE", after) for after in ("VERIFIED", "REVOKED")),
}


@pytest.mark.timeout(300)
async def test_claims_behave_like_the_model(users: Running, admin: asyncpg.Connection) -> None:
    client, crawler = VerificationClient(users, admin), FakeCrawler()
    VerificationMachine.loop = asyncio.get_running_loop()
    VerificationMachine.client, VerificationMachine.crawler = client, crawler
    VerificationMachine.root = await client.add_admin()
    chosen = settings(
        max_examples=_EXAMPLES,
        stateful_step_count=_STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with (
        patch.object(client.checker, "_crawler", crawler),
        patch.object(client.scheduler, "_crawler", crawler),
    ):
        await asyncio.to_thread(run_state_machine_as_test, VerificationMachine, settings=chosen)
    assert len(VerificationMachine.seen) >= 8
