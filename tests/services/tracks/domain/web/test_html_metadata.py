"""The HTML scanner: extracted metadata, limits, linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracks.domain.web import html_metadata as module
from services.tracks.domain.web.html_metadata import Meta, read_page

MIB = 1 << 20
PAGE = """<!DOCTYPE html>
<html lang=en><head>
  <!-- <meta name="hidden" content="in a comment"> -->
  <title>
    Air &amp; Water &#8211; Ada </title>
  <meta property="og:title" content="Air &amp; Water">
  <META NAME='Twitter:Card' CONTENT = summary >
  <meta content="first" name="twice"><meta name="twice" content="second">
  <meta charset="utf-8"><meta name="empty">
  <link rel="alternate Canonical" href="/song?a=1&amp;b=2"/>
  <script>var x = '<meta name="script" content="no">';</script>
  <script type="application/ld+json; charset=utf-8"> {"@type": "MusicRecording"} </script>
  <style>p { content: "<meta name=style content=no>" }</style>
  <noscript><meta name="noscript" content="no"></noscript>
</head><body class="a > b">
  <meta itemprop="name" content="of the body">
  <h1>Air <b>&lt;loud&gt;</b></h1><p data-x='>'>by&nbsp;Ada</p>
  <textarea><meta name="area" content="no"></textarea>
  <template><meta name="template" content="no"><p>unseen</p></template>
  <iframe src=x><meta name="frame" content="no"></iframe>
  a < b
</body></html>"""


def test_read_page() -> None:
    page = read_page(PAGE)
    assert page.title == "Air & Water \u2013 Ada"
    assert page.metas == [
        Meta("og:title", "Air & Water", in_head=True),
        Meta("twitter:card", "summary", in_head=True),
        Meta("twice", "first", in_head=True),
        Meta("twice", "second", in_head=True),
        Meta("name", "of the body", in_head=False),
    ]
    assert page.json_ld == ['{"@type": "MusicRecording"}']
    assert page.canonical_url == "/song?a=1&b=2"
    assert page.text == "Air <loud> by Ada a b"
    assert (page.meta("twice"), page.meta("nothing")) == ("first", "")


@pytest.mark.parametrize(
    "source",
    [
        "<div hidden>no</div>",
        "<div hidden><div>no</div>no</div>",
        "<div><span HIDDEN=''>no <b>no</b></span></div>",
        "<div hidden=until-found>no",
        '<p style="color: red; DISPLAY : none">no</p>',
        "<p style=display&#58;none>no</p>",
        '<section style="visibility:hidden">no</section>',
        "<dialog>no</dialog>",
        "<p hidden>no",
        "<ul><li hidden><ul><li>no</li></ul>no</li></ul>",
    ],
)
def test_hidden_elements_are_no_text(source: str) -> None:
    assert read_page(f"yes {source}").text == "yes"


@pytest.mark.parametrize(
    "source",
    [
        "<br hidden>yes",
        "<input type=hidden hidden>yes",
        "<p hidden>no<p>yes",
        "<div hidden>no</div>yes",
        "<div class=hidden data-hidden=1>yes</div>",
        '<p style="display: block">yes</p>',
        "<dialog open>yes</dialog>",
        "<script hidden>no</script>yes",
        "<template><div hidden></template>yes",
        "<div hidden><template></div></template>no</div>yes",
        "</div>yes",
    ],
)
def test_what_is_beside_hidden_elements_is_text(source: str) -> None:
    assert read_page(source).text == "yes"


@pytest.mark.parametrize(
    "source",
    [
        "<html><head></head><body><meta name=a content=b>",
        "<html><head><p>visitors write here<meta name=a content=b>",
        "<div><head><meta name=a content=b></head>",
        "<body><head><meta name=a content=b>",
    ],
)
def test_the_head_ends_where_something_visible_begins(source: str) -> None:
    assert read_page(source).metas == [Meta("a", "b", in_head=False)]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "<",
        "<meta",
        "<meta name=a content=",
        "<meta name=a content='b",
        '<meta name="a" content="b" "',
        "<!-- <meta name=a content=b>",
        "<script><meta name=a content=b>",
        "<title><meta name=a content=b>",
        "<textarea><meta name=a content=b>",
        "<plaintext><meta name=a content=b>",
        "<template><template></template><meta name=a content=b>",
        "</p <meta name=a content=b",
        "<? <meta name=a content=b ?>",
    ],
)
def test_text_that_is_not_a_tag_is_ignored(source: str) -> None:
    assert read_page(source).metas == []


@pytest.mark.parametrize(
    "source",
    [
        "<script></scripty><meta name=x content=y></SCRIPT ><meta name=a content=b>",
        "<p it's><meta name=a content=b>",
        "<br/><meta/name='a'/content=b>",
        "<a =b='c'><meta name = a content\n=\nb>",
        "<!DOCTYPE><?php ?><!x><meta name=a content=b>",
        "<!----><meta name=a content=b>",
        "<template></template></template><meta name=a content=b>",
        "1<2 <3<meta name=a content=b>",
        "<meta name=a name=c content=b content=d>",
    ],
)
def test_odd_markup_is_read_as_browsers_do(source: str) -> None:
    assert [(each.name, each.content) for each in read_page(source).metas] == [("a", "b")]


def test_all_fields_are_limited() -> None:
    metas = "".join(f"<meta name=a{number} content={'b' * 3000}>" for number in range(300))
    scripts = '<script type="application/ld+json">1</script>' * 20
    long = f'<script type="application/ld+json">{"1" * 100_001}</script>'
    page = read_page(f"<title>{'t' * 600}</title>{long}{scripts}{metas}{'x' * 300_000}")
    assert (len(page.title), len(page.metas), len(page.json_ld)) == (500, 200, 10)
    assert {len(each.content) for each in page.metas} == {2000}
    assert len(page.text) == module.MAX_TEXT
    assert "1" * 100 not in page.json_ld


def test_tags_are_read_up_to_a_number() -> None:
    before = "<b>" * (module.MAX_TAGS - 1)
    assert len(read_page(f"{before}<meta name=a content=b>").metas) == 1
    assert read_page(f"{before}<b><meta name=a content=b>").metas == []
    attributes = "<b " + "c " * (module.MAX_ATTRIBUTES - 3)
    assert len(read_page(f"{attributes}><meta name=a content=b>").metas) == 1
    assert read_page(f"{attributes} d><meta name=a content=b>").metas == []


HOSTILE = {
    "nodes": "<b>",
    "deep": "<div>",
    "metas": "<meta name=a content=b>",
    "quotes": "<a b='",
    "signs": "<",
    "comments": "<!--",
    "scripts": "<script>",
    "titles": "<title>",
    "ends": "</a ",
    "references": "&#x;",
    "ampersands": "&",
    "texts": "x <b>",
}


@pytest.mark.serial
@pytest.mark.parametrize(
    "source",
    [
        *(piece * (MIB // len(piece)) for piece in HOSTILE.values()),
        "<a " + "b " * (MIB // 2),
        "<a " + "b= " * (MIB // 3),
        "<a " + " " * MIB,
        "<a " + "=" * MIB,
        "&#" + "9" * MIB,
        "<!--" + "-" * MIB,
        "<a b='" + "x" * MIB,
    ],
    ids=[*HOSTILE, "attributes", "values", "spaces", "equals", "digits", "dashes", "open quote"],
)
def test_no_page_of_a_mebibyte_takes_long(source: str) -> None:
    started = time.process_time()
    read_page(source)
    assert time.process_time() - started < 2


@given(st.lists(st.sampled_from([*"<>/!-='\"& \nabm", "meta", "<meta ", "name=", "title>", "script", "&#9"])))
def test_no_page_raises(pieces: list[str]) -> None:
    read_page("".join(pieces))
