"""A process of disputants: providers and verifiers that regress or fine-tune, each with key, account and journal.

    python -m tests.court.disputants court.json

The file holds one list, of role, behaviour and settings of each. A verifier that perjures itself does so about jobs of
one seed; a provider that does commits to a lie and contests whatever is said of it. The honest worker has no switch for
any of this: what a hostile one goes by is put in its place here.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.adversaries.hostile import FalseTraces
from tests.adversaries.hostile_verifiers import unread

from assay.execution import launch as execution
from assay.execution import worker as execution_worker
from assay.execution.defending import Past, defendant
from assay.execution.lease_run import LeaseRun
from assay.execution.settings import Settings as ProviderSettings
from assay.proof.committee import BEYOND_MILLI, WITHIN_MILLI
from assay.proof.court import Dispute, Terms, read
from assay.proof.court.holding import Holding
from assay.proof.court.moves import Move
from assay.proof.court.wire import unpack
from assay.proof.keys import Key
from assay.runtime.outgoing import Outgoing
from assay.schema.audit import AuditAssigned, AuditClaim, AuditRevealed
from assay.schema.dispute import DisputeLodged
from assay.schema.values import OperatorPlace
from assay.verification.domain.placing import WRONG
from assay.verification.methods.trace import HOLDS
from assay.verification.verifier import domain, launch
from assay.verification.verifier import worker as verifier_worker
from assay.verification.verifier.audit_run import Tools, answer
from assay.verification.verifier.challenging import Answers, challenger
from assay.verification.verifier.settings import Settings as VerifierSettings
from assay.verification.verifier.worker import Find
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.court import Matter, hold
from assay.workloads.court.litigant import Brief, Challenger, Defendant
from assay.workloads.court.rehearsal import lie
from assay.workloads.runner import Runner
from assay.workloads.task import Finished, Message, SegmentDone, Task
from assay.workloads.tracing import TraceReading

ACCUSED_SEED: Final = 13
"""Jobs of this seed are those that perjured verifiers lie about."""
ACCUSED_AT: Final = OperatorPlace(step=0, number=29)
"""The operator that false accusers name of a trace, which is a product."""
GATE_S: Final = 0.2
NOBODY: Final = Key.generate()


def false_state(work: Any, params: Any, inputs: HeldInputs, segment: int, before: bytes) -> bytes:
    """What a segment comes to by a lie; seconds, so that it is told beside what answers and beats."""
    matter: Matter = work.matter(params, inputs, segment)
    return lie(hold(matter, NOBODY, before), matter, before)


class Perjures(LeaseRun):
    """Commits to a lie about its second and last segment."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says, with a lie for the truth."""
        inputs = HeldInputs(ModelStore(Path(task.models)), {d: Path(p).read_bytes() for d, p in task.inputs.items()})
        work: Any = workload(task.kind)
        params, before, false = read_params(task.kind, task.params), b"", b""
        async for message in runner.run(task):
            match message:
                case SegmentDone(segment=0):
                    before = Path(message.path).read_bytes()
                case SegmentDone():
                    false = await asyncio.to_thread(false_state, work, params, inputs, message.segment, before)
                    Path(message.path).write_bytes(false)
                    message = message.model_copy(update={"state_digest": work.digest(false)})
                case Finished(result=str(result)):
                    Path(result).write_bytes(work.result(params, false))
            yield message


class Liar(Defendant):
    """Holds its lie for the truth."""

    async def _hold(self, lodged: DisputeLodged) -> Holding:
        if lodged.dispute_id not in self._holdings:
            brief: Brief = await self.brief(lodged)
            holding = hold(brief.matter, self.key, brief.before)
            lie(holding, brief.matter, brief.before)
            self._holdings[lodged.dispute_id] = holding
        return self._holdings[lodged.dispute_id]


class Perjurer(Challenger):
    """Holds what it answered for the truth, even if it was a lie."""

    async def _hold(self, lodged: DisputeLodged) -> Holding:
        if lodged.dispute_id not in self._holdings:
            brief = await self.brief(lodged)
            holding = hold(brief.matter, self.key, brief.before)
            if holding.states[-1] != read(Terms, unpack(lodged.terms)).countered:
                lie(holding, brief.matter, brief.before)
            self._holdings[lodged.dispute_id] = holding
        return self._holdings[lodged.dispute_id]


class Mute(Liar):
    """Contests, and then says nothing."""

    def choose(self, holding: Holding, dispute: Dispute, last: Move | None) -> Move | None:
        """Nothing after the first."""
        return super().choose(holding, dispute, last) if last is None else None


HONEST: Final = ("honest", "opens-falsely")
"""Those who run their work as it is; the second opens false traces of it, as all of its process
do, and stands by them."""
RUNS: Final[dict[str, type[LeaseRun]]] = {
    **dict.fromkeys(HONEST, LeaseRun),
    **dict.fromkeys(("contests", "mute"), Perjures),
}
DEFENDANTS: Final[dict[str, type[Defendant]]] = {
    **dict.fromkeys(HONEST, Defendant),
    **{"contests": Liar, "mute": Mute},
}


def defended(behaviours: dict[str, str]) -> Callable[[str, Key, Past, Outgoing], Defendant]:
    """What makes the party of each provider, by its address."""

    def make(provider: str, key: Key, past: Past, outgoing: Outgoing) -> Defendant:
        honest = defendant(provider, key, past, outgoing)
        parts = (honest.own_id, honest.key, honest.notes, honest.say, honest.said, honest.brief)
        return DEFENDANTS[behaviours[key.address.lower()]](*parts, confirms=honest.confirms)

    return make


def perjurer(verifier: str, key: Key, answers: Answers, outgoing: Outgoing) -> Challenger:
    """The party of a verifier that stands by its answers."""
    honest = challenger(verifier, key, answers, outgoing)
    return Perjurer(honest.own_id, honest.key, honest.notes, honest.say, honest.said, honest.brief, honest.evidence)


async def perjure(assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
    """The honest answer, or a lie about the second segment of an accused job, alike from all who tell it."""
    honest = await answer(assigned, tools)
    spec = assigned.spec
    if spec.params.get("seed") != ACCUSED_SEED or assigned.segment != 1 or assigned.checkpoint is None:
        return honest
    contents = {digest: await tools.blobs.read_input(spec, digest) for digest in spec.inputs}
    inputs = HeldInputs(ModelStore(tools.models_dir), contents)
    work: Any = workload(spec.kind)
    params, before = read_params(spec.kind, spec.params), await tools.blobs.read(spec, assigned.checkpoint)
    false = await asyncio.to_thread(false_state, work, params, inputs, assigned.segment, before)
    checkpoint = await tools.blobs.put(spec, false)
    return domain.answer_of(assigned, work.digest(false), checkpoint, [false], honest.salt, honest.compute_ms)


Tell: TypeAlias = Callable[[AuditAssigned, AuditClaim], TraceReading | None]


def accuse(assigned: AuditAssigned, claim: AuditClaim) -> TraceReading | None:
    """That a product of an honest trace is wrong, alike from all who say so."""
    if claim.operator is not None or assigned.segment != 1 or assigned.spec.params.get("seed") != ACCUSED_SEED:
        return None
    return TraceReading(passed=False, code=WRONG, step=ACCUSED_AT.step, operator=ACCUSED_AT.number)


def measures(noise_milli: int) -> Tell:
    """So far off is any operator that a committee is asked about, unread."""

    def tell(assigned: AuditAssigned, claim: AuditClaim) -> TraceReading | None:
        if claim.operator is None:
            return None
        place = {"step": claim.operator.step, "operator": claim.operator.number}
        passed = noise_milli <= BEYOND_MILLI
        return TraceReading(passed=passed, code=HOLDS if passed else WRONG, **place, noise_milli=noise_milli)

    return tell


def telling(tell: Tell) -> Find:
    """The answer of who says this of traces, unread; the honest one where it says nothing."""

    async def find(assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        reading = tell(assigned, assigned.claim) if assigned.claim else None
        if reading is None:
            return await answer(assigned, tools)
        return await unread(assigned, tools, reading)

    return find


FINDS: Final[dict[str, Find]] = {
    "honest": answer,
    "perjures": perjure,
    "accuses": telling(accuse),
    "befriends": telling(measures(10 * BEYOND_MILLI)),
    "measures-nothing": telling(measures((WITHIN_MILLI + BEYOND_MILLI) // 2)),
}


async def gate(path: str | None, stopping: asyncio.Event) -> None:
    """Return once the file is there, at once if there is none to wait for; or when all are to stop."""
    while path and not stopping.is_set() and not await asyncio.to_thread(Path(path).exists):
        await asyncio.sleep(GATE_S)


async def main(disputants: list[dict[str, Any]]) -> None:
    """Run them all until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    behaviours = {each["address"].lower(): each["behaviour"] for each in disputants}
    execution_worker.defendant = defended(behaviours)  # type: ignore[attr-defined]
    if "opens-falsely" in behaviours.values():
        execution_worker.Openings = FalseTraces  # type: ignore[attr-defined]
    verifier_worker.challenger = perjurer  # type: ignore[attr-defined]
    async with asyncio.TaskGroup() as group:
        for each in disputants:
            group.create_task(dispute(each, stopping))


async def dispute(each: dict[str, Any], stopping: asyncio.Event) -> None:
    """Run one, from when it is let in."""
    await gate(each.get("gate"), stopping)
    if each["role"] == "provider":
        settings = ProviderSettings.model_validate(each["settings"])
        await execution.serve(settings, stopping, RUNS[each["behaviour"]])
    else:
        checks = VerifierSettings.model_validate(each["settings"])
        await launch.serve(checks, stopping, FINDS[each["behaviour"]])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
