"""The verifier's side of a dispute: it goes by the audit that it answered, and runs the segment once more."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from assay.proof.keys import Key
from assay.runtime.outgoing import Outgoing
from assay.schema.dispute import DisputeLodged
from assay.schema.errors import Refused
from assay.store.audit_journal import AuditJournal
from assay.verification.verifier.audit_run import Blobs
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.court.litigant import Brief, Challenger, brief_of


@dataclass(frozen=True, slots=True)
class Answers:
    """What a verifier has of the audits that it answered."""

    journal: AuditJournal
    blobs: Blobs
    models_dir: Path

    async def brief(self, lodged: DisputeLodged) -> Brief:
        """What the court is told from. Raises Refused, WorkloadError."""
        assigned = self.journal.audit(lodged.audit_id)
        if assigned is None:
            raise Refused("audit.unknown")
        spec = assigned.spec
        contents = {digest: await self.blobs.read_input(spec, digest) for digest in spec.inputs}
        before = await self.blobs.read(spec, assigned.checkpoint) if assigned.checkpoint else None
        inputs, params = HeldInputs(ModelStore(self.models_dir), contents), read_params(spec.kind, spec.params)
        return await asyncio.to_thread(brief_of, workload(spec.kind), params, inputs, assigned.segment, before)

    def evidence(self, lodged: DisputeLodged) -> str | None:
        """The blob of the state that it came to."""
        said = self.journal.answer(lodged.audit_id)
        return said.checkpoint if said else None


def challenger(verifier: str, key: Key, answers: Answers, outgoing: Outgoing) -> Challenger:
    """The verifier as a party of disputes."""
    journal = answers.journal
    return Challenger(
        verifier,
        key,
        journal.disputes,
        outgoing.say,
        lambda dispute_id: [said.envelope.event for said in journal.said(dispute_id)],
        answers.brief,
        answers.evidence,
    )
