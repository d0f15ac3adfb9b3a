"""Strict validation of a manifest: by the schemas of Kubernetes, or by ours for the resources of operators."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.architecture.project import ROOT
from tests.deploy.manifests import Manifest

VERSION = "1.35"
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "strings": {"type": "object", "additionalProperties": {"type": "string"}},
    "hours": {"type": "string", "pattern": "^[0-9]+h$"},
}
_CUSTOM: dict[str, Any] = YAML(typ="safe").load(ROOT / "tests/deploy/custom_resources.yaml")


def violations(manifest: Manifest) -> list[str]:
    """What is wrong with a manifest: unknown fields, wrong types, missing ones."""
    kind = f"{manifest['apiVersion']}/{manifest['kind']}"
    if kind in _CUSTOM:
        found = Draft202012Validator(_schema(_CUSTOM[kind])).iter_errors(manifest["spec"])
        return [f"{kind}: {each.json_path}: {each.message}" for each in found]
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return [f"{kind}: {error}"]
    return []


def _schema(short: Any) -> dict[str, Any]:
    """The JSON schema of a field: a type's name, a list of one kind, or the fields of an object; `!`: required."""
    if isinstance(short, str):
        return _TYPES[short.removesuffix("!")]
    if isinstance(short, list):
        return {"type": "array", "items": _schema(short[0])}
    fields = {name.removesuffix("!"): _schema(each) for name, each in short.items()}
    required = [name.removesuffix("!") for name, each in short.items() if "!" in (name[-1:], str(each)[-1:])]
    return {"type": "object", "properties": fields, "additionalProperties": False, "required": required}
