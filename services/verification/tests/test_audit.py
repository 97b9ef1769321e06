"""What the methods find: honest work passes, each way to cheat is found where it was done, and no fault is blamed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assay.proof.commitment import chain, leaf_of, root_of
from assay.proof.digest import blake3_hex
from assay.proof.order import spec_digest
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted, ResumePoint
from assay.schema.values import NO_DIGEST, Policy
from assay.verification import domain
from assay.verification.auditor import look
from assay.verification.domain import Case, Draw, conclude, draw_segments
from assay.verification.methods.method import MachineFault
from assay.verification.replayer import ChildReplayer
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.runner import Runner

SEGMENTS = 6
SPEC = JobSpec(
    kind="noop", params={"segments": SEGMENTS}, segments=SEGMENTS, segment_units=1, policy=Policy(audit_segments=3)
)
IDS = {"lease_id": "l" + "a" * 26, "job_id": "j" + "a" * 26, "provider": "p" + "a" * 32, "fence": 1}
EVERY = Draw(1, "0" * 64, tuple(range(SEGMENTS)))


class Shelf:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        self.held[blake3_hex(data)] = data
        return blake3_hex(data)

    async def get(self, digest: str) -> bytes:
        if digest not in self.held:
            raise Refused("blob.missing", digest)
        return self.held[digest]


async def work_of(shelf: Shelf, folder: Path, lies: dict[int, bytes], resume_at: int = 0) -> Case:
    """The commitments of a provider that runs the job, but claims `lies[segment]` for some checkpoints."""
    work, params = workload("noop"), read_params("noop", SPEC.params)
    inputs = HeldInputs(ModelStore(folder))
    state = work.start(params, inputs)
    commits: list[LeaseCommitted] = []
    previous, resume = NO_DIGEST, None
    for index in range(SEGMENTS):
        before = work.digest(state)
        state = lies.get(index) or work.run(params, inputs, state, index, lambda progress: None).state
        said: dict[str, Any] = {
            **IDS,
            "segment": index,
            "state_in": before,
            "state_out": work.digest(state),
            "checkpoint": await shelf.put(state),
            "units": 1,
            "previous": previous,
            "commitment": NO_DIGEST,
            "compute_ms": 10,
        }
        draft = LeaseCommitted(**said)
        previous = chain(previous, leaf_of(draft, spec_digest(SPEC)))
        commits.append(draft.model_copy(update={"commitment": previous}))
    result = await shelf.put(work.result(params, state))
    if resume_at:
        last = commits[resume_at - 1]
        resume = ResumePoint(
            segment=last.segment, state=last.state_out, checkpoint=last.checkpoint, commitment=last.commitment
        )
    return case_of(commits[resume_at:], result, resume)


def case_of(commits: list[LeaseCommitted], result: str, resume: ResumePoint | None = None) -> Case:
    granted = LeaseGranted(
        **IDS,
        requester="r" + "a" * 32,
        offer_id="f" + "a" * 26,
        spec=SPEC,
        mega_unit_price=1,
        deadline_ms=1,
        resume=resume,
    )
    share = LeaseShare(
        lease_id=IDS["lease_id"],
        provider=IDS["provider"],
        fence=1,
        first_segment=commits[0].segment,
        segments=len(commits),
        mega_unit_price=1,
        root=root_of(commits, spec_digest(SPEC)),
    )
    return Case(granted, share, tuple(commits), result)


@pytest.fixture
async def replayer(tmp_path: Path) -> AsyncIterator[ChildReplayer]:
    runner = Runner(tmp_path / "log")
    (tmp_path / "audit").mkdir()
    yield ChildReplayer(SPEC, Shelf(), runner, tmp_path, tmp_path / "audit")  # type: ignore[arg-type]
    await runner.kill()


def shelf_of(replayer: ChildReplayer) -> Shelf:
    return replayer._blobs  # type: ignore[return-value]


async def test_honest_work_passes_every_method(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    findings = await look(case, EVERY, replayer)
    assert all(finding.passed for finding in findings)
    assert {finding.method for finding in findings} == {"start", "replay", "result"}
    verdict, outcome = conclude(case, EVERY, findings)
    assert (verdict.outcome, outcome.type) == ("passed", "lease.verified")


async def test_honest_work_that_resumed_passes(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {}, resume_at=2)
    findings = await look(case, Draw(1, "0" * 64, (2, 3, 5)), replayer)
    assert findings and all(finding.passed for finding in findings)


async def test_a_made_up_checkpoint_is_found_at_its_segment(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {3: b"x" * 32})
    *_, last = await look(case, EVERY, replayer)
    assert (last.passed, last.segment, last.code) == (False, 3, "segment.mismatch")
    verdict, outcome = conclude(case, EVERY, [last])
    assert (verdict.outcome, outcome.type) == ("rejected", "lease.rejected")


async def test_the_previous_checkpoint_as_new_work_is_found_without_running_anything(
    replayer: ChildReplayer, tmp_path: Path
) -> None:
    honest = await work_of(shelf_of(replayer), tmp_path, {})
    before = shelf_of(replayer).held[honest.commits[1].checkpoint]
    case = await work_of(shelf_of(replayer), tmp_path, {2: before})
    findings = await look(case, Draw(1, "0" * 64, ()), replayer)
    assert [(f.method, f.segment, f.passed, f.compute_ms) for f in findings] == [("free", 2, False, 0)]


async def test_a_withheld_checkpoint_is_the_providers_fault(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    del shelf_of(replayer).held[case.commits[3].checkpoint]
    *_, last = await look(case, EVERY, replayer)
    assert (last.passed, last.code, last.segment) == (False, "segment.withheld", 4)


async def test_a_checkpoint_that_is_none_is_the_providers_fault(replayer: ChildReplayer, tmp_path: Path) -> None:
    shelf = shelf_of(replayer)
    case = await work_of(shelf, tmp_path, {})
    commits = list(case.commits)
    commits[2] = commits[2].model_copy(update={"checkpoint": await shelf.put(b"no checkpoint")})
    broken = Case(case.granted, case.share, tuple(commits), case.result)
    findings = [f for f in await look(broken, Draw(1, "0" * 64, (3,)), replayer) if not f.passed]
    assert [f.code for f in findings] == ["commitment.broken"]


async def test_a_result_that_does_not_follow_is_found(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    forged = Case(case.granted, case.share, case.commits, await shelf_of(replayer).put(b"another adapter"))
    *_, last = await look(forged, EVERY, replayer)
    assert (last.passed, last.code) == (False, "segment.wrong_result")


async def test_a_root_over_other_leaves_is_found(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    share = case.share.model_copy(update={"root": "f" * 64})
    *_, last = await look(Case(case.granted, share, case.commits, case.result), EVERY, replayer)
    assert (last.passed, last.code) == (False, "commitment.wrong_root")


async def test_a_commitment_that_came_after_the_lease_had_ended_is_not_judged(
    replayer: ChildReplayer, tmp_path: Path
) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    ended = case_of(list(case.commits[:4]), "").share
    counted = domain.case_of(case.granted, ended, case.commits, None)
    assert counted.commits == case.commits[:4]
    assert all(finding.passed for finding in await look(counted, Draw(1, "0" * 64, (1, 3)), replayer))


async def test_a_fault_of_the_auditors_machine_blames_nobody(replayer: ChildReplayer, tmp_path: Path) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    (tmp_path / "audit").rmdir()
    with pytest.raises((MachineFault, OSError)):
        await look(case, EVERY, replayer)


async def test_anyone_repeats_the_draw_and_another_block_draws_otherwise(
    replayer: ChildReplayer, tmp_path: Path
) -> None:
    case = await work_of(shelf_of(replayer), tmp_path, {})
    one, again = (draw_segments(case, 7, b"h" * 32) for _ in range(2))
    assert one == again and len(one.segments) == SPEC.policy.audit_segments
    others = {draw_segments(case, 7, bytes([n]) * 32).segments for n in range(16)}
    assert len(others) > 1
