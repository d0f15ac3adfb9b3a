"""Splitting a link."""

import pytest

from services.tracks.domain.errors import InvalidUrlError
from services.tracks.domain.links.link import Link, read_link


def test_read_link() -> None:
    assert read_link("HTTPS://M.YouTube.com/a%20b//c%2Fd/?v=1&si=2&v=3&list=#top") == Link(
        host="m.youtube.com", segments=("a b", "c/d"), query={"v": "1", "list": ""}, fragment="top"
    )


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("open.spotify.com", "open.spotify.com"),
        ("//open.spotify.com/x", "open.spotify.com"),
        ("https://OPEN.spotify.COM.", "open.spotify.com"),
        ("https://open.spotify.com:443/x", "open.spotify.com"),
        ("https://open.spotify.com:/x", "open.spotify.com"),
        ("http://open.spotify.com:80?x", "open.spotify.com"),
        ("https://\uff4f\uff50\uff45\uff4e\u3002spotify.com", "open.spotify.com"),
        ("https://Müsic.example", "xn--msic-0ra.example"),
        ("https://straße.example", "xn--strae-oqa.example"),
        ("https://localhost/x", "localhost"),
    ],
)
def test_read_link_cleans_the_host(text: str, host: str) -> None:
    assert read_link(text).host == host


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https:///track",
        "https://user@open.spotify.com",
        "https://open.spotify.com@evil.example",
        "https://open.spotify.com:8443/x",
        "https://open.spotify.com:80/x",
        "http://open.spotify.com:443/x",
        "https://open.spotify.com:٤٤٣/x",
        "https://open.spotify.com..",
        "https://.open.spotify.com",
        "https://open..spotify.com",
        "https://open%2Espotify.com",
        "https://[::1]/x",
        "https://open.spotify.com\\@evil.example",
        "https://open.spotify.com／x",  # noqa: RUF001 - a slash to some and a letter to others
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 127 + "example",
        "https://xé\u0600.example",
        "https://open.spotify.com/a\\b",
        "https://open.spotify.com/a/../b",
        "https://open.spotify.com/a/%2E%2e/b",
        "https://open.spotify.com/./b",
        "https://open.spotify.com/\x00",
        "hello",
        "mailto:somebody@example.com",
        "javascript:alert(1)",
        "https:open.spotify.com/x",
        # UTS 46 maps the long s to s in a host; a scheme keeps it.
        "http\u017f://open.spotify.com/x",
    ],
)
def test_read_link_refuses_ambiguous_links(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        read_link(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://user:secret@open.spotify.com/x", "user name"),
        ("https://open.spotify.com:8443/x", "port"),
        ("https://open.spotify.com/\\x", "characters"),
        ("https://[::1]/x", "port|host name"),
        ("https://open.spotify.com/../x", "relative"),
        ("hello", "no link"),
    ],
)
def test_read_link_errors_do_not_repeat_the_input(text: str, said: str) -> None:
    with pytest.raises(InvalidUrlError, match=said) as refused:
        read_link(text)
    assert "secret" not in refused.value.message


def test_routed_reads_the_link_in_the_fragment() -> None:
    link = read_link("https://m.youtube.com/?v=old#/watch?v=new&t=1")
    assert link.routed("/") == Link("m.youtube.com", ("watch",), {"v": "new"}, "")
    assert link.routed("!/") is link
