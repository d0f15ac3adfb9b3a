"""Names that look alike have the same skeleton, others do not."""

from __future__ import annotations

import time

import pytest

from services.users.domain.name_skeleton import MAX_LENGTH, name_skeleton
from tools.generate_confusables import compact


@pytest.mark.parametrize(
    ("name", "lookalike"),
    [
        ("Adele", "\u0410dele"),  # Cyrillic A
        ("Adele", "\u0430d\u0435l\u0435"),  # Cyrillic a and e, in lower case
        ("Beyoncé", "\u0412\u0435\u0443\u043en\u0441\u0435"),  # mostly Cyrillic, without the accent
        ("Beatles", "\u0392\u0395\u0391\u03a4L\u0395S"),  # mostly Greek
        ("Oasis", "0asis"),
        ("OASIS", "0as1s"),
        ("Metallica", "rnetallica"),
        ("METALLICA", "Rnetallica"),
        ("Iron Maiden", "lRON MAlDEN"),
        ("Beck", "\uff22\uff45\uff43\uff4b"),  # fullwidth
        ("Beck", "\u0299\u1d07\u1d04\u1d0b"),  # small capitals
        ("Beck", "\U0001d401\U0001d41e\U0001d41c\U0001d424"),  # mathematical bold
        ("Björk", "Bj\u00f8rk"),
        ("King", "K\u0131ng"),  # Turkish dotless i
        ("Istanbul", "\u0130stanbul"),  # Turkish dotted I
        ("The Weeknd", "TheWeeknd"),
        ("The Weeknd", " The\u2003Weeknd "),
        ("Beck", "B\u200de\u00adck\u3164\ufe0f"),  # invisible characters
        ("U2", "\u03c52"),  # Greek upsilon
        ("\u041d\u043e\u0432\u0430", "HOBA"),  # Нова
        ("\u041d\u043e\u0432\u0430", "\u041d\u041e\u0412\u0410"),  # the same in capitals
        ("\u041c\u0430\u043a", "Mak"),
        ("AC/DC", "AC\u2215DC"),  # division slash
    ],
)
def test_a_lookalike_has_the_skeleton_of_the_name(name: str, lookalike: str) -> None:
    assert name_skeleton(lookalike) == name_skeleton(name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Beck", "Bock"),
        ("Bono", "Bovo"),
        ("Muse", "Mouse"),
        ("Blur", "Blue"),
        ("U2", "U3"),
        ("Moby", "Toby"),
        ("AC/DC", "ACDC"),
        ("米津玄師", "米津玄"),
        ("방탄소년단", "방탄소녀단"),
        ("Кино", "Вино"),
        ("!!!", "???"),
    ],
)
def test_distinct_names_have_distinct_skeletons(name: str, other: str) -> None:
    assert name_skeleton(name) != name_skeleton(other)


def test_a_name_of_marks_alone_is_its_own_skeleton() -> None:
    assert name_skeleton("\u00b4\u00a8") != name_skeleton("\u00a8\u00b4")


@pytest.mark.parametrize("character", ["\ufdfa", "\U0001f12b", "m", "\u0344", "\U0010fffd", "\uac01"])
def test_a_skeleton_fits_its_column_and_takes_linear_time(character: str) -> None:
    started = time.process_time()
    skeleton = name_skeleton(character * 100_000)
    assert time.process_time() - started < 1
    assert len(skeleton) <= MAX_LENGTH
    assert len(name_skeleton(character * 100).encode()) <= 2048


def test_the_table_leaves_out_what_decomposes() -> None:
    source = "\ufeff0031 ;\t006C ;\tMA\t# one\n0430 ; 0061 ; MA #\n\n\ufe0f# nothing\nFF11 ;\t006C ;\tMA\t#\n006D ;\t0072 006E ;\tMA"
    lines = compact(source.removeprefix("\ufeff"), "1.0.0").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "0061: 0430",
        "006C: 0031",
        "0072 006E: 006D",
    ]
