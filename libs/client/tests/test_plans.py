"""What is said of a proof before money moves: `assay audit plan` anywhere, `assay plan` at the door of a network."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from libs.client.tests.measured_jobs import Door, ran
from typer.testing import CliRunner

from assay.chain import wallet
from assay.chain.memory import MemoryChain
from assay.client.cli import app
from assay.client.commands import stakes
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.proof.digest import blob_digest
from assay.proof.keys import Key
from assay.schema.values import Role, participant_id

KEY = Key.from_hex("55" * 32)
OFFERS = [
    {"state": "listed", "kinds": ["finetune"], "price": 4_000_000},
    {"state": "listed", "kinds": ["finetune", "noop"], "price": 3_000_000},
    {"state": "delisted", "kinds": ["finetune"], "price": 1},
    {"state": "listed", "kinds": ["noop"], "price": 2},
]


PROFILE = Profile(nats_url="nats://nowhere", creds_file=Path("none"), deployment_file=Path("none"))
PROVIDER = participant_id(Role.PROVIDER, KEY.address)
TOKEN = 10**18


class Network:
    """What a network answers; `asked` is what it was asked."""

    def __init__(self, offers: list[dict[str, Any]]) -> None:
        self.offers, self.asked, self.door = offers, {}, Door()
        self.requirements: dict[str, int] = {}
        self.verifiers: list[dict[str, Any]] = []

    async def plan(self, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked = params
        return {"segments": 8, "segment_units": 1000, "inputs": [], "requirements": self.requirements}

    async def network(self) -> dict[str, Any]:
        return {"providers": self.offers, "verifiers": self.verifiers}


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    answering = Network(OFFERS)

    @asynccontextmanager
    async def connect(profile: Profile) -> AsyncIterator[Network]:
        yield answering

    monkeypatch.setattr(Assay, "connect", connect)
    monkeypatch.setattr(Profile, "find", lambda path: PROFILE)
    return answering


def said(*words: str, code: int = 0) -> dict[str, Any]:
    """What a command says to scripts."""
    ended = CliRunner().invoke(app, ["--json", *words])
    assert ended.exit_code == code, ended.output
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_plan_says_how_long_an_epoch_stays_open_for_its_proof_to_be_cheap() -> None:
    waits = said("audit", "plan", "--units", "1000", "--hourly", "3600")
    assert waits["open_s"] == next(r["amount"] for r in waits["remedies"] if r["name"] == "pool") > 9_000
    assert said("audit", "plan", "--units", "20000", "--hourly", "3600")["open_s"] == 20_000
    assert "open_s" not in said("audit", "plan", "--units", "1000")
    words = CliRunner().invoke(app, ["audit", "plan", "--units", "1000", "--hourly", "3600"]).output
    assert "after 2.7 h" in " ".join(words.split())


def test_the_proof_of_an_epoch_is_planned_without_any_network() -> None:
    found = said("audit", "plan", "--units", "20000", "--falsified", "0.05", "--detection", "0.99")
    assert (found["tier"], found["k"], found["settled"]) == ("class_replay", 90, True)
    assert found["detection_ppm"]["50000"] >= 990_000
    assert found["gain_bound"] < 0 and found["margin_bound"] <= 0
    assert found["cost_share_ppm"] == sum(found["cost_ppm"].values()) <= 5_000


def test_an_epoch_that_is_too_small_says_how_large_it_must_be() -> None:
    found = said("audit", "plan", "--units", "100", "--stake", "0")
    assert not found["settled"]
    assert {remedy["name"] for remedy in found["remedies"]} == {"pool", "lengthen", "self_pay", "stake"}


def test_work_that_nobody_may_see_is_refused_with_every_reason() -> None:
    found = said("audit", "plan", "--units", "100", "--confidentiality", "sealed", code=1)
    assert found["error"] == "policy.no_tier"
    assert "class_replay" in found["detail"]


def test_a_job_is_priced_with_its_proof(network: Network, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("some text")
    found = said("plan", "--kind", "finetune", "--input", f"data={tmp_path / 'text'}", "--poisoned", "1")
    assert network.asked == {"data": blob_digest(b"some text")}
    assert (found["segments"], found["price"]) == (8, 24_000)
    assert found["proof_of_job"] == -(-24_000 * found["pool"]["cost_share_ppm"] // 10**6)
    assert found["cost_share_ppm_by_pool"]["8"] > 500_000 > 5_000 > found["cost_share_ppm_by_pool"]["20000"]
    assert found["premium"]["samples"] == 8


def test_a_plan_is_cut_and_priced_by_what_the_last_job_alike_measured(network: Network) -> None:
    words = ("plan", "--kind", "finetune", "-p", "steps=1000", "-p", "batch=2", "-p", f"model={'a' * 64}")
    network.door = Door(ran([0.01]))
    found = said(*words)
    assert network.asked["segment_steps"] == found["segment_steps"] == 10
    assert found["pool"]["cost_ppm"]["commitments"] == found["commit_share_ppm"] == 4_041
    assert "10 steps a segment" in CliRunner().invoke(app, words).output
    network.door = Door()
    assert said(*words)["commit_share_ppm"] is None


def test_extra_answers_are_quoted_at_what_their_method_costs(network: Network) -> None:
    words = ("plan", "--kind", "finetune", "--audit-segments", "8", "--poisoned", "1")
    whole, traced = said(*words), said(*words, "--method", "trace")
    assert (whole["ordered"]["expected"], whole["premium"]["price"]) == (24_000, 24_000)
    assert (traced["ordered"]["expected"], traced["ordered"]["held"], traced["premium"]["price"]) == (3_600,) * 3
    assert traced["ordered"]["price_limit"] == 24_000 + 3_600


def test_a_plan_says_who_takes_what_a_job_brings_and_what_the_cheapest_of_them_costs(network: Network) -> None:
    words = ("plan", "--kind", "finetune")
    nobody = {"verifiers": 0, "checking": 0, "checking_needed": 0}
    assert said(*words)["needs"] == {"memory_bytes": 0, "input_bytes": 0, "offers": 2, "taking": 2} | nobody
    takes = [{"memory_bytes": 2**33, "input_bytes": 2**35}, {"memory_bytes": 2**33, "input_bytes": 2**30}, {}, {}]
    network.offers = [offer | each for offer, each in zip(OFFERS, takes, strict=True)]
    network.requirements = {"memory_bytes": 2**32, "input_bytes": 2**34}
    found = said(*words)
    assert found["needs"] == network.requirements | {"offers": 2, "taking": 1} | nobody and found["price"] == 32_000
    assert "1 of 2: 4.0 GiB of memory, 16.0 GiB of inputs" in CliRunner().invoke(app, words).output
    network.requirements = {"memory_bytes": 2**34, "input_bytes": 0}
    assert said(*words)["price"] is None


def verifier(number: int, **changes: Any) -> dict[str, Any]:
    said = {"verifier": f"v{number}", "state": "announced", "kinds": ["finetune"], "egress": False}
    return said | {"memory_bytes": 2**32, "input_bytes": 2**50} | changes


def test_a_plan_says_whether_enough_verifiers_can_check_the_job_before_it_is_refused(network: Network) -> None:
    words = ("plan", "--kind", "finetune")
    others = [verifier(7, state="unbonded"), verifier(8, kinds=["noop"])]
    network.verifiers = [*(verifier(number) for number in range(4)), verifier(4, memory_bytes=2**40), *others]
    network.requirements = {"memory_bytes": 2**32}
    found = said(*words)["needs"]
    assert (found["verifiers"], found["checking"], found["checking_needed"]) == (5, 5, 3)
    assert "5 of 5" in CliRunner().invoke(app, words).output
    network.requirements = {"memory_bytes": 2**32 + 1}
    found = said(*words)["needs"]
    assert (found["verifiers"], found["checking"], found["checking_needed"]) == (5, 1, 3)
    assert "job.unverifiable" in CliRunner().invoke(app, words).output.replace("\n", "")
    # Of what reaches hosts only those count that let it.
    assert said(*words, "-p", 'egress=["example.org"]')["needs"]["verifiers"] == 0


def test_a_job_that_nobody_offers_to_run_has_a_plan_and_no_price(network: Network) -> None:
    network.offers = OFFERS[3:]
    assert said("plan", "--kind", "finetune")["price"] is None


def test_the_plan_of_a_job_says_whether_the_machine_it_would_run_on_is_attested(network: Network) -> None:
    found = {"report": "e" * 64, "code": None}

    def planned(attestation: dict[str, Any] | None) -> tuple[str | None, int]:
        network.offers = [{**OFFERS[1], "attestation": attestation}, {**OFFERS[0], "attestation": found}]
        told = said("plan", "--kind", "finetune")
        return told["attestation"], told["pool"]["k"]

    without, refused = planned(None), planned({**found, "code": "attestation.untrusted"})
    assert without == refused == (None, 90)
    assert planned(found) == ("e" * 64, 45)


@pytest.mark.parametrize("words", [["audit", "plan", "--units", "50"], ["plan", "--kind", "finetune"]])
def test_people_get_tables(network: Network, words: list[str]) -> None:
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 0, ended.output
    assert "cost share" in ended.output and "class_replay" in ended.output


@pytest.fixture
async def staked(network: Network, monkeypatch: pytest.MonkeyPatch) -> MemoryChain:
    """The chain of the profile, on which the only provider has ten tokens of stake."""
    chain = MemoryChain(*[KEY.address] * 3)
    await wallet.mint_native(chain, KEY, KEY.address, 10 * TOKEN)
    await wallet.stake(chain, KEY, 10 * TOKEN)

    @asynccontextmanager
    async def reached(out: object) -> AsyncIterator[MemoryChain]:
        yield chain

    monkeypatch.setattr(stakes, "reached", reached)
    monkeypatch.setattr(Profile, "find", lambda path: PROFILE.model_copy(update={"evm_url": "http://node"}))
    network.offers = [{**OFFERS[1], "provider": PROVIDER}]
    return chain


async def test_plans_state_what_stands_behind_the_provider_and_what_of_it_counts(staked: MemoryChain) -> None:
    block = (await staked.block()).number
    behind = {"block": block, "own": 10 * TOKEN, "backing": 0, "locked": 0, "rate_ppm": 500_000, "price": 2 * 10**18}
    whole = behind | {"pledged": 5 * TOKEN, "worth": 4 * 10**6}
    price = ("--native-price", "2000000")
    planned = await asyncio.to_thread(said, "plan", "--kind", "finetune", *price)
    audited = await asyncio.to_thread(said, "audit", "plan", "--units", "20000", "--stake-of", PROVIDER, *price)
    assert planned["stake_behind"] == audited["stake_behind"] == whole
    assert planned["pool"]["stake_at_risk"] == audited["stake_at_risk"] == 4 * 10**6


async def test_stake_that_nothing_prices_is_planned_as_none(staked: MemoryChain) -> None:
    planned = await asyncio.to_thread(said, "plan", "--kind", "finetune")
    assert planned["stake_behind"] is None and planned["pool"]["stake_at_risk"] == 0
    assert not planned["pool"]["deters"], "held pay alone leaves no margin"
