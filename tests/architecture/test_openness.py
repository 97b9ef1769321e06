"""Adding one more thing touches at most three existing files: toys of each kind are added here and touch none."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.conftest import DOMAIN, Crowd, Keyless, Person, Told
from services.matching.tests.samples import NOW_MS, job_of, offer_of
from services.verification.tests.samples import Work
from tests.architecture.guides import blocks
from tests.architecture.sources import ROOT, files, nodes
from tests.played import unsealed
from tools.example import envelope_of, golden_of

from assay.bus.blobs import StoredBlobs
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.permissions import permissions_of, public_subjects
from assay.discovery.checks import CHECKS as ADMISSION
from assay.discovery.checks import admit
from assay.discovery.domain import Objection, Standing, Terms
from assay.gateway import ingest
from assay.gateway.checks import CHECKS
from assay.gateway.claim import Claim, Desk
from assay.gateway.domain import Known, Rates, Speaker
from assay.gateway.plan import plan_of
from assay.matching.choice import choose
from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Match, Opinion
from assay.matching.rules import RULES
from assay.runtime import Service
from assay.schema import REGISTRY, decode, durable_of, stream_of
from assay.schema.errors import IllegalTransition, Refused
from assay.schema.event import Event
from assay.schema.job import JOB_LIFE, TRANSITIONS, JobState
from assay.schema.life import Life, Move
from assay.schema.offer import OfferAnnounced
from assay.schema.values import Capacity, JobId, RequesterId, Role, derive_id
from assay.schema.verdict import Finding
from assay.verification.domain import Case
from assay.verification.methods import CHECKS as AT_ONCE
from assay.verification.methods import Method, Replayer
from assay.verification.replayer import ChildReplayer
from assay.verification.steps import checking
from assay.verification.steps.checking import look
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.registry import plugins
from assay.workloads.runner import Runner
from assay.workloads.task import Finished, Message, SegmentDone, Task

GUIDE = ROOT / "docs" / "guides" / "workload.md"
LATER_MS = NOW_MS + 60_000


@pytest.fixture
def praised() -> Iterator[type[Event]]:
    """A toy event, in the registry for as long as the test."""

    class JobPraised(Event, type="job.praised", by=Role.REQUESTER, tells=("requester",)):
        """Emitted when a requester is content."""

        job_id: JobId
        requester: RequesterId

    yield JobPraised
    del REGISTRY["job.praised"]


def test_an_event_is_added_by_its_class_statement(praised: type[Event]) -> None:
    said = envelope_of(praised)
    assert decode(said.headers(), said.data).event == said.event
    assert said.subject == f"assay.job.praised.{said.source}.{said.event.about}"
    assert golden_of(praised)["subject"] == said.subject
    assert stream_of(praised).name == "JOBS"
    assert "assay.job.>" in public_subjects()


def test_permissions_and_durables_follow_from_who_says_and_hears_an_event(praised: type[Event]) -> None:
    hears = permissions_of(Role.DISCOVERY, (praised,), ())
    assert f"$JS.API.CONSUMER.MSG.NEXT.JOBS.{durable_of('discovery', 'JOBS')}" in hears.publish
    assert "assay.job.praised.*.*" in permissions_of(Role.GATEWAY, (), ()).publish
    with pytest.raises(ValueError, match=r"job\.praised"):
        permissions_of(Role.DISCOVERY, (), (praised,))
    service = Service(Role.DISCOVERY, {praised: None}, Path(), lambda tx, ctx: None)
    assert service.consumed() == {"JOBS": [praised]}


def test_a_move_of_a_life_is_added_by_a_row(praised: type[Event]) -> None:
    with pytest.raises(IllegalTransition):
        JOB_LIFE.advance(JobState.SETTLED, praised)
    life = Life("job", (*TRANSITIONS, Move((JobState.SETTLED,), praised, JobState.SETTLED, Role.REQUESTER)))
    assert life.advance(JobState.SETTLED, praised) is JobState.SETTLED


@pytest.fixture
def primes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The workload of the guide, installed as the guide says, here and in child processes."""
    (code,), (project,) = blocks(GUIDE, "python"), blocks(GUIDE, "toml")
    (tmp_path / "assay_primes.py").write_text(code)
    info = tmp_path / "assay_primes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: assay-primes\nVersion: 1\n")
    points = project.partition('[project.entry-points."assay.workloads"]\n')[2].replace('"', "")
    (info / "entry_points.txt").write_text(f"[assay.workloads]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plugins.cache_clear()
    yield workload("primes")
    plugins.cache_clear()
    sys.modules.pop("assay_primes", None)


def test_a_workload_from_outside_is_planned_by_the_gateway(primes: Any) -> None:
    plan = plan_of("primes", {"segments": 4, "numbers": 25})
    assert (plan.segments, plan.segment_units, plan.inputs) == (4, 25, ())
    with pytest.raises(Refused, match="segments") as refused:
        plan_of("primes", {"segments": 0})
    assert refused.value.code == "job.bad_params"


async def test_a_workload_from_outside_runs_in_the_child_and_again_as_an_audit_does(
    primes: Any, tmp_path: Path
) -> None:
    raw = {"segments": 4, "numbers": 25}
    task = Task(kind="primes", params=raw, inputs={}, models=str(tmp_path), folder=str(tmp_path), first=0, last=4)
    runner = Runner()
    try:
        said = [message async for message in runner.run(task)]
        done = {message.segment: message for message in said if isinstance(message, SegmentDone)}
        again = await replayed(
            runner, task.model_copy(update={"first": 2, "last": 3, "state": done[1].path, "wants_result": False})
        )
    finally:
        await runner.kill()
    end = said[-1]
    assert isinstance(end, Finished) and end.result is not None
    assert Path(end.result).read_bytes() == b"25"
    assert sorted(done) == [0, 1, 2, 3] and again.state_digest == done[2].state_digest
    inputs = HeldInputs(ModelStore(tmp_path))
    params = read_params("primes", raw)
    mine = primes.run(params, inputs, Path(done[0].path).read_bytes(), 1, lambda progress: None)
    assert primes.distance(mine.state, Path(done[1].path).read_bytes(), b"") == 0.0


async def replayed(runner: Runner, task: Task) -> SegmentDone:
    """The one segment of a task, run."""
    said: list[Message] = [message async for message in runner.run(task)]
    return next(message for message in said if isinstance(message, SegmentDone))


def test_a_rule_is_added_by_an_entry_in_the_table() -> None:
    job, cheap, dear = job_of(price_limit=10_000), offer_of(1, 100, region="de"), offer_of(2, 400, region="fr")

    def patriotic(job: Job, offer: ListedOffer, now_ms: int, excluded: Any) -> Opinion:
        return Opinion(10**9 if offer.region == "fr" else 0, "toy.at_home")

    def hostile(job: Job, offer: ListedOffer, now_ms: int, excluded: Any) -> Opinion:
        return Opinion(-1, "toy.never")

    before = choose(job, [cheap, dear], NOW_MS, {})
    after = choose(job, [cheap, dear], NOW_MS, {}, (*RULES, patriotic))
    assert isinstance(before, Match) and before.offer == cheap
    assert isinstance(after, Match) and after.offer == dear and "toy.at_home" in after.reasons
    assert choose(job, [cheap, dear], NOW_MS, {}, (*RULES, hostile)) == {"toy.never": 2}


async def test_a_method_is_added_by_an_entry_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(case: Case, replayer: Replayer) -> list[Finding]:
        claimed = case.commit_of(1).state_out
        return [Finding(segment=1, method="toy", passed=False, code="toy.disliked", claimed=claimed)]

    blobs, runner, work = StoredBlobs(MemoryKeeper()), Runner(), Work(1)
    for data in work.blobs.values():
        await blobs.put(data)
    try:
        replayer = ChildReplayer(unsealed(blobs), runner, tmp_path, tmp_path / "scratch")
        honest = await look(work.case(), replayer)
        monkeypatch.setattr(checking, "CHECKS", (*AT_ONCE, Method("toy", "V0", 0, check)))
        found = await look(work.case(), replayer)
    finally:
        await runner.kill()
    assert all(finding.passed for finding in honest)
    assert [finding.code for finding in found if not finding.passed] == ["toy.disliked"]


async def test_an_ingest_check_is_added_by_an_entry_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check_toy(claim: Claim, desk: Desk) -> None:
        if claim.event.price_limit == 100:  # type: ignore[attr-defined]
            raise Refused("job.impossible", "Not today.")

    ann = Person("ann", Role.REQUESTER)
    known = Known({ann.account: Speaker(ann.account, ann.role, ann.id)}, frozenset(), {}, {})
    desk = Desk(DOMAIN, known, Rates(1000, 1000), StoredBlobs(MemoryKeeper()), Told(), Keyless(), Crowd(), NOW_MS)
    claim = ann.claim(ann.order(derive_id("j", "toy"), LATER_MS), NOW_MS)
    assert await ingest.refusal_of(claim, desk) is None
    monkeypatch.setattr(ingest, "CHECKS", (*CHECKS, check_toy))
    refusal = await ingest.refusal_of(claim, desk)
    assert refusal is not None and refusal.detail == "Not today."


def test_an_admission_check_is_added_by_an_entry_in_the_table() -> None:
    offer = OfferAnnounced(
        offer_id=derive_id("f", "toy"),
        provider="p" + "a" * 32,
        sequence=1,
        kinds=("noop",),
        capacity=Capacity(memory_bytes=1),
        region="fr",
        mega_unit_price=1,
        expires_ms=LATER_MS,
    )
    standing, terms = Standing(stake=10**24, claim=1, needed=1), Terms()

    def check(offer: Any, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
        return Objection("toy.abroad", "It is not here.") if offer.region == "fr" else None

    assert admit(offer, standing, terms, NOW_MS) is None
    objection = admit(offer, standing, terms, NOW_MS, (*ADMISSION, check))
    assert objection is not None and objection.code == "toy.abroad"
    assert admit(offer.model_copy(update={"region": "de"}), standing, terms, NOW_MS, (*ADMISSION, check)) is None


# Each folder of plug-ins, and the one file that knows them. Of the workloads' folder only `noop` is of one file.
TABLES = {
    "assay.matching.rules": "services/matching/src/assay/matching/rules/__init__.py",
    "assay.verification.methods": "services/verification/src/assay/verification/methods/__init__.py",
    "assay.gateway.checks": "services/gateway/src/assay/gateway/checks/__init__.py",
    "assay.discovery.checks": "services/discovery/src/assay/discovery/checks/__init__.py",
    "assay.settlement.postings": "services/settlement/src/assay/settlement/postings/__init__.py",
    "assay.workloads": "libs/workloads/src/assay/workloads/registry.py",
}
KINDS = {"assay.workloads.noop"}
# The protocol that methods follow, and a check whose sentence the ingest says as well.
KNOWN_TO_MORE = {"assay.verification.methods.method", "assay.gateway.checks.standing"}


@pytest.mark.parametrize("package", TABLES)
def test_a_plug_in_is_known_to_one_table_and_to_nobody_else(package: str) -> None:
    folder = next(ROOT.glob(f"*/*/src/{package.replace('.', '/')}"))
    names = {f"{package}.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__"} - KNOWN_TO_MORE
    plug_ins = names & KINDS if package == "assay.workloads" else names
    assert plug_ins
    for name in plug_ins:
        known_to = {str(file.relative_to(ROOT)) for file in files() if name in imported(file)}
        assert known_to == {TABLES[package]}, name


def test_the_guide_for_contributors_names_at_most_three_files_for_each_thing() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## How to add")[2]
    rows = re.findall(r"^\| (an? .*?) \|.*\| (.*?) \|$", section, re.MULTILINE)
    assert len(rows) >= 7
    for thing, edited in rows:
        assert 1 <= len(re.findall(r"\b\d (?=`|its|the|that)", edited)) <= 3, thing


@cache
def imported(file: Path) -> set[str]:
    """The modules that a file imports, by their whole names."""
    found = set()
    for node in nodes(file):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
