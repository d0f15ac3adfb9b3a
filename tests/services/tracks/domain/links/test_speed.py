"""How fast links are read."""

import pytest

from bench.links import parsed, rate, split, texts

_LEAST = 100_000
# How many a plain urlsplit reads where the parser has to read that many (docs/benchmarks.md).
_SPLITS = 275_800


@pytest.mark.serial
def test_parse_reads_a_hundred_thousand_links_a_second() -> None:
    given = texts(20_000)
    # One good round is enough, and a slower core, or one that is shared, is slower for both: it is the parser that is
    # judged, not what else the machine does.
    assert any(rate(parsed, given) >= _LEAST * min(1.0, rate(split, given) / _SPLITS) for _ in range(15))


def test_the_texts_to_measure_with_are_all_different() -> None:
    given = texts(100)
    assert len(set(given)) == len(given) == 100
