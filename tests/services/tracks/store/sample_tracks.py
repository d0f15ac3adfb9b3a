"""Fifty thousand tracks in several scripts, with a natural distribution of words."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg

from servicekit.ids import new_id
from services.tracks.domain.metadata import search_text

TRACKS = 50_000
_SYLLABLES = {
    "latin": [
        "the",
        "love",
        "is",
        "on",
        "of",
        "me",
        "you",
        "night",
        "a",
        "new",
        "day",
        "in",
        "my",
        "heart",
        "light",
        "time",
        "blue",
        "no",
        "go",
        "up",
        "re",
        "in",
        "er",
        "an",
        "to",
    ],
    "accents": ["né", "éa", "ña", "öl", "ür", "ça", "ão", "øy", "åk", "ží"],
    "cyrillic": ["лю", "бо", "ва", "но", "чь", "да", "не", "ты", "по", "мо", "ре"],  # noqa: RUF001 - letters of their own
    "kana": list("あいうえおかきくけこさしすせそたちつてと"),
    "han": list("米津玄師夜空花火恋愛青春風雨海山川月星光"),
    "hangul": list("방탄소년단사랑노래밤하늘별빛바람"),
    "arabic": ["حب", "لي", "ل", "ي", "قل", "بي", "عي", "ون", "نو", "ر"],
}
_WEIGHTS = {"latin": 70, "accents": 8, "cyrillic": 6, "kana": 5, "han": 5, "hangul": 4, "arabic": 2}


def _words(chance: random.Random) -> dict[str, list[str]]:
    """Some thousand words of each script."""
    return {
        script: [
            "".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(200 * _WEIGHTS[script])
        ]
        for script, syllables in _SYLLABLES.items()
    }


def names() -> Iterator[tuple[str, str]]:
    """Deterministic titles and artists. Few words occur in many of them, and many in few."""
    chance = random.Random(1)
    words = _words(chance)
    scripts = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=TRACKS)
    for script in scripts:
        known = words[script]
        picked = [known[int(len(known) * chance.random() ** 3)] for _ in range(chance.randint(2, 7))]
        cut = chance.randint(1, len(picked) - 1)
        yield " ".join(picked[:cut]).title(), " ".join(picked[cut:]).title()


async def store(admin: asyncpg.Connection) -> None:
    """Fill an empty database; half of the tracks are listed."""
    rows = (
        (
            new_id(),
            "youtube",
            f"{n:011}",
            f"https://www.youtube.com/watch?v={n:011}",
            title,
            artist,
            f"https://i.ytimg.example/vi/{n:011}/hqdefault.jpg",
            "COMPLETE",
            search_text(title, artist),
            None,
            datetime.now(UTC) if n % 2 or n >= TRACKS else None,
        )
        for n, (title, artist) in enumerate(itertools.chain(names(), KNOWN))
    )
    await admin.copy_records_to_table(
        "track_refs",
        schema_name="tracks",
        records=rows,
        columns=[
            "id",
            "provider",
            "provider_id",
            "url",
            "title",
            "artist",
            "artwork_url",
            "metadata_state",
            "search_text",
            "next_attempt_at",
            "listed_at",
        ],
    )


KNOWN = [
    ("One", "U2"),
    ("Best of U2", "Various"),
    ("U2", "Tribute"),
    ("Lemon", "米津玄師"),
    ("米津の歌", "Someone"),
    ("Мумий Тролль", "Дельфины"),
    ("Flim", "Aphex Twin"),
    ("100% Pure", "Love"),
    ("Hyperballad", "Björk"),
]
