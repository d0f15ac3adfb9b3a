"""Rules, alerts, dashboards and the collector: what can be said of them without a running process."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from servicekit.errors import Code
from tests.architecture.project import ROOT
from tests.deploy.promql import FOLDER, dashboards, queries, rules, selected

NO_CODES_OF_OURS = {"UNKNOWN", "DATA_LOSS"}
"""grpc itself may answer with them."""


def promtool(*arguments: str) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed; on Debian it is in the package prometheus")
    done = subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_its_files() -> None:
    promtool("check", "config", "prometheus.yml")


def test_rules_and_alerts_do_what_their_tests_say() -> None:
    promtool("test", "rules", "rules_test.yml")


def test_every_alert_is_in_a_test_of_promtool() -> None:
    tested = (FOLDER / "rules_test.yml").read_text()
    assert [each["alert"] for each in rules("alerts.yml") if each["alert"] not in tested] == []


def test_every_alert_has_a_section_in_the_runbooks() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "deploy/runbooks.md").read_text(), re.MULTILINE)
    anchors = {f"deploy/runbooks.md#{each.lower()}" for each in headings}
    named = {each["alert"]: each["annotations"]["runbook_url"] for each in rules("alerts.yml")}
    assert {alert: url for alert, url in named.items() if url not in anchors} == {}
    # And no section is about an alert that is gone.
    assert anchors == set(named.values())


def test_every_recorded_rule_is_read_and_every_read_one_recorded() -> None:
    recorded = {each["record"] for each in rules("rules.yml")}
    read = {name for query in queries() for name in selected(query)}
    assert {name for name in read if ":" in name} == recorded


def test_codes_in_queries_exist() -> None:
    text = "".join(queries())
    found = set(re.findall(r"[A-Z_]{4,}", " ".join(re.findall(r'grpc_code[=~!]+"([^"]+)"', text))))
    assert found - NO_CODES_OF_OURS <= {each.name for each in Code}


def test_dashboards_are_readable() -> None:
    found = dashboards()
    assert {each["uid"] for each in found.values()} == {f"seda-{name}" for name in found}
    for each in found.values():
        titles = [panel["title"] for panel in each["panels"]]
        assert len(set(titles)) == len(titles) >= 6


def test_the_collector_s_pipelines_name_what_is_configured() -> None:
    found = YAML(typ="safe").load(FOLDER / "otel-collector.yaml")
    for pipeline in found["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert pipeline[part]
            assert set(pipeline[part]) <= found[part].keys()
        # Memory is guarded before anything is kept.
        assert pipeline["processors"][0] == "memory_limiter"
    assert set(found["service"]["extensions"]) <= found["extensions"].keys()
