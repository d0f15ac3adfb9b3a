"""How many links a second the parser of the tracks service reads on one core, beside a plain urlsplit.

    python -m bench.links [--rounds 7] [--links 50000]

The texts are those of tests/data/track_urls.tsv, which hold every provider, share texts and links that are
refused, each of them with a parameter of its own, so that no cache knows it already. Every round reads all
of them with each reader, one after the other. Prints one line per reader: the median (least to most) of
links per second of CPU and microseconds per link. Exits with 1 when the parser's median is below --least.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from servicekit.errors import ServiceError
from services.tracks.domain.links.registry import parse

_TABLE = Path(__file__).parents[1] / "tests/data/track_urls.tsv"


def texts(count: int) -> list[str]:
    """So many texts to read, no two of them alike."""
    rows = [row.split("\t")[0] for row in _TABLE.read_text(encoding="utf-8").splitlines()[1:]]
    return [_varied(row, number) for number, row in zip(range(count), itertools.cycle(rows), strict=False)]


def _varied(text: str, number: int) -> str:
    """The text with a tracking parameter in front of its fragment."""
    address, mark, fragment = text.partition("#")
    return f"{address}{'&' if '?' in address else '?'}si={number:012x}{mark}{fragment}"


def parsed(text: str) -> None:
    """Read a text with the parser."""
    try:
        parse(text)
    except ServiceError:
        # A refusal is an answer, and costs what it costs.
        return


def split(text: str) -> None:
    """Split a text as the standard library does, which says nothing about what it points to."""
    urlsplit(text)


def rate(read: Callable[[str], None], given: Sequence[str]) -> float:
    """Links read per second of CPU."""
    started = time.process_time()
    for text in given:
        read(text)
    return len(given) / (time.process_time() - started)


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--links", type=int, default=50_000)
    parser.add_argument("--least", type=int, default=100_000, help="links per second (default: %(default)s)")
    arguments = parser.parse_args()
    given = texts(arguments.links)
    readers = {"parse": parsed, "urlsplit": split}
    rates: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(arguments.rounds):
        for name, read in readers.items():
            rates[name].append(rate(read, given))
    for name, each in rates.items():
        middle = statistics.median(each)
        print(
            f"{name:9} {middle:9,.0f}/s ({min(each):,.0f} to {max(each):,.0f})  {1e6 / middle:5.2f} us each"
        )
    return 0 if statistics.median(rates["parse"]) >= arguments.least else 1


if __name__ == "__main__":
    raise SystemExit(main())
