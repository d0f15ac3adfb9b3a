"""Forms of links that people paste, as bug reports and other parsers' tests list them."""

# ruff: noqa: RUF001 - punctuation of other scripts is the subject

from __future__ import annotations

import time

import pytest

from services.tracks.domain.errors import (
    InvalidUrlError,
    PrivateLinkError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from services.tracks.domain.links.registry import parse

Y = "dQw4w9WgXcQ"
S = "4KilYheWwxakB1L43ECTeP"
A = "2up3OPMp9Tb4dAKM2erWXQ"
UUID = "1c5d01ed-4f05-40c4-bd28-0f73099e9648"
YOUTUBE = ("youtube", "TRACK", Y)
SPOTIFY = ("spotify", "TRACK", S)
DEEZER = ("deezer", "TRACK", "3135556")
FORSS = ("soundcloud", "TRACK", "forss/flickermood")

READ: dict[str, tuple[str, str, str]] = {
    # Where a link ends.
    "https://www.deezer.com/track/3135556后边": DEEZER,
    "https://www.deezer.com/track/3135556、次": DEEZER,
    "https://www.deezer.com/track/3135556です": DEEZER,
    "https://www.deezer.com/en/track/3135556?utm_source=deezer后边": DEEZER,
    f"https://youtu.be/{Y}🎵": YOUTUBE,
    f"https://youtu.be/{Y}🎵🔥 (new)": YOUTUBE,
    f"https://youtu.be/{Y}（分享自 @酷6网）": YOUTUBE,
    f"在线观看 https://youtu.be/{Y}（分享自 @酷6网）": YOUTUBE,
    f"在线观看https://youtu.be/{Y}": YOUTUBE,
    f"<https://youtu.be/{Y}|x>": YOUTUBE,
    f"<https://youtu.be/{Y}|a title with spaces>": YOUTUBE,
    f"`https://youtu.be/{Y}`": YOUTUBE,
    f"{{https://youtu.be/{Y}}}": YOUTUBE,
    f"[https://youtu.be/{Y}](https://youtu.be/{Y})": YOUTUBE,
    f"[a (live) take](https://youtu.be/{Y})后边": YOUTUBE,
    f"![cover](https://youtu.be/{Y}) and more": YOUTUBE,
    f"(see https://youtu.be/{Y})": YOUTUBE,
    f"(https://youtu.be/{Y}), or not": YOUTUBE,
    f"_https://open.spotify.com/track/{S}_": SPOTIFY,
    f"__https://open.spotify.com/track/{S}__": SPOTIFY,
    f"*https://open.spotify.com/track/{S}*": SPOTIFY,
    f"**https://open.spotify.com/track/{S}**": SPOTIFY,
    f"~~https://open.spotify.com/track/{S}~~": SPOTIFY,
    f"||https://open.spotify.com/track/{S}||": SPOTIFY,
    f"“https://open.spotify.com/track/{S}”": SPOTIFY,
    f"«https://open.spotify.com/track/{S}»": SPOTIFY,
    f"「https://open.spotify.com/track/{S}」": SPOTIFY,
    f"https://open.spotify.com/track/{S}…": SPOTIFY,
    f"https://open.spotify.com/track/{S}?si=abc。": SPOTIFY,
    "_https://youtu.be/dQw4w9WgXc__": ("youtube", "TRACK", "dQw4w9WgXc_"),
    # Ampersands from a page's source.
    "https://music.apple.com/us/album/x/1435928305?uo=4&amp;i=1435928320": ("apple", "TRACK", "1435928320"),
    f"https://www.youtube.com/watch?list=PL0123456789&amp;v={Y}": YOUTUBE,
    f"https://www.youtube.com/watch?feature=share&amp;v={Y}&amp;t=1": YOUTUBE,
    # Invisible marks, percent-encoded.
    "https://soundcloud.com/forss/flickermood%E2%80%8E": FORSS,
    "https://soundcloud.com/forss/flickermood%E2%80%8B": FORSS,
    "https://soundcloud.com/forss/flickermood%EF%BB%BF": FORSS,
    "https://soundcloud.com/forss/flickermood/%E2%80%8E": FORSS,
    f"https://youtu.be/{Y}%E2%81%A9": YOUTUBE,
    f"https://youtu.be/{Y}%20": YOUTUBE,
    f"https://www.youtube.com/watch?v={Y}%E2%80%8B": YOUTUBE,
    # Hosts and paths.
    f"https://open.spotify.com/album/{A}/{S}": ("spotify", "ALBUM", A),
    f"https://www.open.spotify.com/track/{S}": SPOTIFY,
    f"https://open.spotify.com/intl-pt/track/{S}?go=1": SPOTIFY,
    f"https://open.spotify.com/embed?uri=spotify:track:{S}": SPOTIFY,
    f"HTTPS://OPEN.SPOTIFY.COM/track/{S}": SPOTIFY,
    f"http://open.spotify.com:80/track/{S}": SPOTIFY,
    f"https://open.spotify.com//track//{S}//": SPOTIFY,
    f"https://open.spotify.com./track/{S}": SPOTIFY,
    f"https://www.youtu.be/{Y}": YOUTUBE,
    f"https://youtu.be/{Y}&feature=youtu.be": YOUTUBE,
    f"https://youtu.be/{Y}/": YOUTUBE,
    f"https://youtu.be/{Y}?list=PL0123456789&index=2": YOUTUBE,
    f"https://www.youtube.com/watch_popup?v={Y}": YOUTUBE,
    f"https://www.youtube.com/?v={Y}": YOUTUBE,
    f"https://www.youtube.com/?feature=player_embedded&v={Y}": YOUTUBE,
    f"https://www.youtube.com/?vi={Y}": YOUTUBE,
    f"https://www.youtube.com/watch?vi={Y}": YOUTUBE,
    f"https://www.youtube.com/vi/{Y}": YOUTUBE,
    f"https://www.youtube.com/watch/{Y}": YOUTUBE,
    f"https://www.youtube.com/watch/?v={Y}": YOUTUBE,
    f"https://www.youtube.com/v/{Y}&rel=0&hl=en": YOUTUBE,
    f"https://www.youtube.com/v/{Y}?fs=1": YOUTUBE,
    f"https://www.youtube.com/embed/{Y}&start=5": YOUTUBE,
    f"https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3D{Y}%26feature%3Dshare": YOUTUBE,
    f"https://m.youtube.com/attribution_link?u=/watch?v={Y}": YOUTUBE,
    f"https://www.youtube.com/oembed?url=http%3A//www.youtube.com/watch?v%3D{Y}&format=json": YOUTUBE,
    f"https://youtube.googleapis.com/v/{Y}": YOUTUBE,
    f"https://www.youtubekids.com/watch?v={Y}": YOUTUBE,
    f"https://music.youtube.com/watch?v={Y}&si=abc": YOUTUBE,
    f"http://https://youtu.be/{Y}": YOUTUBE,
    f"https://https://open.spotify.com/track/{S}": SPOTIFY,
    f"https://HTTP://https://open.spotify.com/track/{S}": SPOTIFY,
    "https://desktop.stage.tidal.com/track/77646170": ("tidal", "TRACK", "77646170"),
    "https://store.tidal.com/us/album/77646164": ("tidal", "ALBUM", "77646164"),
    "https://listen.tidal.com/album/77646164/track/77646170": ("tidal", "TRACK", "77646170"),
    f"https://tidal.com/browse/playlist/{UUID}": ("tidal", "PLAYLIST", UUID),
    "https://www.deezer.com/us/track/3135556#": DEEZER,
    "https://api.deezer.com/track/3135556": DEEZER,
    "https://api-v2.soundcloud.com/tracks/293": ("soundcloud", "", ""),
    "https://w.soundcloud.com/player/?url=https%3A//api-v2.soundcloud.com/tracks/293": ("soundcloud", "", ""),
    "https://dzr.page.link/abc": ("deezer", "", ""),
    "https://snd.sc/abc": ("soundcloud", "", ""),
    "[https://spotify.link/X](https://spotify.link/X)": ("spotify", "", ""),
    # Bare links in prose.
    f"listen to youtu.be/{Y} please": YOUTUBE,
    f"listen (youtu.be/{Y}), please": YOUTUBE,
    f"example.org/a or open.spotify.com/track/{S}?si=1": SPOTIFY,
    f"Open.Spotify.com/track/{S} is nice": SPOTIFY,
    "hear forss.bandcamp.com/track/ecclesia now": ("bandcamp", "TRACK", "forss/ecclesia"),
}

REFUSED: dict[str, type[Exception]] = {
    "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/293&secret_token=s-abc": PrivateLinkError,
    "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/293%3Fsecret_token%3Ds-abc": PrivateLinkError,
    "https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/a/b%3Fsecret_token%3Ds-abc": PrivateLinkError,
    "https://soundcloud.com/a/b?secret_token=s-abc": PrivateLinkError,
    # The host is read whole, whatever follows the path.
    f"https://open.spotify.com。evil.example/track/{S}": UnsupportedProviderError,
    f"https://open.spotify.com后边/track/{S}": UnsupportedProviderError,
    # A letter of a word is no end of a link.
    "https://soundcloud.com/forss/flickermööd": InvalidUrlError,
    f"https://youtu.be/{Y}x": InvalidUrlError,
    # Pages within pages, and pages elsewhere.
    f"https://www.youtube.com/attribution_link?u=/attribution_link?u=/watch?v={Y}": UnsupportedResourceError,
    f"https://www.youtube.com/attribution_link?u=.evil.example/watch?v={Y}": UnsupportedResourceError,
    f"https://www.youtube.com/oembed?url=https://evil.example/watch?v={Y}": UnsupportedResourceError,
    "listen to this please": InvalidUrlError,
}


@pytest.mark.parametrize("text", READ)
def test_form_is_read(text: str) -> None:
    reference = parse(text)
    assert (reference.provider, reference.kind or "", reference.provider_id) == READ[text]
    assert parse(reference.url) == reference


@pytest.mark.parametrize("text", REFUSED)
def test_form_is_refused(text: str) -> None:
    with pytest.raises(REFUSED[text]):
        parse(text)


@pytest.mark.parametrize(
    "filler", ["后", "(", ")", "_", "https://", "youtu.be ", "&amp;v=", "%E2%80%8E", "ö"]
)
def test_long_texts_take_linear_time(filler: str) -> None:
    began = time.process_time()
    for start in ("", f"https://youtu.be/{Y}"):
        try:
            parse(start + filler * (100_000 // len(filler)))
        except (InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError):
            continue
    assert time.process_time() - began < 3
