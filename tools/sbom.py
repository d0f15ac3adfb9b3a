"""Print the software bill of materials of the image: a CycloneDX 1.6 document of requirements-runtime.lock.

The same lock file always makes the same document. A package has the hashes of all its files, since the lock file does
not say which platform takes which.
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements-runtime.lock"
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>.+?))? \\$")
_HASH = re.compile(r"--hash=sha256:(?P<hash>[0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """Return a component for each pinned package."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            purl = f"pkg:pypi/{pin['name']}@{pin['version']}"
            component = {"type": "library", "bom-ref": purl, "name": pin["name"], "version": pin["version"]}
            found.append({**component, "purl": purl, "hashes": []})
            if pin["marker"]:
                found[-1]["properties"] = [{"name": "seda:marker", "value": pin["marker"]}]
        elif match := _HASH.search(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": match["hash"]})
    return found


def document(root: Path = ROOT) -> dict[str, Any]:
    """Return the whole document."""
    lock = (root / LOCK).read_text()
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    listed = components(lock)
    application = {"type": "application", "bom-ref": own, "name": project["name"], "purl": own}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own + lock)}",
        "version": 1,
        "metadata": {"component": {**application, "version": project["version"]}},
        "components": listed,
        "dependencies": [{"ref": own, "dependsOn": [each["bom-ref"] for each in listed]}],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2) + "\n")
