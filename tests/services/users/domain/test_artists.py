"""The values that a profile takes."""

from __future__ import annotations

import pytest

from servicekit.errors import InvalidFieldsError
from services.users.domain.artists import UPDATABLE_FIELDS, ArtistValues, check_values

_NONE = ArtistValues("Ada", "", None, None, None)


def refused_fields(values: ArtistValues, *fields: str) -> list[str]:
    try:
        check_values(values, frozenset(fields or UPDATABLE_FIELDS))
    except InvalidFieldsError as error:
        return [violation.field.removeprefix("artist_profile.") for violation in error.violations]
    return []


@pytest.mark.parametrize(
    "values",
    [
        _NONE,
        _NONE._replace(website_url="https://example.com"),
        _NONE._replace(website_url="https://WWW.xn--bcher-kva.example/a?b=c#d"),
        _NONE._replace(website_url="https://my_band.bandcamp.com/"),
        _NONE._replace(spotify_url="https://open.spotify.com/artist/6vWDO969PvNqNYHIOW5v0m?si=1"),
        _NONE._replace(soundcloud_url="https://soundcloud.com/forss"),
        _NONE._replace(soundcloud_url="https://m.soundcloud.com/forss"),
    ],
)
def test_valid_values(values: ArtistValues) -> None:
    assert refused_fields(values) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "HTTPS://example.com/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1",
        "https://example.com:8443/",
        "https://open.spotify.com@example.com/",
        "https://example.com./",
        "https://-example.com/",
        f"https://{'a' * 64}.com/",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    for field in ("website_url", "spotify_url", "soundcloud_url"):
        assert refused_fields(_NONE._replace(**{field: url})) == [field]


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("spotify_url", "https://soundcloud.com/forss"),
        ("spotify_url", "https://spotify.com/artist/1"),
        ("spotify_url", "https://open.spotify.com.example.com/artist/1"),
        ("soundcloud_url", "https://open.spotify.com/artist/1"),
        ("soundcloud_url", "https://evil-soundcloud.com/forss"),
    ],
)
def test_urls_of_providers_have_their_host(field: str, url: str) -> None:
    assert refused_fields(_NONE._replace(**{field: url})) == [field]
    assert refused_fields(_NONE._replace(website_url=url)) == []


def test_all_invalid_fields_are_named_and_others_ignored() -> None:
    values = ArtistValues("", "", "http://a", "http://b", None)
    assert refused_fields(values) == ["artist_name", "website_url", "spotify_url"]
    assert refused_fields(values, "bio", "spotify_url") == ["spotify_url"]
