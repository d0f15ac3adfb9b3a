"""The Kubernetes manifests: they build, are valid, give pods little power, and agree with the settings and the code."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from ops.diagnose.schedule import KUBERNETES_PAGE
from servicekit.settings import ServiceSettings, is_secret, variable
from tests.deploy.manifests import BUILDS, FOLDER, OVERLAYS, Manifest, build, containers, of_kind, pods
from tests.deploy.schemas import violations
from tests.ops.test_compose import SETTINGS

pytestmark = pytest.mark.slow
HOSTED = ("qa", "sandbox", "production")
OURS = {"seda", "seda-operations", "seda-pgbouncer"}

each_build = pytest.mark.parametrize("folder", BUILDS, ids=lambda path: path.name)


def overlay(name: str) -> Path:
    return FOLDER / "overlays" / name


def test_there_is_an_overlay_per_environment_and_every_component_is_in_a_build() -> None:
    assert {path.name for path in OVERLAYS} == {"development", *HOSTED}
    files = [*FOLDER.glob("*/kustomization.yaml"), *(path / "kustomization.yaml" for path in BUILDS)]
    used = re.findall(r"components/([\w-]+)", "".join(path.read_text() for path in files))
    assert set(used) == {path.name for path in (FOLDER / "components").iterdir()}


@each_build
def test_all_manifests_are_valid(folder: Path) -> None:
    assert list(chain.from_iterable(map(violations, build(folder)))) == []


def test_what_is_invalid_is_noticed() -> None:
    manifests = {
        "typo": {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}},
        "kind": {"apiVersion": "v1", "kind": "Servise", "metadata": {"name": "a"}},
        "custom": {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "spec": {"secretName": 1, "a": 2},
        },
    }
    found = {name: violations(each) for name, each in manifests.items()}
    assert {name: len(each) for name, each in found.items()} == {"typo": 1, "kind": 1, "custom": 3}


@each_build
def test_a_pod_can_do_little_harm(folder: Path) -> None:
    for name, pod in pods(build(folder)):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["runAsUser"] >= 999, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        for each in containers(pod):
            context = each["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
            assert {*each["resources"]["requests"], *each["resources"]["limits"]} == {"cpu", "memory"}, name


@each_build
def test_every_image_of_others_has_a_digest(folder: Path) -> None:
    images = {each["image"] for _, pod in pods(build(folder)) for each in containers(pod)}
    foreign = {image for image in images if not re.search(rf"(^|/)({'|'.join(OURS)})(:|$)", image)}
    assert [image for image in foreign if not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", image)] == []


@each_build
def test_processes_are_rolled_out_without_a_gap(folder: Path) -> None:
    manifests = build(folder)
    for name in SETTINGS:
        spec = of_kind(manifests, "Deployment")[name]["spec"]
        pod = spec["template"]["spec"]
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert pod["terminationGracePeriodSeconds"] == 40
        assert "lifecycle" not in pod["containers"][0]
        assert {each["topologyKey"] for each in pod["topologySpreadConstraints"]} == {
            *("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        }
        assert pod["serviceAccountName"] == name
        for kind in ("PodDisruptionBudget", "Service", "ServiceAccount"):
            assert name in of_kind(manifests, kind)
        labels = spec["template"]["metadata"]["labels"]
        selectors = [
            spec["selector"]["matchLabels"],
            of_kind(manifests, "PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"],
            of_kind(manifests, "Service")[name]["spec"]["selector"],
        ]
        assert all(each["app.kubernetes.io/name"] == name for each in selectors)
        assert all(each.items() <= labels.items() for each in selectors)


def secrets_of(pod: Manifest) -> set[str]:
    """The Secrets that a pod mounts or takes its environment from, without certificates."""
    found = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    for volume in pod["volumes"]:
        found += [each["secret"]["name"] for each in volume.get("projected", {}).get("sources", ())]
    for container in containers(pod):
        found += [each["secretRef"]["name"] for each in container.get("envFrom", ()) if "secretRef" in each]
    return {re.sub("-[bcdfghkmt2456789]{10}$", "", each) for each in found if not each.endswith("-tls")}


@each_build
def test_each_pod_has_its_own_secret_and_no_other(folder: Path) -> None:
    given = {name: secrets_of(pod) for name, pod in pods(build(folder))}
    for name in SETTINGS:
        assert given[name] == {f"seda-{name}"}
    assert given["seda-migrate"] == {"seda-migrate"}
    jobs = {name: secrets for name, secrets in given.items() if name.startswith("seda-")}
    assert {*chain.from_iterable(jobs.values())} == {"seda-migrate", "seda-operations"}


def environment(manifests: Any, process: str) -> dict[str, str]:
    """The variables of a process: those of the ConfigMap, then its own."""
    (container,) = of_kind(manifests, "Deployment")[process]["spec"]["template"]["spec"]["containers"]
    (source,) = container["envFrom"]
    found = dict(of_kind(manifests, "ConfigMap")[source["configMapRef"]["name"]]["data"])
    return found | {each["name"]: each["value"] for each in container.get("env", ())}


@each_build
def test_ports_are_those_of_the_settings_and_the_services(folder: Path) -> None:
    manifests = build(folder)
    for process in SETTINGS:
        variables = environment(manifests, process)
        (container,) = of_kind(manifests, "Deployment")[process]["spec"]["template"]["spec"]["containers"]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert (str(ports["admin"]), str(ports["metrics"])) == (
            variables["SEDA_ADMIN_PORT"],
            variables["SEDA_METRICS_PORT"],
        )
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["grpc"]["port"] == ports["admin"]
        service = {
            each["name"]: each["port"] for each in of_kind(manifests, "Service")[process]["spec"]["ports"]
        }
        assert service == {name: ports[name] for name in ("grpc", "metrics")}
        if process != "gateway":
            assert variables[f"SEDA_{process.upper()}_TARGET"] == f"dns:///{process}:{ports['grpc']}"


def _names(selector: Manifest) -> set[str]:
    """The processes that a policy's pod selector means."""
    labels = selector.get("matchLabels", {})
    found = {labels["app.kubernetes.io/name"]} if "app.kubernetes.io/name" in labels else set()
    for each in selector.get("matchExpressions", ()):
        found |= set(each["values"]) if each["operator"] == "In" else set()
    return found


def _arrows(manifests: Any, direction: str, peers: str) -> set[tuple[str, str, int]]:
    """(from, to, port) of the policies between our own processes, in one direction."""
    found = set()
    for policy in of_kind(manifests, "NetworkPolicy").values():
        for rule in policy["spec"].get(direction, ()):
            others = set[str]().union(*(_names(each.get("podSelector", {})) for each in rule.get(peers, ())))
            pairs = [(own, other) for own in _names(policy["spec"]["podSelector"]) for other in others]
            found |= {
                (*(pair if direction == "egress" else pair[::-1]), each["port"])
                for pair in pairs
                for each in rule["ports"]
                if set(pair) <= SETTINGS.keys()
            }
    return found


@pytest.mark.parametrize("name", HOSTED)
def test_the_network_is_open_where_one_process_calls_another_and_nowhere_else(name: str) -> None:
    manifests = build(overlay(name))
    ports = {"users": 7401, "chat": 7402, "tracks": 7403}
    calls = {
        (process, upstream, ports[upstream])
        for process, settings in SETTINGS.items()
        for upstream in settings.upstreams()
    }
    assert _arrows(manifests, "egress", "to") == _arrows(manifests, "ingress", "from") == calls
    deny = of_kind(manifests, "NetworkPolicy")["deny-all"]["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    for labels in (
        each["spec"]["template"]["metadata"]["labels"] for each in of_kind(manifests, "Deployment").values()
    ):
        assert (
            deny["podSelector"]["matchLabels"].items() <= labels.items()
            or labels["app.kubernetes.io/name"] == "otel-collector"
        )
    opened = {
        each["port"]
        for policy in of_kind(manifests, "NetworkPolicy").values()
        for rule in policy["spec"].get("ingress", ())
        for each in rule["ports"]
    }
    assert 7410 not in opened


def test_jobs_are_those_of_seda_maintain_schedule() -> None:
    """`make check` compares the file itself."""
    assert str(FOLDER / "jobs/schedule.yaml").endswith(KUBERNETES_PAGE)
    for name in HOSTED:
        manifests = build(overlay(name))
        assert set(of_kind(manifests, "CronJob")) >= {"seda-backup", "seda-maintain", "seda-drill"}
        job = of_kind(manifests, "Job")["seda-migrate"]["spec"]["template"]["spec"]["containers"][0]
        assert job["args"] == ["seda", "migrate", "deploy"]


def test_every_environment_variable_exists() -> None:
    known = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}
    for settings in SETTINGS.values():
        known |= _variables(settings)
    for folder in BUILDS:
        for process in SETTINGS:
            assert environment(build(folder), process).keys() <= known


def _variables(settings: type[ServiceSettings]) -> set[str]:
    names = {variable(settings, field): is_secret(settings, field) for field in settings.model_fields}
    return {*names, *(f"{name}_FILE" for name, secret in names.items() if secret)}
