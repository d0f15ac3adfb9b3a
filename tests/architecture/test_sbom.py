"""The bill of materials lists every package of the image with its hashes, in the form of CycloneDX 1.6."""

import re

from tests.architecture.project import ROOT
from tests.architecture.test_locks import entries
from tools.sbom import LOCK, document

_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_every_locked_package_is_listed_with_its_hashes() -> None:
    listed = {
        each["name"]: (each["version"], {f"--hash=sha256:{hash_['content']}" for hash_ in each["hashes"]})
        for each in document()["components"]
    }
    assert listed == entries(LOCK)


def test_the_form_is_that_of_cyclonedx() -> None:
    made = document()
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert _UUID.fullmatch(made["serialNumber"])
    references = [each["bom-ref"] for each in made["components"]]
    assert len(set(references)) == len(references)
    for each in made["components"]:
        assert each["type"] == "library"
        assert each["bom-ref"] == each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert {hash_["alg"] for hash_ in each["hashes"]} == {"SHA-256"}
    (own,) = made["dependencies"]
    assert own == {"ref": made["metadata"]["component"]["bom-ref"], "dependsOn": references}


def test_a_condition_of_a_package_is_kept() -> None:
    lock = (ROOT / LOCK).read_text()
    conditional = {each["name"] for each in document()["components"] if "properties" in each}
    assert conditional == set(re.findall(r"^([a-z0-9-]+)==[^ ]+ ; ", lock, re.MULTILINE))


def test_one_lock_makes_one_document() -> None:
    assert document() == document()
