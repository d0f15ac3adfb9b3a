"""One word per thing: names and phrases that were replaced do not return."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.project import HAND_WRITTEN, ROOT, relative


class Word(NamedTuple):
    """A replaced word: its pattern, the word to use, and a text that the pattern must match.

    `allowed_in` are files that have to name it, such as the table of settings refused at start.
    """

    pattern: str
    use: str
    example: str
    allowed_in: tuple[str, ...] = ()


WORDS = (
    Word(
        r"(?i)\b(?:kept|keep)_pages?\b|\bKeptPages?\b|\bKEPT_PAGES\b|\bkeepless\b", "page_cache", "KeptPage"
    ),
    Word(
        r"\bSEDA_(?:KEPT_PAGES_MIB|ENRICH_PLACES|FETCH_TEST_TARGETS|MAX_WAITING_CALLS|MAX_WAIT_MS)\b",
        "the new name in servicekit/settings.py",
        "SEDA_KEPT_PAGES_MIB",
        ("servicekit/settings.py", "tests/servicekit/test_settings.py"),
    ),
    Word(r"(?i)\bdownstreams?\b", "upstream", "the downstreams"),
    Word(r"\bHealthBoard\b|\bhealth_board\b", "HealthRegistry", "HealthBoard"),
    Word(r"\bAdmission\b|\bStreamAdmission\b", "ConcurrencyLimiter, StreamLimiter", "Admission"),
    Word(r"\bPeer\b|\bpeers_?target", "ServiceClient", "Peer"),
    Word(r"(?i)\bperhaps_written\b", "outcome_unknown", "perhaps_written"),
    Word(r"\bBearers\b|\bbearers\b", "auth_headers", "bearers"),
    Word(r"(?i)\btoo often; wait a little\b", "rate limit exceeded", "too often; wait a little"),
    Word(r"\bpytest\.mark\.alone\b", "pytest.mark.serial", "pytest.mark.alone"),
    Word(r"\bStandingRow\b|\bstanding pins?\b", "active", "standing pins"),
    Word(r"(?<![\w.])(?:actions|store|domain)/stubs?\b|\bdeleted stubs?\b", "tombstone", "actions/stubs"),
    Word(r"\bFieldFault\b|\bfield_fault\b", "FieldViolation", "FieldFault"),
    Word(r"\bwatchdogs?\b", "reaper", "the watchdog"),
    Word(r"\bSendFacts\b|\bsend_facts\b", "Membership", "SendFacts"),
    Word(r"\bbequeath\w*", "transfer_ownership", "bequeath"),
    Word(r"(?i)\bheirs?\b", "successor", "the heir"),
    Word(
        r"(?i)\banew\b",
        "again",
        "made anew",
        (
            "services/tracks/schema.py",
            "docs/reference/sql/tracks.sql",
            "docs/reference/schema.sql",
            "docs/schema.md",
        ),
    ),
    Word(r"(?i)\bin vain\b", "without success", "waited in vain"),
    Word(
        r"(?i)\bemptied\b(?!_at)",
        "purged, cleared",
        "an emptied message",
        ("services/chat/schema/messages.py",),
    ),
)

_IGNORED = {"tests/architecture/test_vocabulary.py", "CHANGELOG.md"}
_SUFFIXES = {".py", ".md", ".proto", ".toml", ".yml", ".sql", ".example"}


def texts() -> Iterator[tuple[str, str]]:
    """Every hand-written file with its path from the root."""
    files = [
        path
        for path in ROOT.iterdir()
        if (path.is_file() and path.suffix in _SUFFIXES) or path.name == "Makefile"
    ]
    for folder in (*HAND_WRITTEN, "docs", "protos/seda"):
        files += [path for path in (ROOT / folder).rglob("*") if path.suffix in _SUFFIXES]
    for path in sorted(files):
        if relative(path) not in _IGNORED and path.parent.name != "versions":
            yield relative(path), path.read_text()


def found(path: str, text: str, words: tuple[Word, ...] = WORDS) -> list[str]:
    """The replaced words of a text, one line each."""
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}: use {word.use}"
        for word in words
        if path not in word.allowed_in
        for match in re.finditer(word.pattern, text)
    ]


def test_replaced_words_do_not_return() -> None:
    lines = [line for path, text in texts() for line in found(path, text)]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.example)
def test_replaced_word_is_found(word: Word) -> None:
    assert found("a.md", f"before {word.example} after", (word,))


def test_the_texts_are_the_whole_project() -> None:
    paths = {path for path, _ in texts()}
    assert paths >= {"README.md", "Makefile", "pyproject.toml", "protos/seda/chat/v1/message.proto"}
    assert any(Path(path).parts[0] == "servicekit" for path in paths)
