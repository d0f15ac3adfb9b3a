"""The link parser: real links of every provider, and properties of arbitrary texts."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import idna
import pytest
from hypothesis import example, given, settings

from servicekit.errors import Code, ServiceError
from services.tracks.domain.errors import (
    InvalidUrlError,
    PrivateLinkError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from services.tracks.domain.links import registry
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.reference import TrackReference
from tests.effort import tries
from tests.services.tracks.domain.links.strategies import PATHS, authorities, is_known, links, share_texts

_TABLE = Path(__file__).parents[4] / "data" / "track_urls.tsv"
_TYPED = (InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError, PrivateLinkError)
_thorough = settings(max_examples=tries(100, 500), deadline=None)


class Line(NamedTuple):
    """A real link, its ParseTrackUrl response, and ResolveTrack's canonical URL or reason."""

    text: str
    provider: str
    kind: str
    provider_id: str
    outcome: str


def lines() -> list[Line]:
    """The table's lines."""
    rows = [row.split("\t") for row in _TABLE.read_text().splitlines() if not row.startswith("#")]
    return [Line(*row) for row in rows]


def reason_of(read: Callable[[str], object], text: str) -> str:
    """The error reason of `read` for a text; empty on success."""
    try:
        read(text)
    except ServiceError as error:
        return error.reason
    return ""


@pytest.mark.parametrize("line", [line for line in lines() if line.kind])
def test_parse_reads_real_links(line: Line) -> None:
    reference = registry.parse(line.text)
    assert (reference.provider, reference.kind, reference.provider_id) == line[1:4]
    assert not reference.needs_resolution
    assert registry.parse(reference.url) == reference


@pytest.mark.parametrize("line", [line for line in lines() if not line.kind])
def test_parse_refuses_or_leaves_open_what_it_can_not_read(line: Line) -> None:
    if line.outcome == "NEEDS_RESOLUTION":
        reference = registry.parse(line.text)
        assert reference == TrackReference(line.provider, None, "", line.text)
        assert reference.needs_resolution
    else:
        assert reason_of(registry.parse, line.text) == line.outcome


@pytest.mark.parametrize("line", [line for line in lines() if line.kind == "TRACK"])
def test_parse_gives_the_canonical_url_of_a_track(line: Line) -> None:
    assert registry.parse(line.text).url == line.outcome


def test_the_table_has_lines_of_every_kind() -> None:
    assert {line.provider for line in lines()} == {"", *(provider.name for provider in registry.PROVIDERS)}
    assert {line.kind for line in lines()} == {"", "TRACK", "ALBUM", "PLAYLIST", "VIDEO"}
    assert {line.outcome for line in lines() if not line.outcome.startswith("https:")} == {
        *("INVALID_URL", "UNSUPPORTED_PROVIDER", "UNSUPPORTED_RESOURCE", "NOT_A_TRACK", "NEEDS_RESOLUTION")
    }
    assert all((line.outcome == "NOT_A_TRACK") == (line.kind not in {"", "TRACK"}) for line in lines())
    assert len(lines()) == 35


def test_parse_names_what_is_wrong() -> None:
    with pytest.raises(UnsupportedProviderError) as foreign:
        registry.parse("https://Müsic.Example./x")
    assert foreign.value.metadata == {"host": "xn--msic-0ra.example"}
    with pytest.raises(UnsupportedResourceError) as page:
        registry.parse("https://www.youtube.com/@MetaBrainz")
    assert page.value.metadata == {"provider": "youtube"}
    for error in (foreign.value, page.value):
        assert error.code is Code.INVALID_ARGUMENT
        assert [violation.field for violation in error.violations] == ["input"]


@_thorough
@given(share_texts())
@example("")
@example("https://")
@example("spotify:")
@example("https://open.spotify.com/%ff%00%zz/../.")
@example("https://[::1/track")
@example("https://\ud800.com/\udfff")
@example("https://" + "é" * 300 + ".com")
@example("a" * 2048)
@example("https://youtu.be/" + "%" * 2000)
@example("https://apple.co/" + "a/" * 900)
@example("https://w.soundcloud.com/player/?url=" * 50)
@example("https://w.soundcloud.com/player/?url=https://evil.example/a/b")
@example("https://bandcamp.com/EmbeddedPlayer/track=1/track=2/album=3")
def test_parse_ends_in_a_reference_or_a_typed_error(text: str) -> None:
    try:
        reference = registry.parse(text)
    except _TYPED:
        return
    assert registry.parse(reference.url) == reference
    parts = urlsplit(reference.url)
    assert parts.scheme == "https"
    assert is_known(parts.netloc)
    assert reference.url.isascii()
    assert len(reference.url) <= 500
    assert len(reference.provider_id) <= 401


def check_never_foreign(authority: str) -> None:
    """Assert that a link of an unknown host is not accepted."""
    for path in PATHS:
        text = f"https://{authority}{path}"
        try:
            registry.parse(text)
        except _TYPED:
            continue
        # Parsed independently: with urlsplit and the idna package.
        host = urlsplit(text).hostname or ""
        plain = idna.encode(host, uts46=True).decode() if not host.isascii() else host
        assert is_known(plain.lower().removesuffix(".")), f"{text!r} was read as a provider's"


@_thorough
@given(authorities())
@example("open.spotify.com.evil.example")
@example("open.spotify.com@evil.example")
@example("open.spotify.com\\@evil.example")
@example("evil.example\\.open.spotify.com")
@example("open.spotify.com%2eevil.example")
@example("open.spotify.com:443@evil.example")
@example("open.spotify.com。evil.example")
@example("notyoutube.com")
@example("xyoutu.be")
def test_parse_never_takes_a_foreign_host_for_a_provider(authority: str) -> None:
    check_never_foreign(authority)


def test_matching_hosts_by_suffix_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = dict(registry._BY_HOST)

    class BySuffix(dict[str, Callable[[Link], TrackReference]]):
        """The defect that the test above must detect."""

        def get(self, host: str, default: object = None) -> object:  # type: ignore[override]  # as wide as needed
            del default
            return next((read for known, read in exact.items() if host.endswith(known)), None)

    monkeypatch.setattr(registry, "_BY_HOST", BySuffix())
    with pytest.raises(AssertionError, match="was read as a provider's"):
        check_never_foreign("notyoutube.com")
    with pytest.raises(AssertionError, match="was read as a provider's"):
        given(authorities())(settings(max_examples=500, deadline=None, database=None)(check_never_foreign))()


@_thorough
@given(links())
def test_parse_reads_the_canonical_link_as_itself(text: str) -> None:
    try:
        first = registry.parse(text)
    except _TYPED:
        return
    second = registry.parse(first.url)
    assert second == first
    assert registry.parse(second.url).url == first.url
