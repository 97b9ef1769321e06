"""Federated learning over real providers: one drops out between dealing its shares and sending its update."""

import asyncio
import signal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from tests.network import MORTAL, PRICE, REGION, SECOND, STEADY, Net
from tests.scenarios.holders import hold

from assay.client.federation.facts import FACT, AnyFact, Closed, Plan, Stepped
from assay.client.federation.keeper import Keeper
from assay.client.rounds.facts import Missed
from assay.client.rounds.journal import Journal
from assay.client.sdk import now_ms
from assay.client.view import JobView
from assay.proof.report import verify

pytestmark = [pytest.mark.server, pytest.mark.slow]

MODEL = {"layers": [4, 2], "weighting": "equal", "privacy": {"noise": 2.0}}


async def test_a_secure_sum_survives_a_member_who_dies_after_dealing_its_shares(net: Net, tmp_path: Path) -> None:
    await hold(net, "toy")

    def tell(said: AnyFact | JobView) -> None:
        if isinstance(said, Closed) and said.act == "shares":
            net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)

    terms = {"rounds": 1, "round_s": 200, "price": PRICE, "regions": (REGION[STEADY], REGION[SECOND])}
    plan = Plan(data="toy", secure=True, **terms, model=MODEL, member={"steps": 3}, step={})
    with Journal[AnyFact](tmp_path, FACT) as journal:
        journal.write(plan)
        keeper = Keeper(net.assay, journal, now_ms, tell)
        await keeper.enlist()
        run = await asyncio.wait_for(keeper.keep(), 280)
        said = journal.read()
    await net.revive(MORTAL)
    gone = next(n for n, member in run.members.items() if member.provider == net.party(MORTAL).id)
    closed = {fact.act: set(fact.results) for fact in said if isinstance(fact, Closed)}
    assert closed["shares"] == {0, 1, 2} and closed["update"] == closed["unmask"] == {0, 1, 2} - {gone}
    assert [fact.reason for fact in said if isinstance(fact, Missed)] == ["its provider is gone"]
    outcome = next(fact for fact in said if isinstance(fact, Stepped)).said
    assert outcome["secure"] and outcome["weight"] == pytest.approx(2) and 0 < outcome["epsilon"] < 50
    assert run.state is not None and np.abs(load(await net.assay.read(run.state))["weights"]).max() > 0
    kept = next(order for order in run.orders if order.part == "update" and order.member != gone)
    assert (await net.ended(kept.job_id)).paid > 0
    receipt = (await net.assay.receipt(kept.job_id, tmp_path / "receipt.json")).read_text()
    privacy = [check.sentence for check in verify(receipt).checks if check.name.endswith("privacy")]
    assert verify(receipt).passed and [f"ε = {outcome['epsilon']:.3f}" in each for each in privacy] == [True]
