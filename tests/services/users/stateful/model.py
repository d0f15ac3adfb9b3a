"""A plain model of claims: what each act does, or the reason for which it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

OPEN = frozenset({"PENDING", "CHECKING", "VERIFIED", "STALE"})
HELD = frozenset({"VERIFIED", "STALE"})


class RefusedError(Exception):
    """The act is refused."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Page:
    """What a URL shows: the codes on it, or that it can't be read."""

    codes: set[str] = field(default_factory=set)
    unreadable: str = ""


@dataclass
class Profile:
    """A profile. Names with the same `name` look alike."""

    name: str
    verified: bool = False


@dataclass
class Claim:
    """A claim. `failing`: a re-check has failed since it became STALE."""

    id: str
    code: str
    profile: int
    url: str
    state: str = "PENDING"
    attempts: int = 0
    failing: bool = False


@dataclass
class Model:
    """All claims and profiles."""

    profiles: list[Profile]
    pages: dict[str, Page]
    claims: list[Claim] = field(default_factory=list)

    def of(self, profile: int) -> list[Claim]:
        """The claims of a profile."""
        return [each for each in self.claims if each.profile == profile]

    def open(self, profile: int, url: str) -> Claim | None:
        """The claim that a start returns again."""
        found = [each for each in self.of(profile) if each.url == url and each.state in OPEN]
        return found[0] if found else None

    def start(self, profile: int, url: str) -> None:
        """Whether a new claim may be started."""
        if sum(each.state in {"PENDING", "CHECKING"} for each in self.of(profile)) >= 3:
            raise RefusedError("VERIFICATION_LIMIT")
        assert self.open(profile, url) is None

    def _taken(self, claim: Claim) -> bool:
        return any(each.url == claim.url and each.state in HELD for each in self.claims if each is not claim)

    def _looks_alike(self, claim: Claim) -> bool:
        own = self.profiles[claim.profile]
        return any(each.verified and each.name == own.name for each in self.profiles if each is not own)

    def _read(self, claim: Claim) -> str:
        page = self.pages[claim.url]
        return page.unreadable or ("found" if claim.code in page.codes else "missing")

    def _verify(self, claim: Claim) -> None:
        claim.state, claim.failing = "VERIFIED", False
        self.profiles[claim.profile].verified = True

    def _lose(self, claim: Claim) -> None:
        claim.state, claim.failing = "REVOKED", False
        if not any(each.state in HELD for each in self.of(claim.profile)):
            self.profiles[claim.profile].verified = False

    def check(self, claim: Claim, *, dies: bool) -> None:
        """Check a claim; the process may die before it has a result."""
        if claim.state == "VERIFIED":
            return
        if claim.state != "PENDING":
            raise RefusedError("VERIFICATION_STATE")
        if self._taken(claim):
            raise RefusedError("TARGET_ALREADY_CLAIMED")
        if self._looks_alike(claim):
            raise RefusedError("LOOKALIKE_NAME")
        result = "died" if dies else self._read(claim)
        if result == "found":
            claim.attempts += 1
            self._verify(claim)
        elif result != "away":
            claim.attempts += 1
            claim.state = "FAILED" if claim.attempts >= 20 else "PENDING"

    def recheck(self, claim: Claim, *, late: bool) -> None:
        """Check a verified claim again; `late`: 72 hours after its first failure."""
        result = self._read(claim)
        if result in {"timeout", "away"}:
            return
        if result == "found" and (claim.state == "VERIFIED" or not self._looks_alike(claim)):
            if claim.state == "STALE":
                self._verify(claim)
            return
        if claim.failing and late:
            self._lose(claim)
            return
        claim.state, claim.failing = "STALE", True

    def cancel(self, claim: Claim) -> None:
        """Cancel a claim."""
        if claim.state not in {"PENDING", "CANCELLED"}:
            raise RefusedError("VERIFICATION_STATE")
        claim.state = "CANCELLED"

    def expire(self, claim: Claim) -> None:
        """Let a week pass."""
        if claim.state == "PENDING":
            claim.state = "EXPIRED"

    def approve(self, claim: Claim) -> None:
        """Verify a claim without its code."""
        if claim.state == "VERIFIED":
            return
        if claim.state != "PENDING":
            raise RefusedError("VERIFICATION_STATE")
        if self._looks_alike(claim):
            raise RefusedError("LOOKALIKE_NAME")
        if self._taken(claim):
            raise RefusedError("TARGET_ALREADY_CLAIMED")
        self._verify(claim)

    def reject(self, claim: Claim) -> None:
        """Reject a claim."""
        if claim.state not in {"PENDING", "REJECTED"}:
            raise RefusedError("VERIFICATION_STATE")
        claim.state = "REJECTED"

    def revoke(self, claim: Claim) -> None:
        """Revoke a claim."""
        if claim.state == "REVOKED":
            return
        if claim.state not in HELD:
            raise RefusedError("VERIFICATION_STATE")
        self._lose(claim)

    def change(self, profile: int, name: str, replaced: str | None) -> None:
        """Change name or URL; what has to be proven again for it is checked at once."""
        own = self.profiles[profile]
        renamed = own.name != name
        own.name = name
        stale = [
            each for each in self.of(profile) if each.state in HELD and (renamed or each.url == replaced)
        ]
        for claim in stale:
            claim.state = "STALE"
        if stale and not any(each.state == "VERIFIED" for each in self.of(profile)):
            own.verified = False
        for claim in stale:
            self.recheck(claim, late=False)
