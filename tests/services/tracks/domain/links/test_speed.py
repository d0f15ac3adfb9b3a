"""Throughput of the link parser, relative to a plain urlsplit on the same core."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import pytest

from servicekit.errors import ServiceError
from services.tracks.domain.links.registry import parse
from tests.architecture.project import ROOT

_LEAST = 100_000
# urlsplit's rate on the core on which the parser has to reach _LEAST.
_URLSPLIT_RATE = 275_800


@pytest.mark.serial
def test_parse_handles_a_hundred_thousand_links_a_second() -> None:
    links = distinct_links(20_000)
    # What other tests left is not to be collected meanwhile: the parser makes more objects than urlsplit.
    gc.collect()
    gc.freeze()
    try:
        # One good round is enough: a slow core slows both down, so only the ratio is compared.
        assert any(
            rate(parse_or_refuse, links) >= _LEAST * min(1.0, rate(urlsplit, links) / _URLSPLIT_RATE)
            for _ in range(15)
        )
    finally:
        gc.unfreeze()


def test_the_links_to_measure_with_are_all_different() -> None:
    links = distinct_links(100)
    assert len(set(links)) == len(links) == 100


def distinct_links(count: int) -> list[str]:
    """The links of track_urls.tsv, each with a distinct tracking parameter, so that no cache hits."""
    table = (ROOT / "tests/data/track_urls.tsv").read_text(encoding="utf-8")
    links = itertools.cycle(row.split("\t")[0] for row in table.splitlines()[1:])
    return [_with_parameter(link, number) for number, link in zip(range(count), links, strict=False)]


def _with_parameter(link: str, number: int) -> str:
    address, mark, fragment = link.partition("#")
    return f"{address}{'&' if '?' in address else '?'}si={number:012x}{mark}{fragment}"


def parse_or_refuse(link: str) -> None:
    try:
        parse(link)
    except ServiceError:
        return


def rate(read: Callable[[str], object], links: Sequence[str]) -> float:
    """Parsed links per second of CPU."""
    started = time.process_time()
    for link in links:
        read(link)
    return len(links) / (time.process_time() - started)
