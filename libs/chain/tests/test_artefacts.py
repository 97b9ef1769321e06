"""The checked-in artefacts, the Python words and the Solidity sources say the same."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest

from assay.chain import artefacts
from assay.chain.decode import EVENT_READERS
from assay.chain.events import CONTRACT_EVENTS, EVENTS_OF
from assay.chain.payment.values import Demanded, VoidReason
from assay.chain.port import AnchorRefusal, Ruling, SlashReason

CONTRACTS = Path(__file__).parents[1] / "contracts"
INHERITED = {
    *("Transfer", "Approval", "EIP712DomainChanged", "DelegateChanged", "DelegateVotesChanged"),
    *("RoleAdminChanged", "RoleGranted", "RoleRevoked"),
}


def test_the_artefacts_were_built_from_these_sources():
    built = json.loads((Path(artefacts.__file__).parent / "abi/sources.json").read_text())
    present = {path: hashlib.sha256((CONTRACTS / path).read_bytes()).hexdigest() for path in built}
    assert present == built, "run libs/chain/contracts/build.sh"
    sources = {str(path.relative_to(CONTRACTS)) for path in (CONTRACTS / "src").rglob("*.sol")}
    assert sources <= set(built)


@pytest.mark.parametrize("name", artefacts.CONTRACTS)
def test_every_contract_fits_the_size_limit(name):
    """EIP-170: a contract's own code; EIP-3860: what creates it."""
    made = artefacts.artefact(name)
    assert 0 < made.size_bytes <= 24_576 and made.size_bytes < len(made.bytecode) <= 2 * 24_576


@pytest.mark.parametrize("name", EVENTS_OF)
def test_every_event_of_a_contract_has_its_class(name):
    declared = {entry["name"] for entry in artefacts.entries("event", [name])} - INHERITED
    assert declared == {event.__name__ for event in EVENTS_OF[name]}
    assert (
        not {entry["name"] for entry in artefacts.entries("event")}
        - INHERITED
        - set(event.__name__ for event in CONTRACT_EVENTS)
    )


def test_every_class_has_the_fields_of_its_event():
    for reader in EVENT_READERS.values():
        names = [field.name for field in dataclasses.fields(reader.event)]
        assert [name for name, _, _ in reader.fields] == names


@pytest.mark.parametrize(
    "enum",
    [AnchorRefusal, Demanded, Ruling, SlashReason, VoidReason],
)
def test_every_enum_has_the_members_of_the_contracts(enum):
    text = "".join(path.read_text() for path in (CONTRACTS / "src/interfaces").glob("*.sol"))
    members = re.search(rf"enum {enum.__name__} {{([^}}]*)}}", text)[1]
    assert [name.strip() for name in members.split(",")] == [member.name for member in enum]
