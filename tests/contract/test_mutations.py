"""Every method of the suite and of the probe: what the contract's rules refuse is refused, by the field's name."""

from __future__ import annotations

from tests.contract.assertions import general, judged, known
from tests.contract.mutations import mutations, unlimited, valid_requests
from tests.contract.responses import reason_of
from tests.contract.running_suite import Played, answers


async def test_valid_request_ends_well_or_in_a_documented_reason(played: Played) -> None:
    found = []
    for target in played.targets:
        requests = valid_requests(target.method.request_type.DESCRIPTOR, known(played.known))
        for data, outcome in await answers(target, [each.SerializeToString() for each in requests]):
            wrong = general(target, outcome)
            if reason_of(outcome) in {"INVALID_FIELDS", "MALFORMED_REQUEST"}:
                wrong.append(f"is refused: {outcome.message}")
            found += [f"{target}: {fault} for {data!r}" for fault in wrong]
    assert found == []


async def test_each_mutation_is_refused_by_the_name_of_its_field(played: Played) -> None:
    found, tried = [], 0
    for target in played.targets:
        tries = mutations(target.method.request_type.DESCRIPTOR, known(played.known))
        found += await judged(target, tries)
        tried += len(tries)
    assert not found, "\n".join(found)
    assert tried > 1000


def test_every_field_of_every_request_has_its_limit(played: Played) -> None:
    for target in played.targets:
        assert list(unlimited(target.method.request_type.DESCRIPTOR)) == [], target
