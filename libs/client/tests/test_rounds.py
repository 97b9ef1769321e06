"""The keeper of rounds at a market that is played: who is slow, false or lost, and a keeper that is ended anywhere."""

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libs.client.tests.played_market import Ended, PlayedMarket

from assay.client.rounds import Journal, Keeper, Plan, keeper
from assay.client.rounds.course import STORY, Run
from assay.client.rounds.facts import Joined, Left
from assay.client.rounds.shards import cut
from assay.client.view import JobView
from assay.proof.digest import blob_digest
from assay.schema.errors import BadSettings, Refused, Unreachable
from assay.schema.job import JobSpec

MODEL = "a" * 64


class Market(PlayedMarket):
    """Jobs that are executed when they are looked at; `fates` says what becomes of others by round and member.

    What those of `forged` name as their result was not made by them.
    """

    units, price_limit, tick_ms = 10**6, 21, 1_000

    def __init__(self, fates: Mapping[tuple[int, int], str] | None = None) -> None:
        super().__init__()
        self.fates, self.blobs = dict(fates or {}), dict[str, bytes]()
        self.forged = dict[tuple[int, int], str]()
        self.says = b"{}"

    def put(self, data: bytes) -> str:
        self.blobs[blob_digest(data)] = data
        return blob_digest(data)

    async def job(self, job_id: str) -> JobView:
        self.tick()
        if job_id not in self.jobs:
            raise Refused("job.unknown")
        spec = self.jobs[job_id]
        place = (spec.params.get("round", -1), spec.params.get("seed", -1))
        state = self.fates.get(place, "verified")
        if state == "away":
            self.fates[place] = "verified"
            raise Unreachable("The door is away.")
        base = {"job_id": job_id, "requester": "r", "kind": spec.kind, "price_limit": 0, "segments": 1}
        result = self.put(self.made(spec)) if state in ("verified", "executed") else None
        result = self.forged.get(place, result)
        self.under |= {result: spec.seal} if result else {}
        return JobView(**base, submitted_ms=0, deadline_ms=0, state=state, result=result)

    def made(self, spec: JobSpec) -> bytes:
        if spec.kind == "diloco" or spec.params["makes"] != "outcome":
            return json.dumps([spec.kind, spec.params], sort_keys=True).encode()
        results = spec.params["results"]
        scores = dict.fromkeys(results, 500_000)
        return json.dumps({"counted": results, "refused": {}, "scores_ppm": scores, "state": MODEL}).encode()

    async def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)
        raise Refused("job.over")

    async def read(self, digest: str, seal: str | None = None) -> bytes:
        if self.is_garbled(digest, seal):
            return self.says
        return self.blobs[digest]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "POLL_S", 0)


def begin(folder: Path, members: int = 3, **terms: Any) -> None:
    """Write the journal of a run that is about to start."""
    course, member = {"model": MODEL, "rule": "median"}, {"inner_steps": 5, "feedback": terms.pop("feedback", False)}
    with Journal(folder) as journal:
        journal.write(Plan(**{"rounds": 2, "round_s": 60, "price": 20} | terms, course=course, member=member))
        for number in range(members):
            journal.write(Joined(member=number, data=f"{number:064x}"))


async def keep(folder: Path, market: Market) -> Run:
    """The run after its keeper has come to the end."""
    with Journal(folder) as journal:
        return await Keeper(market, journal, market.now_ms, lambda said: None).keep()


def params_of(market: Market, kind: str, **has: Any) -> list[dict[str, Any]]:
    """The parameters of the jobs that were submitted."""
    found = [spec.params for spec in market.jobs.values() if spec.kind == kind]
    return [params for params in found if all(params.get(name) == value for name, value in has.items())]


async def test_rounds_follow_one_another_and_each_builds_on_those_before(tmp_path: Path) -> None:
    begin(tmp_path)
    market = Market({(0, 1): "away"})
    run = await keep(tmp_path, market)
    assert (run.round, len(market.jobs)) == (2, 2 * 3 + 2 + 1)
    assert [len(run.history[number]) for number in (0, 1)] == [3, 3]
    for later in params_of(market, "diloco", round=1):
        assert later["history"] == [list(run.history[0])]
    (model,) = params_of(market, "diloco-outer", makes="model")
    assert model["history"] == [list(results) for results in run.history]
    assert run.result is not None and json.loads(market.blobs[run.result])[1] == model
    assert run.scores == {member: (500_000, 500_000) for member in range(3)}


@pytest.mark.parametrize("fate", ["running", "rejected", "failed", "refunded", "executed"])
async def test_the_rest_goes_on_without_a_member(fate: str, tmp_path: Path) -> None:
    begin(tmp_path)
    market = Market({(0, 1): fate})
    run = await keep(tmp_path, market)
    assert [len(results) for results in run.history] == [2, 3]
    (missed,) = [order for order in run.orders if order.missed]
    assert (missed.round, missed.member) == (0, 1)
    assert market.cancelled == ([missed.job_id] if fate == "running" else [])


@pytest.mark.parametrize("early", [False, True])
async def test_a_result_counts_once_it_is_proven_or_early_if_so_ordered(early: bool, tmp_path: Path) -> None:
    begin(tmp_path, early=early)
    market = Market({(1, 2): "executed"})
    looked = count()

    def reject() -> None:
        if next(looked) > 400:
            market.fates[1, 2] = "rejected"

    market.tick = reject
    run = await keep(tmp_path, market)
    assert len(run.history[1]) == (3 if early else 2)


async def test_a_round_without_a_quorum_is_held_again_and_in_the_end_given_up(tmp_path: Path) -> None:
    begin(tmp_path, quorum=2)
    market = Market({(0, 0): "failed", (0, 1): "failed"})
    with pytest.raises(Refused) as refused:
        await keep(tmp_path, market)
    assert refused.value.code == "round.void" and len(params_of(market, "diloco", round=0)) == 9
    with Journal(tmp_path) as journal:
        journal.write(Left(member=0))
        journal.write(Joined(member=3, data="3" * 64))
        again = STORY.fold(journal.read())
    assert tuple(again.members) == (1, 2, 3) and again.voids == 3


async def test_keyframes_keep_the_past_short(tmp_path: Path) -> None:
    begin(tmp_path, members=20, rounds=7)
    market = Market()
    run = await keep(tmp_path, market)
    assert run.round == 7 and run.keyframe is not None
    for spec in market.jobs.values():
        past = sum(map(len, spec.params["history"])) + ("keyframe" in spec.params)
        assert past + len(spec.params.get("results", [])) <= 60


async def test_what_a_member_carries_is_its_own_last_result(tmp_path: Path) -> None:
    begin(tmp_path, members=2, feedback=True, rounds=3)
    market = Market({(1, 0): "failed"})
    run = await keep(tmp_path, market)
    carried = {(each["round"], each["seed"]): each.get("carried") for each in params_of(market, "diloco")}
    assert carried[0, 0] is None and carried[1, 0] == carried[2, 0] in run.history[0]
    assert carried[2, 1] in run.history[1]


async def test_a_keeper_that_is_ended_anywhere_goes_on_and_orders_nothing_twice(tmp_path: Path) -> None:
    market, ends = Market({(0, 1): "running", (1, 0): "failed"}), 0
    begin(tmp_path, seal=True)
    while True:
        left = iter(range(ends % 7 + 2))

        def end(left: Any = left) -> None:
            if next(left, None) is None:
                raise Ended

        market.tick = end
        try:
            run = await keep(tmp_path, market)
            break
        except Ended:
            ends += 1
            # What came after the last line that was on disk is lost, too.
            with (tmp_path / "rounds.jsonl").open("ab") as file:
                file.write(b'{"fact": "clo')
    assert ends > 3 and len(market.jobs) == 2 * 3 + 2 + 1
    assert run.sealed and {spec.seal for spec in market.jobs.values()} == {run.sealed.seal}
    assert [len(results) for results in run.history] == [2, 2]


@pytest.mark.parametrize(
    ("told", "hidden", "is_sealed"),
    [(None, (), False), (None, (1,), True), (True, (), True), (False, (1,), False)],
)
async def test_rounds_are_sealed_as_told_or_where_an_input_is_and_open_what_they_made_and_nothing_else(
    told: bool | None, hidden: tuple[int, ...], is_sealed: bool, tmp_path: Path
) -> None:
    begin(tmp_path, feedback=True, seal=told)
    market = Market()
    market.keys = {f"{number:064x}" for number in hidden}
    run = await keep(tmp_path, market)
    assert run.result and len(market.seals) == is_sealed
    for spec in market.jobs.values():
        own = {spec.params.get("data")}
        assert spec.seal == next(iter(market.seals), None)
        assert set(spec.made) == (set(spec.inputs) - own if is_sealed else set())
        assert set(spec.sealed) == own & market.keys


STRAY = {"counted": ["d" * 64], "scores_ppm": {}, "state": MODEL}


@pytest.mark.parametrize(("seal", "says"), [(True, ""), (False, "{}"), (False, json.dumps(STRAY))])
async def test_an_outcome_that_says_nothing_is_made_anew_and_after_three_the_run_is_given_up(
    seal: bool, says: str, tmp_path: Path
) -> None:
    begin(tmp_path, seal=seal)
    market = Market()
    market.garbled, market.says = 2, says.encode()
    run = await keep(tmp_path, market)
    assert run.result and len(params_of(market, "diloco-outer", makes="outcome")) == 4
    begin(again := tmp_path / "again", seal=seal)
    market.garbled = 9
    with pytest.raises(Refused, match=r"round\.void.*3 times"):
        await keep(again, market)


@pytest.mark.parametrize("named", ["its data", "another's data", "sealed elsewhere"])
async def test_a_result_that_is_no_members_work_changes_neither_how_data_are_read_nor_ends_a_sealed_run(
    named: str, tmp_path: Path
) -> None:
    begin(tmp_path, feedback=True, seal=True, early=True, rounds=3)
    market = Market()
    market.keys = {"e" * 64, *(f"{number:064x}" for number in range(2))}
    digest = {"its data": f"{1:064x}", "another's data": f"{0:064x}", "sealed elsewhere": "e" * 64}[named]
    market.forged[0, 1] = digest
    run = await keep(tmp_path, market)
    assert run.round == 3 and run.result
    assert [len(results) for results in run.history] == [3 if named == "sealed elsewhere" else 2, 3, 3]
    for spec in market.jobs.values():
        own = {spec.params.get("data")}
        assert set(spec.made) == set(spec.inputs) - own and set(spec.sealed) == own & market.keys


async def test_a_sealed_run_stays_in_the_regions_that_it_began_in(tmp_path: Path) -> None:
    begin(tmp_path, members=0, seal=True, rounds=1)
    market = Market()
    with Journal(tmp_path) as journal:
        kept = Keeper(market, journal, market.now_ms, lambda said: None)
        for number, regions in enumerate((("de",), ("de", "fr"))):
            await kept.join(f"{number:064x}", regions)
        await kept.keep()
        assert set(market.seals.values()) == {("de", "fr")}
        assert (await kept.join("2" * 64)).members[2].regions == ("de", "fr")
        with pytest.raises(Refused, match=r"key\.region.*de, fr only"):
            await kept.join("3" * 64, ("de", "us"))
    places = [spec.requirements.regions for spec in market.jobs.values()]
    assert places == [("de",), ("de", "fr"), ("de", "fr"), ("de", "fr")]


async def test_what_is_made_of_sealed_data_does_not_come_to_light_by_who_joins_late(tmp_path: Path) -> None:
    begin(tmp_path)
    market = Market()
    await keep(tmp_path, market)
    market.keys = {"b" * 64}
    with Journal(tmp_path) as journal:
        kept = Keeper(market, journal, market.now_ms, lambda said: None)
        with pytest.raises(Refused, match="begin another run"):
            await kept.join("b" * 64)
        await kept.join("c" * 64)
        assert set(kept.run.members) == {0, 1, 2, 3}


def test_a_journal_belongs_to_one_process_and_says_when_it_is_none(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(BadSettings, match="Another process"):
        Journal(tmp_path)
    with Journal(tmp_path) as journal, pytest.raises(BadSettings, match="empty"):
        STORY.fold(journal.read())
    (tmp_path / "rounds.jsonl").write_text('{"fact": "conjured"}\n')
    with Journal(tmp_path) as journal, pytest.raises(BadSettings, match="not a journal"):
        journal.read()


@given(st.text(alphabet="ab\nä", max_size=60), st.integers(1, 6))
def test_shards_are_the_whole_text_and_cut_no_character(text: str, members: int) -> None:
    shards = cut(text.encode(), members)
    assert len(shards) == members and b"".join(shards) == text.encode()
    assert "".join(shard.decode() for shard in shards) == text
