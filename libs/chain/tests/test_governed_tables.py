"""The words for the governed contracts cover what these can say and refuse; all by the checked-in interfaces."""

import dataclasses
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.chain.artefacts import artefact, entries
from assay.chain.decode import RENAMED
from assay.chain.errors import Reverted
from assay.chain.governed import refusals
from assay.chain.governed.accusations import Phase
from assay.chain.governed.events import GOVERNED_EVENTS_OF
from assay.chain.governed.logs import readers
from assay.chain.governed.places import FIELD_OF
from assay.chain.governed.refusals import REFUSALS, Declined, VoteState, declared, declined
from assay.chain.governed.votes import Side
from assay.chain.rpc import refusal_of
from assay.chain.words import selector

CONTRACTS = Path(__file__).parents[1] / "contracts"
# Of OpenZeppelin's parts: what no door and no vote here comes to.
INHERITED = {
    *("RoleAdminChanged", "RoleGranted", "RoleRevoked", "CallExecuted", "CallSalt", "CallScheduled", "Cancelled"),
    *("EIP712DomainChanged", "TimelockChange", "VoteCastWithParams"),
}


@pytest.mark.parametrize("contract", FIELD_OF)
def test_every_event_has_its_class_and_its_fields(contract: str) -> None:
    declared_here = {entry["name"]: entry for entry in artefact(contract).abi if entry["type"] == "event"}
    classes = {event.__name__: event for event in GOVERNED_EVENTS_OF.get(contract, ())}
    assert set(declared_here) - INHERITED == set(classes)
    for name, event in classes.items():
        words = [re.sub(r"(?<=[a-z])([A-Z])", r"_\1", field["name"]).lower() for field in declared_here[name]["inputs"]]
        assert [field.name for field in dataclasses.fields(event)] == [RENAMED.get(word, word) for word in words]


def test_every_event_can_be_read() -> None:
    assert len(readers()) == sum(map(len, GOVERNED_EVENTS_OF.values()))


def test_every_error_of_our_own_has_a_sentence_and_what_to_do() -> None:
    own = set()
    for path in [*(CONTRACTS / "src").glob("*.sol"), *(CONTRACTS / "src/interfaces").glob("*.sol")]:
        own |= set(re.findall(r"^\s*error (\w+)\(", path.read_text(), re.MULTILINE))
    of_the_group = {entry["name"] for entry in entries("error", tuple(FIELD_OF))} & own
    assert of_the_group - set(REFUSALS) == set()
    for refusal in REFUSALS.values():
        assert refusal.said.endswith(".") and refusal.advice.endswith(".")


def test_every_sentence_uses_arguments_that_its_error_has() -> None:
    fields = {name: {field for field, _ in parts} for name, parts in declared().values()}
    assert set(REFUSALS) - set(fields) == set()
    for name, refusal in REFUSALS.items():
        used = {field: spec for _, field, spec, _ in Formatter().parse(refusal.said) if field}
        assert set(used) <= fields[name], name
        assert {spec for spec in used.values() if spec} <= set(refusals.WRITERS)


@given(st.sampled_from(sorted(declared())), st.binary(max_size=200))
def test_whatever_a_node_says_becomes_a_sentence(head: bytes, tail: bytes) -> None:
    refused = declined(refusal_of("eth_call", {"message": "execution reverted", "data": "0x" + (head + tail).hex()}))
    assert isinstance(refused, Reverted) and refused.detail and refused.advice.endswith(".")


def test_a_refusal_is_told_apart_by_its_name() -> None:
    data = "0x" + (selector("TooSoon(uint256)") + (86_400).to_bytes(32, "big")).hex()
    refused = declined(refusal_of("eth_call", {"message": "execution reverted", "data": data}))
    assert isinstance(refused, Declined)
    assert (refused.code, refused.name, refused.arguments) == ("chain.declined", "TooSoon", {"readyAt": 86_400})
    assert refused.detail == "TooSoon: This can be done from 1970-01-02 00:00:00 UTC on."


@pytest.mark.parametrize(
    ("source", "name", "members"),
    [
        ("src/interfaces/ISlashing.sol", "Phase", Phase),
        ("node_modules/@openzeppelin/contracts/governance/IGovernor.sol", "ProposalState", VoteState),
        ("node_modules/@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol", "VoteType", Side),
    ],
)
def test_every_enum_has_the_members_of_the_contracts(source: str, name: str, members: Any) -> None:
    if not (CONTRACTS / source).exists():
        pytest.skip("the contracts' libraries are not installed")
    found = re.search(rf"enum {name} {{([^}}]*)}}", (CONTRACTS / source).read_text())
    assert found and [each.strip().upper() for each in found[1].split(",")] == [member.name for member in members]
