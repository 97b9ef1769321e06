"""What must hold of everybody's accounts at rest: made again from public events alone, they are what settlement's
ledger, discovery's record of providers and the chain hold.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.invariants import Said

from assay.bus import connect
from assay.bus.port import Bus
from assay.chain import Chain
from assay.client.profile import Profile
from assay.devnet.devnet import Devnet
from assay.proof.replay import Account, Replay
from assay.schema.values import Role, participant_id

LEDGER: Final = {"deposit": "deposit", "hold": "held", "earned": "earned", "stake": "stake", "unbonding": "unbonding"}
"""The kinds of accounts that settlement's ledger has, and what each is called here."""


async def wrong_replay(devnet: Devnet, said: Said) -> list[str]:
    """In what accounts that are made from these events differ from those that somebody keeps."""
    made = Replay.of(envelope.event for envelope in said).accounts()
    ids = {party.id: party.role for party in devnet.parties.values()}
    ids[participant_id(Role.REQUESTER, devnet.bank.operator.address)] = Role.REQUESTER
    profile = Profile.load(devnet.places.data / "operator")
    bus = await connect(profile.nats_url, profile.creds_file, "replay")
    try:
        totals = await ask(bus, "settlement.balances", {})
        own = await asyncio.gather(*(ask(bus, "settlement.balances", {"of": each}) for each in ids))
        providers = [each for each, role in ids.items() if role is Role.PROVIDER]
        records = await asyncio.gather(*(ask(bus, "discovery.provider", {"provider": each}) for each in providers))
    finally:
        await bus.close()
    shown = await asyncio.gather(*(on_chain(devnet.chain, each["address"]) for each in own))
    faults = list(wrong_totals(made, totals))
    for balances, chain in zip(own, shown, strict=True):
        faults += wrong_account(made.get(balances["address"], Account()), balances, chain)
    for balances, record in zip((each for each in own if each["of"] in providers), records, strict=True):
        faults += wrong_record(made.get(balances["address"], Account()), record)
    return faults


def wrong_totals(made: Mapping[str, Account], totals: Mapping[str, Any]) -> Iterator[str]:
    """Sums over all accounts that are not those of the ledger: nobody may be left out."""
    kept = {row["kind"]: row["amount"] for row in totals["totals"] if row["kind"] in LEDGER}
    sums: Counter[str] = Counter()
    for account in made.values():
        for kind, name in LEDGER.items():
            amount = getattr(account, name)
            sums[kind] += sum(amount.values()) if kind == "hold" else amount
    for kind in LEDGER:
        if sums[kind] != kept.get(kind, 0):
            yield f"events make {sums[kind]} of all {kind}, settlement's ledger has {kept.get(kind, 0)}"


def wrong_account(made: Account, kept: Mapping[str, Any], shown: Mapping[str, int]) -> Iterator[str]:
    """In what one participant's account differs from the ledger, or from the chain."""
    for name in LEDGER.values():
        if getattr(made, name) != kept[name]:
            yield f"{name} of {kept['of']} is {getattr(made, name)} by events, {kept[name]} in settlement's ledger"
    by_events = {
        "left": made.deposit + sum(made.held.values()) + made.charged,
        **{name: getattr(made, name) for name in ("paid", "stake", "unbonding")},
    }
    if by_events != shown:
        yield f"{kept['of']} has {by_events} by events, {shown} on chain"


def wrong_record(made: Account, record: Mapping[str, Any]) -> Iterator[str]:
    """In what a provider's stake and reputation differ from what discovery lists offers by."""
    own = (made.stake, made.verified, made.rejected, made.dropped)
    if own != (int(record["stake"]), record["verified"], record["rejected"], record["dropped"]):
        yield f"{record['provider']} has stake and leases {own} by events, {record} in discovery"


async def on_chain(chain: Chain, address: str) -> dict[str, int]:
    """What the contracts show of an address."""
    account, stake, unbonding = await asyncio.gather(
        chain.account_of(address), chain.stake_of(address), chain.unbonding_of(address)
    )
    return {"left": account.left, "paid": account.paid, "stake": stake, "unbonding": unbonding}


async def ask(bus: Bus, question: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a service answers."""
    answer: dict[str, Any] = json.loads((await bus.ask(f"assay.ask.{question}", json.dumps(body).encode())).data)
    return answer
