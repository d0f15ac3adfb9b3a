"""Every method enforces every rule of the contract and names the violating field."""

from __future__ import annotations

from tests.contract.assertions import general_violations, known, mutation_violations
from tests.contract.mutations import mutations, unlimited, valid_requests
from tests.contract.responses import reason_of
from tests.contract.running_suite import SuiteFixture, responses


async def test_valid_request_ends_well_or_in_a_documented_reason(suite_fixture: SuiteFixture) -> None:
    found = []
    for target in suite_fixture.targets:
        requests = valid_requests(target.method.request_type.DESCRIPTOR, known(suite_fixture.known))
        for data, outcome in await responses(target, [each.SerializeToString() for each in requests]):
            wrong = general_violations(target, outcome)
            if reason_of(outcome) in {"INVALID_FIELDS", "MALFORMED_REQUEST"}:
                wrong.append(f"is refused: {outcome.message}")
            found += [f"{target}: {violation} for {data!r}" for violation in wrong]
    assert found == []


async def test_each_mutation_is_refused_by_the_name_of_its_field(suite_fixture: SuiteFixture) -> None:
    found, tried = [], 0
    for target in suite_fixture.selected:
        tries = mutations(target.method.request_type.DESCRIPTOR, known(suite_fixture.known))
        found += await mutation_violations(target, tries)
        tried += len(tries)
    assert not found, "\n".join(found)
    assert tried > 1000


def test_every_field_of_every_request_has_its_limit(suite_fixture: SuiteFixture) -> None:
    for target in suite_fixture.targets:
        assert list(unlimited(target.method.request_type.DESCRIPTOR)) == [], target
