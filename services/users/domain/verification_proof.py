"""Where a claim code may stand, in the order in which it is looked for, and whether it stands there."""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.users.domain.verification_check import Page, ProofKind
from services.users.domain.verification_target import Target, TargetKind, is_at

_PREFIX = "seda-verify-"
_CODE_BYTES = 16
_META_NAME = "seda-verification"
_WELL_KNOWN = "/.well-known/seda-verification.txt"
# No letter, digit or sign of a word or a link may touch a code: part of a longer word, or of an echoed URL, is no code.
_TOKEN = re.compile(rf"(?<![\w\-./=?&%#@+~]){_PREFIX}[a-z2-7]{{26}}(?![\w\-/=&%#@+~])")
_FIELDS = {
    TargetKind.SPOTIFY: "artist bio",
    TargetKind.SOUNDCLOUD: "profile bio",
    TargetKind.BANDCAMP: "artist bio",
    TargetKind.YOUTUBE: "channel description",
}
_PROFILE_TYPES = frozenset({"MusicGroup", "Person", "Organization"})


class Proof(NamedTuple):
    """A way to prove a claim: put `what` at `where`, a URL, or the name of a field of the profile."""

    kind: ProofKind
    where: str
    what: str


def new_code() -> str:
    """Return a claim code of 128 random bits."""
    return _PREFIX + base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().rstrip("=").lower()


def proofs(target: Target, code: str) -> list[Proof]:
    """Return the ways to prove a claim, in the order in which they are looked for."""
    if target.kind is not TargetKind.WEBSITE:
        return [Proof(ProofKind.PROVIDER_FIELD, _FIELDS[target.kind], code)]
    return [
        Proof(ProofKind.META_TAG, target.url, f'<meta name="{_META_NAME}" content="{code}">'),
        Proof(ProofKind.WELL_KNOWN, well_known_url(target), code),
        Proof(ProofKind.PAGE_TEXT, target.url, code),
    ]


def well_known_url(target: Target) -> str:
    """Return the URL of the file that proves a claim of any page of a host."""
    return f"https://{target.host}{_WELL_KNOWN}"


def in_meta_tag(page: Page, code: str) -> bool:
    """Return whether a meta tag in the head has the code as its content."""
    return _any_equal((meta.content for meta in page.metas if meta.in_head and meta.name == _META_NAME), code)


def in_lines(text: str, code: str) -> bool:
    """Return whether a line of a text is the code."""
    return _any_equal((line.strip() for line in text.splitlines()), code)


def in_profile(page: Page, target: Target, code: str) -> bool:
    """Return whether the description of a provider's profile has the code, which its owner alone writes.

    The text of the page does not count, nor does anything that the page says about other pages.
    """
    described = [meta.content for meta in page.metas if meta.in_head and meta.name == "og:description"]
    described += [each for source in page.json_ld for each in _descriptions(source, target)]
    return any(in_text(each, code) for each in described)


def in_text(text: str, code: str) -> bool:
    """Return whether a text has the code as a word of its own."""
    return _any_equal((found[0] for found in _TOKEN.finditer(text)), code)


def _any_equal(texts: Iterator[str], code: str) -> bool:
    # All are compared, each in constant time.
    return sum(hmac.compare_digest(text.encode(errors="replace"), code.encode()) for text in texts) > 0


def _descriptions(source: str, target: Target) -> Iterator[str]:
    """Yield what a JSON-LD document says about the profile itself."""
    try:
        document: Any = json.loads(source)
    except (ValueError, RecursionError):
        return
    for each in document if isinstance(document, list) else [document]:
        if not isinstance(each, dict):
            continue
        subject = each.get("mainEntity") if each.get("@type") == "ProfilePage" else each
        if isinstance(subject, dict) and _is_profile(subject, target):
            description = subject.get("description")
            if isinstance(description, str):
                yield description


def _is_profile(subject: dict[str, Any], target: Target) -> bool:
    kind = subject.get("@type")
    if not isinstance(kind, str) or kind not in _PROFILE_TYPES:
        return False
    addresses = [subject[key] for key in ("@id", "url") if isinstance(subject.get(key), str)]
    return all(is_at(target, each) for each in addresses if "://" in each)
