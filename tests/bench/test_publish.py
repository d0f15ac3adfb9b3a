"""Results become a table and a chart of the page of benchmarks."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import charts, publish, report
from tests.bench.results import make_result, make_setting

_PAGE = "# Benchmarks\n\n<!-- results of chat -->\nold\n<!-- end of chat -->\n\nmore\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks.md").write_text(_PAGE)
    report.write([make_result()], make_setting(), tmp_path, "chat")
    return tmp_path


def test_a_table_replaces_the_one_before(docs: Path) -> None:
    publish.publish("chat", docs, docs)
    once = (docs / "benchmarks.md").read_text()
    publish.publish("chat", docs, docs)
    text = (docs / "benchmarks.md").read_text()
    assert text == once
    assert text.startswith("# Benchmarks\n\n<!-- results of chat -->\n")
    assert text.endswith("<!-- end of chat -->\n\nmore\n")
    assert "old" not in text
    (row,) = [line for line in text.splitlines() if "| seda |" in line]
    assert "| 1,000 (900 to 1,200) | 600 (600 to 600) |" in row
    assert row.endswith("| 2.50 (2.00 to 3.00) | 0.50 (0.50 to 0.50) |")
    assert "load 0.5 before and 3.2 after" in text
    assert "2% (2% to 2%) of the machine" in text
    # The driver's 30 us beside 600 and 1,200.
    assert "was 4% (2% to 5%)" in text


def test_a_page_without_a_place_is_an_error(docs: Path) -> None:
    report.write([make_result()], make_setting(), docs, "other")
    with pytest.raises(publish.PublishError, match="no place for other"):
        publish.publish("other", docs, docs)
    assert (docs / "benchmarks.md").read_text() == _PAGE


@pytest.mark.parametrize(
    ("chart", "figures"),
    [(charts.comparison, ["2.50", "0.50"]), (charts.fan_out, ["1,000", "400", "600", "9"])],
)
def test_a_chart_shows_each_contenders_medians(chart: charts.Chart, figures: list[str]) -> None:
    svg = ET.fromstring(chart([make_result()]))
    texts = ["".join(each.itertext()) for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"GetRoom", "seda", *figures} <= set(texts)
    widths = {float(each.get("x", "0")) for each in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert max(widths) < float(svg.get("width", "0")) - 20
