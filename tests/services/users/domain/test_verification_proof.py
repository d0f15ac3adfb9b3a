"""Where a claim code counts, and where it doesn't."""

import re
import time

import pytest

from services.users.domain.verification_check import Meta, Page, ProofKind
from services.users.domain.verification_proof import (
    in_lines,
    in_meta_tag,
    in_profile,
    in_text,
    new_code,
    proofs,
)
from services.users.domain.verification_target import parse_target

CODE = "seda-verify-" + "a" * 26
OTHER = "seda-verify-" + "b" * 26
SPOTIFY = parse_target("https://open.spotify.com/artist/0TnOYISbd1XYRBk9myaseg")


def test_codes_are_random() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(r"seda-verify-[a-z2-7]{26}", code) for code in codes)


def test_proofs_of_an_own_site_and_of_a_provider() -> None:
    site = parse_target("https://ada.example.com/me")
    assert proofs(site, CODE) == [
        (ProofKind.META_TAG, site.url, f'<meta name="seda-verification" content="{CODE}">'),
        (ProofKind.WELL_KNOWN, "https://ada.example.com/.well-known/seda-verification.txt", CODE),
        (ProofKind.PAGE_TEXT, site.url, CODE),
    ]
    assert proofs(SPOTIFY, CODE) == [(ProofKind.PROVIDER_FIELD, "artist bio", CODE)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CODE, True),
        (f"My code: {CODE}.", True),
        (f"code:{CODE}, thanks", True),
        (f"({CODE})", True),
        (f"{OTHER} {CODE}", True),
        (f"x{CODE}", False),
        (f"{CODE}x", False),
        (f"{CODE}-", False),
        (f"-{CODE}", False),
        (f"\u00e4{CODE}", False),
        (f"https://ada.example.com/{CODE}", False),
        (f"/search?q={CODE}", False),
        (f"?q=a&{CODE}", False),
        (f"q%20{CODE}", False),
        (f"{CODE}/x", False),
        (CODE.upper(), False),
        (CODE[:-1], False),
        (OTHER, False),
        ("", False),
    ],
)
def test_a_text_has_the_code_as_a_word(text: str, found: bool) -> None:
    assert in_text(text, CODE) is found


def test_meta_tag_in_the_head_is_the_code() -> None:
    def page(content: str, name: str = "seda-verification", in_head: bool = True) -> Page:
        return Page(metas=(Meta("other", "x", True), Meta(name, content, in_head)))

    assert in_meta_tag(page(CODE), CODE)
    assert not in_meta_tag(page(CODE, in_head=False), CODE)
    assert not in_meta_tag(page(CODE, name="description"), CODE)
    assert not in_meta_tag(page(f"{CODE} x"), CODE)
    assert not in_meta_tag(page("\u00e9"), CODE)


def test_line_of_a_file_is_the_code() -> None:
    assert in_lines(f"one\r\n {CODE} \r\n", CODE)
    assert not in_lines(f"one {CODE}", CODE)


@pytest.mark.parametrize(
    ("json_ld", "found"),
    [
        (f'{{"@type": "MusicGroup", "description": "Hello {CODE}"}}', True),
        (f'[{{"@type": "Thing"}}, {{"@type": "Person", "description": "{CODE}"}}]', True),
        (f'{{"@type": "MusicGroup", "url": "{SPOTIFY.url}", "description": "{CODE}"}}', True),
        (f'{{"@type": "ProfilePage", "mainEntity": {{"@type": "Person", "description": "{CODE}"}}}}', True),
        (f'{{"@type": "Comment", "description": "{CODE}"}}', False),
        (f'{{"@type": "MusicGroup", "comment": [{{"@type": "Person", "description": "{CODE}"}}]}}', False),
        (
            f'{{"@type": "MusicGroup", "url": "https://open.spotify.com/artist/{"1" * 22}", "description": "{CODE}"}}',
            False,
        ),
        (f'{{"@type": "MusicGroup", "name": "{CODE}"}}', False),
        (f'{{"@type": "MusicGroup", "description": ["{CODE}"]}}', False),
        (f'{{"@type": "MusicGroup", "description": "{CODE}', False),
        ("[" * 50_000, False),
        ("[1, null, {}]", False),
    ],
)
def test_json_ld_of_the_profile_itself(json_ld: str, found: bool) -> None:
    assert in_profile(Page(json_ld=(json_ld,)), SPOTIFY, CODE) is found


def test_a_providers_page_counts_by_its_description_alone() -> None:
    description = Meta("og:description", f"Artist. {CODE}", True)
    assert in_profile(Page(metas=(description,)), SPOTIFY, CODE)
    beside = (
        Meta("og:description", CODE, False),
        Meta("seda-verification", CODE, True),
        Meta("og:title", CODE, True),
    )
    assert not in_profile(Page(metas=beside, text=f"a stranger's comment: {CODE}"), SPOTIFY, CODE)


def test_long_texts_cost_little() -> None:
    started = time.perf_counter()
    for text in ("seda-verify-" * 20_000, "a" * 200_000, "-" * 200_000, f"{OTHER} " * 5_000):
        assert not in_text(text, CODE)
    assert time.perf_counter() - started < 1
