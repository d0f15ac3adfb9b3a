"""What the files of deploy/observability ask Prometheus for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import promql_parser
from ruamel.yaml import YAML

from tests.architecture.project import ROOT

FOLDER = ROOT / "deploy/observability"
_CHILDREN = ("expr", "lhs", "rhs", "param", "vector_selector")


def rules(*names: str) -> list[dict[str, Any]]:
    """The rules and alerts of the files."""
    loaded = [YAML(typ="safe").load(FOLDER / name) for name in names]
    return [rule for each in loaded for group in each["groups"] for rule in group["rules"]]


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards, by file name."""
    return {
        path.stem: json.loads(path.read_text())
        for path in sorted((FOLDER / "grafana/dashboards").glob("*.json"))
    }


def queries() -> Iterator[str]:
    """Every query, of rules, alerts and panels; Grafana's variables have values."""
    yield from (each["expr"] for each in rules("rules.yml", "alerts.yml"))
    for dashboard in dashboards().values():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield target["expr"].replace("$__rate_interval", "1m").replace("$job", ".+")


def selected(query: str) -> dict[str, set[str]]:
    """The metrics that a query reads, with the labels by which it selects."""
    found: dict[str, set[str]] = {}
    for selector in _selectors(promql_parser.parse(query)):
        found.setdefault(selector.name, set()).update(each.name for each in selector.matchers.matchers)
    return found


def _selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    children = [getattr(node, name, None) for name in _CHILDREN]
    for child in (*children, *getattr(node, "args", ())):
        if child is not None:
            yield from _selectors(child)
