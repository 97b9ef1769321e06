"""What a receipt says of audits by trace: the root that the provider opened, and what drew what was looked at.

The provider's own signature binds the root; the seed is made again from the block, the epoch's seed and the question.
That the block came after the opening is the operator's word, as the time at which a statement was taken is.
"""

from collections.abc import Iterator
from typing import Final

from assay.proof.eip712 import Domain
from assay.proof.opened import is_signed, question_id_of, trace_seed
from assay.proof.provenance import EpochPart, TracePart
from assay.proof.report_reading import Check, Reading, verdict
from assay.schema.epoch import EpochTraced

METHOD: Final = "trace"


def check_traces(reading: Reading) -> Iterator[Check]:
    """The opened traces of each epoch that has any, or should have."""
    for part in reading.predicate.epochs:
        if part.traces or wanted_of(part, reading):
            yield verdict(f"{part.name}: traces", faults_of_traces(part, reading), traces_in_words(part))


def faults_of_traces(part: EpochPart, reading: Reading) -> Iterator[str]:
    """Answers about a trace that is not here, and traces that nobody signed or that another seed was drawn for."""
    places = [(each.lease_id, each.segment) for each in part.traces]
    for lease_id, segment in sorted(wanted_of(part, reading) - set(places)):
        yield f"The trace of segment {segment} of {lease_id} is not here."
    if len(set(places)) < len(places):
        yield "A segment has two traces."
    if len({(each.block, each.block_hash) for each in part.traces}) > 1:
        yield "Not all traces are looked at by one block."
    for each in part.traces:
        yield from faults_of_trace(part, each, reading.predicate.deployment.domain)


def wanted_of(part: EpochPart, reading: Reading) -> set[tuple[str, int]]:
    """The segments whose trace was looked at, by what was answered or by what the order asks for."""
    own = {lease.part.lease_id for lease in reading.leases}
    is_ordered = reading.order is not None and reading.order.spec.policy.method == METHOD
    return {
        (audit.lease_id, audit.segment)
        for audit in part.audits
        if audit.method == METHOD or (is_ordered and audit.lease_id in own)
    }


def faults_of_trace(part: EpochPart, each: TracePart, domain: Domain) -> Iterator[str]:
    """What does not hold of one trace."""
    place = f"segment {each.segment} of {each.lease_id}"
    if (each.lease_id, each.segment) not in {(drawn.lease_id, drawn.segment) for drawn in part.drawn}:
        yield f"The trace of {place} was opened, and {place} not drawn."
    if not is_signed(each, traced_of(part, each), domain):
        yield f"{part.provider} did not sign this trace of {place}."
    if each.block <= part.beacon.block:
        yield f"Block {each.block}, by which {place} is looked at, does not come after the draw's, {part.beacon.block}."
    if trace_seed(each.block_hash, part.seed, question_id_of(part.epoch_id, each.lease_id, each.segment)) != each.seed:
        yield f"The seed by which {place} is looked at does not follow from block {each.block}."


def traced_of(part: EpochPart, each: TracePart) -> EpochTraced:
    """What the provider said when it opened a trace."""
    names = {"epoch_id": part.epoch_id, "provider": part.provider, "number": part.number}
    place = {"lease_id": each.lease_id, "segment": each.segment}
    return EpochTraced(**names, **place, root=each.root, trace=each.trace)


def traces_in_words(part: EpochPart) -> str:
    """Which roots the provider opened, and what drew the looks at them."""
    block = part.traces[0].block if part.traces else 0
    roots = "; ".join(f"segment {t.segment} of {t.lease_id}: root {t.root}, seed {t.seed}" for t in part.traces)
    return (
        f"The provider opened and signed {len(part.traces)} traces, and block {block}, {block - part.beacon.block} "
        f"after the draw's, drew what verifiers looked at. {roots}."
    )
