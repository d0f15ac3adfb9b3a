"""The Kubernetes manifests as kustomize builds them."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.architecture.project import ROOT

FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = tuple(sorted(path.parent for path in FOLDER.glob("overlays/*/kustomization.yaml")))
BUILDS = (*OVERLAYS, *sorted(path.parent for path in FOLDER.glob("tests/*/kustomization.yaml")))
Manifest = dict[str, Any]


@functools.cache
def build(folder: Path) -> Sequence[Manifest]:
    """What `kubectl apply -k FOLDER` would send to the cluster."""
    program = shutil.which("kustomize")
    if program is None:
        pytest.skip("kustomize is not installed: go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1")
    done = subprocess.run([program, "build", str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return tuple(YAML(typ="safe").load_all(StringIO(done.stdout)))


def of_kind(manifests: Sequence[Manifest], *kinds: str) -> dict[str, Manifest]:
    """The manifests of these kinds, by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] in kinds}


def pods(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The name and the pod template's spec of each workload."""
    for name, each in of_kind(manifests, "Deployment", "StatefulSet", "Job").items():
        yield name, each["spec"]["template"]["spec"]
    for name, each in of_kind(manifests, "CronJob").items():
        yield name, each["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    """All containers of a pod."""
    return [*pod.get("initContainers", ()), *pod["containers"]]
