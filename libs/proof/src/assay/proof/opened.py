"""Opened traces: what a provider signed of a drawn segment's trace, and the seed that a later block draws looks by.

Verifiers look at the same rows of the same operators, because one seed follows from the block, the epoch's seed and the
question. So anybody who knows these can repeat what was looked at (docs/adr/0010-trace-check.md).
"""

from dataclasses import replace

from blake3 import blake3

from assay.proof.eip712 import Domain
from assay.proof.statement import check_signature
from assay.schema.audit import OpenedTrace
from assay.schema.epoch import EpochTraced
from assay.schema.errors import Refused
from assay.schema.event import Envelope
from assay.schema.values import Digest, derive_id

TRACE = b"assay.audit.trace.1"


def question_id_of(epoch_id: str, lease_id: str, segment: int, is_planted: bool = False) -> str:
    """The id of the question about a segment that was drawn in an epoch."""
    return derive_id("q", epoch_id, lease_id, segment, is_planted)


def trace_seed(block_hash: Digest, seed: Digest, question_id: str) -> Digest:
    """The seed that draws what of a trace is looked at: of a block after all traces of the epoch were opened."""
    return blake3(TRACE + bytes.fromhex(block_hash) + bytes.fromhex(seed) + question_id.encode()).hexdigest()


def said_of(event: EpochTraced, time_ms: int) -> Envelope[EpochTraced]:
    """The statement by which a trace was opened, in its one form; unsigned."""
    return Envelope.wrap(event, event.provider, time_ms)


def is_plain(said: Envelope[EpochTraced]) -> bool:
    """Whether a statement is signed and in its one form, so that it can be made again from what it says."""
    return said.signature is not None and said_of(said.event, said.time_ms).data == said.data


def is_signed(opened: OpenedTrace, event: EpochTraced, domain: Domain) -> bool:
    """Whether the provider signed that it opens this very trace of the segment."""
    try:
        check_signature(replace(said_of(event, opened.time_ms), signature=opened.signature), domain)
    except Refused:
        return False
    return True
