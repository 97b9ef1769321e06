"""Hostile providers that are more than one machine: several names, the chain, their own requesters, other machines.

What each gained and lost stands in the public events and on the chain.
"""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from safetensors.numpy import load
from tests.adversaries.conftest import BUYER, FALSE_MEMBER, PAID, SEGMENTS, SYBILS, UNTRIED, WITHIN_S, Tried
from tests.adversaries.owners import OWN_ROOT, note_of
from tests.adversaries.running import LEAVING, REGIONS
from tests.holdings import holdings
from tests.network import FEE_PART, PRICE, REGION, SECOND, SEGMENT_PRICE, STEADY, TERMS, Net
from tests.scenarios.holders import hold

from assay.bus.keys import hand_in
from assay.chain.errors import Reverted
from assay.client.federation.facts import FACT, AnyFact, Closed, Plan
from assay.client.federation.keeper import Keeper
from assay.client.rounds.journal import Journal
from assay.client.sdk import Assay, now_ms
from assay.devnet.bank import DEPOSIT
from assay.proof.job_seal import name_of, seal_job
from assay.proof.replay import Account, Replay
from assay.proof.reputation import reputation_of
from assay.proof.sealed import KEY_BYTES
from assay.schema.epoch import EpochAnchored, EpochCommitted, EpochDrawn
from assay.schema.event import Event
from assay.schema.job import JobSettled
from assay.schema.lease import UNPROVEN, LeasePaid, LeaseRejected, LeaseSlashed
from assay.schema.values import Policy, Requirements
from assay.workloads import read_params
from assay.workloads.command.params import CommandParams
from assay.workloads.command.state import start_of, tar_of
from assay.workloads.federated import forms, numbers, perceptron
from assay.workloads.federated.vault import Terms
from assay.workloads.registry import offerable

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

NEWCOMER = reputation_of(0, 0)
TIME_S = 10
DATA, OPEN = "lied-about", Terms()
"""A data set whose holders let each update be seen alone, and ask for no noise."""

E = TypeVar("E", bound=Event)


def said_of(net: Net, kind: type[E], name: str) -> list[E]:
    """What was said of this kind about a provider."""
    events = [said.event for said in net.chronicle.said if isinstance(said.event, kind)]
    return [event for event in events if event.provider == net.party(name).id]  # type: ignore[attr-defined]


def account_of(net: Net, name: str) -> Account:
    """A party's account, made again from all that is public."""
    accounts = Replay.of(said.event for said in net.chronicle.said).accounts()
    return accounts[net.party(name).key.address]


def test_a_name_for_each_segment_has_each_drawn_and_pays_a_stake_for_each(net: Net, tried: dict[str, Tried]) -> None:
    job = tried[SYBILS[0]].job
    assert [(lease.segments, lease.paid) for lease in job.leases] == [(1, 0)] * len(SYBILS)
    assert {lease.provider for lease in job.leases} == {net.party(name).id for name in SYBILS}
    epochs = [epoch for name in SYBILS for epoch in said_of(net, EpochDrawn, name)]
    drawn = {(place.lease_id, place.segment) for epoch in epochs for place in epoch.drawn}
    assert len(epochs) == len(SYBILS) and drawn == {(lease.lease_id, at) for at, lease in enumerate(job.leases)}
    alone = tried["makes-up-all"].before.stake - tried["makes-up-all"].after.stake
    assert [tried[name].before.stake - tried[name].after.stake for name in SYBILS] == [alone] * len(SYBILS)
    assert max(account_of(net, name).reputation for name in SYBILS) <= reputation_of(0, 1)


async def test_a_newcomer_that_cheats_and_leaves_is_slashed_in_what_is_on_its_way_out(
    net: Net, tried: dict[str, Tried], farm: Path
) -> None:
    before, party, chain = tried["exits"].before, net.party("exits"), net.devnet.chain
    told = json.loads(note_of(farm, party.id).read_text())
    assert told == {"asked": before.stake, "withdrawn": Reverted.code}
    (epoch,) = said_of(net, EpochCommitted, "exits")
    assert epoch.number == 1
    (slashed,) = said_of(net, LeaseSlashed, "exits")
    assert await chain.stake_of(party.key.address) == 0
    assert await chain.unbonding_of(party.key.address) == before.stake - slashed.amount
    assert 2 * slashed.amount == before.stake


async def test_who_says_another_root_for_its_epoch_is_heard_neither_at_the_door_nor_by_the_chain(
    net: Net, tried: dict[str, Tried], farm: Path
) -> None:
    party, has = net.party("two-roots"), tried["two-roots"]
    assert json.loads(note_of(farm, party.id).read_text()) == {"anchored": Reverted.code}
    async with Assay.connect(net.devnet.profile("two-roots")) as sender:
        refused = {(row["event_type"], row["code"]) for row in (await sender.door.ask("refusals", {}))["refusals"]}
    assert ("epoch.committed", "event.unknown") in refused
    (committed,), (anchored,) = said_of(net, EpochCommitted, "two-roots"), said_of(net, EpochAnchored, "two-roots")
    held = (await net.devnet.chain.root_of(party.key.address, 1)).hex()
    assert held == committed.root == anchored.root != OWN_ROOT.hex()
    assert has.after.stake == has.before.stake


def test_who_says_that_anothers_connection_was_closed_is_heard_by_nobody_and_hears_of_none(
    net: Net, tried: dict[str, Tried], farm: Path
) -> None:
    told = json.loads(note_of(farm, net.party("closes-lines").id).read_text())
    assert told == {"spoken": told["spoken"], "refused": told["spoken"], "heard": 0}
    assert told["spoken"] > 2 * len(TERMS)
    # Many others had leases in hand meanwhile.
    lapsed = {name for name, each in tried.items() if "lease.lapsed" in net.story(each.job.leases[0].lease_id)}
    assert lapsed <= set(LEAVING)


@pytest.mark.parametrize("name", PAID)
def test_true_work_is_paid_and_nothing_above_it(tried: dict[str, Tried], name: str) -> None:
    job, before, after = tried[name].job, tried[name].before, tried[name].after
    cost = SEGMENTS * SEGMENT_PRICE
    assert (job.state, job.paid, after.stake) == ("settled", cost - cost // FEE_PART, before.stake)
    assert after.stable - before.stable == job.paid


def test_who_buys_its_own_true_work_loses_fee_and_audits_for_a_record_of_one_lease(
    net: Net, tried: dict[str, Tried]
) -> None:
    job = tried["buys-its-own"].job
    (settled,) = (said.event for said in net.chronicle.of(job.job_id) if isinstance(said.event, JobSettled))
    gone = job.price_limit - job.refunded - job.paid
    assert gone == settled.fee + job.audited and min(settled.fee, job.audited) > 0
    assert account_of(net, "buys-its-own").reputation == reputation_of(1, 0)


async def test_who_buys_its_own_lies_loses_stake_and_record_and_has_no_more_back_than_is_refunded(
    net: Net, tried: dict[str, Tried]
) -> None:
    lies = tried["buys-its-lies"]
    assert lies.after.stable == lies.before.stable and lies.after.stake < lies.before.stake
    assert account_of(net, "buys-its-lies").reputation == reputation_of(0, 1) < NEWCOMER
    # What its lies had others do is paid by the buyer, whom no fund for victims gives any of it back.
    spent = sum(tried[name].job.price_limit - tried[name].job.refunded for name in ("buys-its-own", "buys-its-lies"))
    assert await net.balances(BUYER) == 2 * DEPOSIT - spent


async def test_who_claims_to_have_run_what_fails_everywhere_is_neither_paid_nor_slashed(
    net: Net, tried: dict[str, Tried]
) -> None:
    if "command" not in offerable():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")
    name = UNTRIED
    before, params = await holdings(net, name), {"command": ["sh", "-c", "exit 3"], "segments": 1, "time_s": TIME_S}
    job_id = await net.order("command", params, (REGIONS[name],), price_limit=4 * TIME_S * 1_000 * PRICE // 1_000_000)
    job = await net.ended(job_id, WITHIN_S)
    assert (job.state, job.committed, job.paid, job.audited) == ("refunded", 1, 0, 0)
    said = [each.event for each in net.chronicle.of(job_id)]
    assert [event.code for event in said if isinstance(event, LeaseRejected)] == [UNPROVEN]
    assert list(job.epochs[0].unproven) == ["command.failed"]
    assert await holdings(net, name) == before and job.refunded == job.price_limit
    account = account_of(net, name)
    assert (account.rejected, account.dropped) == (0, 1) and account.reputation < NEWCOMER


async def test_who_falsifies_its_update_of_private_data_is_paid_and_outvoted(
    net: Net, farm: Path, tmp_path: Path
) -> None:
    before, holders = await holdings(net, FALSE_MEMBER), (STEADY, SECOND, FALSE_MEMBER)
    await hold(net, DATA, OPEN, holders)
    terms = {"rounds": 1, "round_s": int(WITHIN_S), "price": PRICE, "regions": (REGION[STEADY], REGION[SECOND])}
    model = {"layers": [4, 2], "weighting": "equal"}
    plan = Plan(data=DATA, **terms, model=model, member={"steps": 3}, step={"rule": "median"})
    with Journal[AnyFact](tmp_path, FACT) as journal:
        journal.write(plan)
        keeper = Keeper(net.assay, journal, now_ms, lambda said: None)
        await keeper.enlist()
        run = await asyncio.wait_for(keeper.keep(), WITHIN_S)
        (closed,) = (fact for fact in journal.read() if isinstance(fact, Closed))
    params: Any = read_params("federated-step", {**model, "updates": list(closed.results.values())})
    ways = {net.name_of(run.members[n].provider): await way_of(net, params, d) for n, d in closed.results.items()}
    assert set(ways) == set(holders)
    # It went as far as it may, the other way; what all come to lies between what the honest said.
    false, honest = ways.pop(FALSE_MEMBER), np.stack(list(ways.values()))
    assert np.linalg.norm(false) == pytest.approx(params.clip, rel=1e-3) and (honest @ false < 0).all()
    stepped = load(await net.assay.read(str(run.state)))["weights"]
    way = stepped - perceptron.begin(params.layers, params.start_seed)
    assert (way >= honest.min(axis=0) - 1e-4).all() and (way <= honest.max(axis=0) + 1e-4).all()
    orders = {net.name_of(run.members[o.member].provider): o.job_id for o in run.orders if o.member is not None}
    job = await net.ended(orders[FALSE_MEMBER])
    after = await holdings(net, FALSE_MEMBER)
    assert job.state == "settled" and after.stable - before.stable == job.paid > 0 and after.stake == before.stake


async def way_of(net: Net, params: Any, digest: str) -> Any:
    """The update that a member's job left, as a way of the weights."""
    return numbers.to_floats(params, forms.read_update(await net.assay.read(digest))[1])[0]


async def test_a_requester_that_sends_the_sealed_result_along_as_an_input_has_nobody_found_false(net: Net) -> None:
    if "command" not in offerable():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")
    before, key = await holdings(net, STEADY), secrets.token_bytes(KEY_BYTES)
    await hand_in(net.assay.door.ask, name_of(key), key, ())
    params: dict[str, Any] = {"command": ["sh", "-c", "printf foreseen"], "segments": 1, "time_s": TIME_S}
    read = CommandParams.model_validate(params)
    foreseen = await net.assay.upload(seal_job(key, tar_of(read, start_of(read).close((b"foreseen",)))))
    needs, policy = Requirements(regions=(REGION[STEADY],)), Policy(audit_segments=1)
    spec = await net.assay.spec(
        "command", params | {"inputs": {"foreseen": foreseen}}, requirements=needs, policy=policy
    )
    limit = 4 * TIME_S * 1_000 * PRICE // 1_000_000
    job_id = await net.assay.submit_spec(spec.model_copy(update={"seal": name_of(key)}), limit)
    job = await net.ended(job_id, WITHIN_S)
    assert (job.state, job.result) == ("settled", foreseen) and foreseen in spec.inputs
    paid = [each for each in said_of(net, LeasePaid, STEADY) if each.job_id == job_id]
    assert sum(each.amount for each in paid) == job.paid > 0
    assert (await holdings(net, STEADY)).stake == before.stake
