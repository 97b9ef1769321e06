"""The keeper of a federation at a market that is played: who drops out of which act, and a keeper ended anywhere."""

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from libs.client.tests.played_market import Ended, PlayedMarket

from assay.client.federation import Keeper, Plan, keeper
from assay.client.federation.course import Run
from assay.client.federation.facts import FACT, AnyFact, Closed, Ordered, Stepped, Voided
from assay.client.federation.keeper import is_orphaned
from assay.client.rounds.journal import Journal
from assay.client.view import JobView, LeaseView
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused
from assay.schema.job import JobSpec

HOLDERS = {blob_digest(bytes([n])): n for n in range(4)}
PLAN = Plan(
    data="toy",
    rounds=2,
    round_s=10,
    price=10**6,
    secure=True,
    model={"layers": [2, 2]},
    member={},
    step={"rule": "mean"},
)


class Ground(PlayedMarket):
    """Four holders of a data set, whose jobs are executed when they are looked at; `fates` by act, turn and holder."""

    units, price_limit, tick_ms = 10, 11, 100

    def __init__(self, fates: Mapping[tuple[str, int, int | None], str] | None = None) -> None:
        super().__init__()
        self.fates = dict(fates or {})

    async def network(self) -> dict[str, Any]:
        held = [{"name": "toy", "commitment": data, "identity": data} for data in HOLDERS]
        offers = [
            {"state": "listed", "provider": "p" + "a" * 31 + "abcd"[HOLDERS[h["commitment"]]], "data": [h]}
            for h in held
        ]
        return {"providers": [*offers, {"state": "delisted", "provider": "p" + "b" * 32, "data": held}]}

    async def job(self, job_id: str) -> JobView:
        self.tick()
        if job_id not in self.jobs:
            raise Refused("job.unknown", "There is no such job.")
        spec = self.jobs[job_id]
        part, turn, holder = place_of(spec)
        fate = self.fates.get((part, turn, holder), "verified")
        leases = [LeaseView(lease_id="l", provider="p", fence=1, state="lapsed")] if fate == "funded" else []
        names = {
            "requester": "r",
            "kind": spec.kind,
            "price_limit": 11,
            "segments": 1,
            "submitted_ms": 0,
            "deadline_ms": 0,
        }
        result = blob_digest(job_id.encode())
        self.under[result] = spec.seal
        return JobView(job_id=job_id, state=fate, result=result, leases=leases, **names)

    async def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    async def read(self, digest: str, seal: str | None = None) -> bytes:
        if self.is_garbled(digest, seal):
            return b""
        head = json.dumps({"__metadata__": {"assay": json.dumps({"counted": ["a", "b", "c"], "loss": 0.5})}}).encode()
        return len(head).to_bytes(8, "little") + head


def place_of(spec: JobSpec) -> tuple[str, int, int | None]:
    """The act that a job is, its turn, and the holder whose it is."""
    if spec.kind == "federated-step":
        masked: Any = spec.params.get("masked", {"turn": 0})
        return "step", masked["turn"], None
    return spec.params["act"], spec.params["seed"], HOLDERS[spec.requirements.data or ""]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr(keeper, "POLL_S", 0)


async def keep(ground: Ground, folder: Path, plan: Plan | None = None) -> tuple[Run, list[AnyFact]]:
    """The run at its end, and its journal."""
    with Journal[AnyFact](folder, FACT) as journal:
        if plan:
            journal.write(plan)
        kept = Keeper(ground, journal, ground.now_ms, lambda said: None)
        await kept.enlist()
        return await kept.keep(), journal.read()


@pytest.mark.parametrize(
    ("waiting", "lost"),
    [
        ({"data.elsewhere": 3}, True),
        ({"data.elsewhere": 3, "offers.none": 1}, True),
        ({"data.elsewhere": 3, "price.above": 1}, False),
        ({}, False),
    ],
)
def test_a_job_is_orphaned_before_it_has_a_lease_once_none_who_is_there_holds_its_data(
    waiting: dict[str, int], lost: bool
) -> None:
    names = {"requester": "r", "kind": "k", "price_limit": 1, "segments": 1, "submitted_ms": 0, "deadline_ms": 0}
    view = JobView(job_id="j", state="funded", waiting=waiting, **names)
    assert is_orphaned(view) is lost and not is_orphaned(view.model_copy(update={"state": "running"}))


async def test_a_sum_is_opened_without_who_drops_out_of_an_act_and_with_nobody_asked_beyond(tmp_path: Path) -> None:
    fates: dict[tuple[str, int, int | None], str] = {
        ("update", 0, 1): "funded",
        ("update", 1, 2): "running",
        ("unmask", 1, 3): "failed",
    }
    ground = Ground(fates)
    # Of the second turn a member is late, another does not help to unmask: two are too few of a threshold of three.
    run, said = await keep(ground, tmp_path, PLAN)
    member = {HOLDERS[each.data]: number for number, each in run.members.items()}
    closed = [(fact.act, fact.turn, set(fact.results)) for fact in said if isinstance(fact, Closed)]
    updates = [(turn, results) for act, turn, results in closed if act == "update"]
    everybody = set(member.values())
    assert updates == [(0, everybody - {member[1]}), (1, everybody - {member[2]}), (2, everybody)]
    assert (
        [fact.turn for fact in said if isinstance(fact, Voided)] == [1]
        and run.round == 2
        and len(ground.cancelled) == 2
    )
    steps = [spec.params for spec in ground.jobs.values() if spec.kind == "federated-step"]
    assert [step["masked"]["turn"] for step in steps] == [0, 2] and "model" not in steps[0]  # type: ignore[call-overload]
    assert steps[1]["model"] == next(fact.state for fact in said if isinstance(fact, Stepped))
    asked = [spec.params for spec in ground.jobs.values() if spec.params.get("act") == "unmask"]
    assert {len(params["survivors"]) for params in asked} == {3, 4}
    assert {len(params["dealers"]) for params in asked} == {4}


async def test_a_keeper_that_is_ended_anywhere_goes_on_and_orders_nothing_twice(tmp_path: Path) -> None:
    whole, _ = await keep(Ground(), tmp_path / "whole", PLAN)
    for ends_at in count(1, 7):
        ground, left = Ground(), iter(range(ends_at))

        def tick(left: Any = left) -> None:
            if next(left, None) is None:
                raise Ended

        ground.tick = tick
        try:
            await keep(ground, tmp_path / str(ends_at), PLAN)
            break
        except Ended:
            ground.tick = lambda: None
        run, said = await keep(ground, tmp_path / str(ends_at))
        ordered = [fact.job_id for fact in said if isinstance(fact, Ordered)]
        assert len(ordered) == len(set(ordered)) == len(whole.orders) and set(ordered) == set(ground.jobs)
        assert run.round == 2


@pytest.mark.parametrize(("told", "secure"), [(None, True), (True, True), (True, False), (False, True)])
async def test_a_federation_is_sealed_if_told_and_opens_what_its_jobs_made(
    told: bool | None, secure: bool, tmp_path: Path
) -> None:
    ground = Ground()
    run, _ = await keep(ground, tmp_path, PLAN.model_copy(update={"seal": told, "secure": secure}))
    assert run.round == 2 and list(ground.seals.values()) == [()] * bool(told)
    for spec in ground.jobs.values():
        assert spec.seal == next(iter(ground.seals), None)
        assert spec.made == (spec.inputs if told else ())
    assert any(spec.made for spec in ground.jobs.values()) is bool(told)


@pytest.mark.parametrize("seal", [False, True])
async def test_a_state_that_says_nothing_is_made_anew_and_after_three_the_turn_is_void(
    seal: bool, tmp_path: Path
) -> None:
    ground = Ground()
    ground.garbled = 4
    run, facts = await keep(ground, tmp_path, PLAN.model_copy(update={"seal": seal}))
    assert run.round == 2 and len([fact for fact in facts if isinstance(fact, Voided)]) == 1
    assert sum(order.part == "step" for order in run.orders) == 3 + 2 + 1


async def test_a_federation_that_comes_to_nothing_three_times_is_given_up(tmp_path: Path) -> None:
    lost = {("keys", turn, holder): "failed" for turn in range(3) for holder in (0, 1)}
    with pytest.raises(Refused, match="3 times"):
        await keep(Ground(lost), tmp_path, PLAN)


def test_a_rule_that_looks_at_single_updates_is_refused_where_only_their_sum_is_seen() -> None:
    with pytest.raises(Refused, match="nobody sees any"):
        Plan(**{**PLAN.model_dump(), "step": {"rule": "krum"}})
