"""The SSRF guard: URLs, redirects, addresses, deny list."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tracks.domain.web.addresses import DenyList
from services.tracks.domain.web.fetch_response import Failure, Policy
from services.tracks.domain.web.host_overrides import parse_host_overrides
from services.tracks.domain.web.url_policy import (
    MAX_URL,
    FetchUrl,
    cache_key,
    parse_fetch_url,
    resolve_redirect,
)


@pytest.mark.parametrize(
    ("url", "spelling"),
    [
        ("https://open.spotify.com/track/1?si=2#x", "https://open.spotify.com/track/1?si=2"),
        ("HTTPS://Open.Spotify.COM.:443", "https://open.spotify.com/"),
        (" https://example.com/ ", "https://example.com/"),
        ("http://example.com:80?q", "http://example.com/?q"),
        ("https://example.com:/", "https://example.com/"),
        ("https://b\u00fccher.de/\u00fc?q=\u00e4 b", "https://xn--bcher-kva.de/%C3%BC?q=%C3%A4%20b"),
        ("https://example.com/a%2Fb%zz", "https://example.com/a%2Fb%zz"),
        ("https://example.com/?q=\\", "https://example.com/?q=%5C"),
    ],
)
def test_an_address_has_one_spelling(url: str, spelling: str) -> None:
    found = parse_fetch_url(url)
    assert isinstance(found, FetchUrl)
    assert found.url == spelling
    assert parse_fetch_url(found.url) == found


@pytest.mark.parametrize(
    "url",
    [
        "https://a.com..",
        "https://a.com..:443/",
        "http://a.com...",
        "https://a.com\u3002",
        "https://..",
        "https://.",
    ],
)
def test_a_host_has_one_final_dot_at_most(url: str) -> None:
    assert parse_fetch_url(url) is Failure.BLOCKED_URL


@given(
    st.one_of(
        st.text(max_size=200),
        st.builds(
            "{}://{}{}".format, st.sampled_from(["http", "https"]), st.text(max_size=60), st.text(max_size=60)
        ),
    )
)
@example("https://a.com:99999999999")
@example("https://xn--/")
@example("https://\u0661.com")
def test_no_text_raises_and_no_number_passes(text: str) -> None:
    found = parse_fetch_url(text)
    if isinstance(found, Failure):
        assert found in {Failure.BLOCKED_URL, Failure.BLOCKED_HOST}
        return
    assert found.url.isascii()
    assert not found.host.endswith(".")
    assert len(found.url) <= MAX_URL
    assert parse_fetch_url(found.url) == found
    with pytest.raises(ValueError, match=r"\S"):
        ip_address(found.host)


@given(st.text(max_size=300))
def test_no_location_raises(location: str) -> None:
    found = resolve_redirect([FetchUrl("https", "example.com", "/a/b")], location, Policy.SAME_SITE)
    assert isinstance(found, Failure) or found.site == "example.com"


def test_sites_are_registrable_domains() -> None:
    sites = {
        each.site
        for each in map(
            parse_fetch_url, ("https://www.bbc.co.uk/", "https://bbc.co.uk/", "https://a.b.bbc.co.uk/")
        )
        if isinstance(each, FetchUrl)
    }
    assert sites == {"bbc.co.uk"}
    owners = [parse_fetch_url(f"https://{name}.github.io/") for name in ("ada", "bob")]
    assert len({each.site for each in owners if isinstance(each, FetchUrl)}) == 2


def test_keys_differ_by_address_and_policy() -> None:
    targets = [FetchUrl("https", "example.com", path) for path in ("/", "/a")]
    assert len({cache_key(each, policy) for each in targets for policy in Policy}) == 4


def test_the_deny_list_has_hosts_with_all_below_and_networks() -> None:
    denied = DenyList.parse(" Example.org., *.internal.net ,203.0.113.0/24, 2001:db8::/32,1.2.3.4")
    assert [denied.has_host(each) for each in ("example.org", "a.example.org", "notexample.org", "org")] == [
        True,
        True,
        False,
        False,
    ]
    assert denied.has_host("x.internal.net")
    held = ["203.0.113.7", "2001:db8::1", "1.2.3.4"]
    assert all(denied.has_address(ip_address(each)) for each in held)
    assert not denied.has_address(ip_address("1.2.3.5"))


@pytest.mark.parametrize("text", ["1.2.3.4/40", "10.0.0.1/8", "::zz"])
def test_a_broken_deny_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        DenyList.parse(text)


def test_host_overrides_are_read() -> None:
    assert parse_host_overrides("Example.com=127.0.0.1:8443, b.org:80=[::1]:80,") == {
        ("example.com", 443): (ip_address("127.0.0.1"), 8443),
        ("b.org", 80): (ip_address("::1"), 80),
    }


@pytest.mark.parametrize(
    "text",
    [
        "a.com=10.0.0.1:443",
        "a.com=8.8.8.8:443",
        "a.com",
        "a.com=127.0.0.1",
        "a.com:22=127.0.0.1:22",
        "=127.0.0.1:1",
        "a.com=localhost:1",
        "a.com=127.0.0.1:70000",
        "a.com=127.0.0.1:0",
    ],
)
def test_host_overrides_beyond_this_machine_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_host_overrides(text)
