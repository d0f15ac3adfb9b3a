"""Links of YouTube."""

import pytest

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind
from services.tracks.domain.links.registry import parse

_ID = "-_UqsUZBluA"


@pytest.mark.parametrize(
    "text",
    [
        f"https://www.youtube.com/watch?v={_ID}",
        f"youtube.com/watch?v={_ID}",
        f"https://m.youtube.com/watch?app=desktop&v={_ID}&v=4eUqsUZBluA",
        f"https://m.youtube.com/#/watch?v={_ID}",
        f"https://music.youtube.com/watch?v={_ID}&list=RDAMVM{_ID}",
        f"https://gaming.youtube.com/watch?%76={_ID}",
        f"https://www.youtube.com/embed/{_ID}?list=PL123",
        f"https://www.youtube-nocookie.com/embed/{_ID}",
        f"https://youtube-nocookie.com/embed/{_ID}",
        f"https://www.youtube.com/shorts/{_ID}?feature=share",
        f"https://www.youtube.com/live/{_ID}",
        f"https://www.youtube.com/v/{_ID}",
        f"https://www.youtube.com/e/{_ID}",
        f"https://youtu.be/{_ID}?t=42",
        f"Schau mal: http://youtu.be/{_ID}/",
    ],
)
def test_youtube_reads_videos(text: str) -> None:
    reference = parse(text)
    assert (reference.provider, reference.kind, reference.provider_id) == ("youtube", Kind.TRACK, _ID)
    assert reference.url == f"https://www.youtube.com/watch?v={_ID}"


@pytest.mark.parametrize(
    "text",
    [
        "https://music.youtube.com/playlist?list=PL0123456789",
        "https://www.youtube.com/watch?list=PL0123456789",
        "https://www.youtube.com/embed/videoseries?list=PL0123456789",
    ],
)
def test_youtube_reads_playlists(text: str) -> None:
    reference = parse(text)
    assert (reference.kind, reference.provider_id) == (Kind.PLAYLIST, "PL0123456789")
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    "text",
    [
        "https://www.youtube.com",
        "https://www.youtube.com/@MetaBrainz",
        "https://www.youtube.com/watch",
        "https://www.youtube.com/channel/UC0123456789",
        "https://www.youtube.com/embed/live_stream?channel=UC0123456789",
        "https://www.youtube.com/embed/videoseries",
        f"https://www.youtube.com/{_ID}",
        f"https://www.youtube.com/shorts/{_ID}/more",
        f"https://www.youtube.com/#/watch?v={_ID}",
        "https://youtu.be/",
    ],
)
def test_youtube_refuses_other_pages(text: str) -> None:
    with pytest.raises(UnsupportedResourceError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"https://www.youtube.com/watch?v={_ID}x",
        f"https://www.youtube.com/watch?v=&v={_ID}",
        f"https://www.youtube.com/watch?v={_ID}%0a",
        "https://youtu.be/short",
        "https://www.youtube.com/playlist?list=../x",
    ],
)
def test_youtube_refuses_broken_ids(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse(text)
