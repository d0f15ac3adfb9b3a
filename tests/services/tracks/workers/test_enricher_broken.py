"""Broken responses of a provider: fields, states and retries."""

from __future__ import annotations

import pytest

from services.tracks.domain.enrichment import MAX_ATTEMPTS
from tests.services.tracks.clients.web.web_server import answer
from tests.services.tracks.fake_providers import EnrichingService, oembed, page, state, video

_JSON = "application/json"
_COVER = "https://i.ytimg.com/vi/4eUqsUZBluA/hqdefault.jpg"


# By name: YouTube's oEmbed response, its page; expected state, title, artist and seconds to the next attempt.
_OG = answer(200, '<meta property="og:title" content="From the page">')
_JSON_BODY = b'{"title": "T\xe9", "author_name": "A", "thumbnail_url": "' + _COVER.encode() + b'"}'
_BROKEN: dict[str, tuple[bytes, bytes | None, tuple[str, str, str, float | None]]] = {
    "empty": (answer(200, b"", _JSON), None, ("PENDING", "", "", 30)),
    "empty, with a page": (answer(200, b"", _JSON), _OG, ("PARTIAL", "From the page", "", 30)),
    "html for json": (answer(200, "<html><title>Wait</title></html>"), None, ("PENDING", "", "", 30)),
    "json of another shape": (answer(200, "[1, 2]", _JSON), None, ("PENDING", "", "", 30)),
    "json cut short": (answer(200, _JSON_BODY[:20], _JSON), None, ("PENDING", "", "", 30)),
    "connection cut short": (
        answer(200, _JSON_BODY, _JSON).replace(b"Content-Length: ", b"Content-Length: 9"),
        _OG,
        ("PENDING", "", "", 120),
    ),
    "latin-1 said to be utf-8": (
        answer(200, _JSON_BODY, f"{_JSON}; charset=utf-8"),
        None,
        ("PENDING", "", "", 30),
    ),
    "latin-1 said to be so": (
        answer(200, _JSON_BODY, f"{_JSON}; charset=iso-8859-1"),
        None,
        ("COMPLETE", "Té", "A", None),
    ),
    "unknown charset": (
        answer(200, _JSON_BODY.replace(b"\xe9", b""), f"{_JSON}; charset=klingon"),
        None,
        ("COMPLETE", "T", "A", None),
    ),
    "too much": (answer(200, b" " * 10_000_000, _JSON), _OG, ("PARTIAL", "From the page", "", None)),
    "picture": (answer(200, b"GIF89a", "image/gif"), _OG, ("PARTIAL", "From the page", "", None)),
    "429 for ten minutes": (answer(429, retry_after="600"), _OG, ("PENDING", "", "", 600)),
    "503": (answer(503), _OG, ("PENDING", "", "", 300)),
    "500": (answer(500, "<meta property=og:title content=Error>"), _OG, ("PENDING", "", "", 300)),
    "999": (answer(999, "Request denied"), _OG, ("PENDING", "", "", 120)),
    "404": (answer(404), None, ("FAILED", "", "", None)),
    "404, with a page": (answer(404), _OG, ("PARTIAL", "From the page", "", None)),
    "401": (answer(401), None, ("FAILED", "", "", None)),
    "title alone": (answer(200, '{"title": "T"}', _JSON), None, ("PARTIAL", "T", "", None)),
}


@pytest.mark.parametrize("name", _BROKEN)
async def test_state_after_broken_responses(enriching: EnrichingService, name: str) -> None:
    responded, shown, expected = _BROKEN[name]
    seed = f"b{list(_BROKEN).index(name)}"
    enriching.web.pages[oembed(seed)] = responded
    if shown is not None:
        enriching.web.pages[page(seed)] = shown
    track = await enriching.enriched(video(seed))
    row = await enriching.row(track)
    *metadata, seconds = expected
    assert [state(track), track.title, track.artist] == metadata
    if seconds is None:
        assert row["due_in"] is None
    else:
        # With jitter.
        assert seconds - 10 < row["due_in"] < seconds * 1.2 + 1
    assert enriching.web.count(oembed(seed)) == 1


async def test_retries_back_off_and_end(enriching: EnrichingService) -> None:
    enriching.web.pages[oembed("retry")] = answer(502)
    track = await enriching.enriched(video("retry"))
    waits = [(await enriching.row(track))["due_in"]]
    for _ in range(MAX_ATTEMPTS - 2):
        assert state(await enriching.again(track)) == "PENDING"
        waits.append((await enriching.row(track))["due_in"])
    # The crawler's cache must not return the same response.
    assert min(waits) > 295
    assert waits[2:] == sorted(waits[2:])
    assert waits[-1] > 8 * 3600
    assert enriching.web.count(page("retry")) == 0, "the last resort was asked before the last attempt"
    assert state(await enriching.again(track)) == "FAILED"
    assert (await enriching.row(track))["next_attempt_at"] is None
    assert enriching.web.count(oembed("retry")) == MAX_ATTEMPTS
    assert enriching.web.count(page("retry")) == 1


async def test_retry_does_not_use_the_cached_response(
    enriching: EnrichingService,
) -> None:
    # The crawler caches such a page for a day.
    enriching.web.pages[oembed("kept")] = answer(200, "<html>Please wait</html>")
    track = await enriching.enriched(video("kept"))
    assert state(track) == "PENDING"
    enriching.web.pages[oembed("kept")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    assert state(await enriching.again(track, hours=0.01)) == "COMPLETE"
