"""What a receipt says of the epochs that proved its leases: root, beacon, seed, draw and audits, each repeated.

The entries of an epoch are those of all jobs in it. This job's own are made again from what the provider signed; the
others stand as they are said, and the root binds them. As segments of a lease cost the same, the draw can be repeated.
Of an epoch too great for that each drawn segment proves its place on the line instead (`report_pools`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from assay.proof import epoch
from assay.proof.beacon import BEACON_BLOCKS, Pulse, combine, is_signed, is_true, reveal_of
from assay.proof.eip712 import Domain
from assay.proof.epoch import Drawn, Range
from assay.proof.policy.pledged import worth_of
from assay.proof.provenance import EpochPart
from assay.proof.report_pools import entry_starts, pooled_by_places
from assay.proof.report_reading import Check, LeaseReading, Reading, verdict
from assay.proof.report_unproven import check_unproven
from assay.schema.dispute import DisputeOutcome
from assay.schema.epoch import DRAWN_MAX
from assay.schema.errors import Reject
from assay.schema.lease import NO_QUORUM
from assay.schema.values import AUDIT_SEGMENTS, Policy


def check_epochs(reading: Reading) -> Iterator[Check]:
    """Each epoch of the receipt."""
    for part in reading.predicate.epochs:
        defended = defended_in(part, reading)
        checks = {
            "root": (faults_of_root(part, reading), "Its root stands over what the provider signed for this job."),
            "beacon": (faults_of_beacon(part, reading.predicate.deployment.domain), beacon_in_words(part)),
            "seed": (faults_of_seed(part), "The seed follows from beacon, root, provider and number."),
            "draw": (faults_of_draw(part, reading), draw_in_words(part)),
            "audits": (
                faults_of_audits(part, defended, reading),
                f"{len(part.audits)} answers of verifiers fit the draw.",
            ),
        }
        for name, (faults, good) in checks.items():
            yield verdict(f"{part.name}: {name}", faults, good)
        yield from check_unproven(part, reading)


def faults_of_root(part: EpochPart, reading: Reading) -> Iterator[str]:
    """Entries that are not what was signed, leases that lack, and a root that does not stand over its entries."""
    own = {lease.part.lease_id: lease for lease in reading.leases}
    for entry in part.entries:
        lease = own.get(entry.lease_id)
        if (lease is not None) != (entry.job_id == reading.predicate.job):
            yield f"The entry of {entry.lease_id} is of another job than its lease."
        elif lease and entry.entry != entry_of(lease, entry.first_segment, entry.segments, reading):
            yield f"The entry of {entry.lease_id} is not what its provider signed."
    named = {said.lease_id for said in reading.predicate.verdicts if said.epoch_id == part.epoch_id}
    for missing in sorted(named - {entry.lease_id for entry in part.entries}):
        yield f"{missing} has its verdict from this epoch and does not stand in it."
    try:
        if not stands(part):
            yield "The root or its total is not that of the entries."
    except Reject as error:
        yield error.detail


def stands(part: EpochPart) -> bool:
    """Whether the entries make the root, or are proven under it. Raises Reject."""
    if part.pool:
        return entry_starts(part) is not None
    return epoch.epoch_root([entry.entry for entry in part.entries]) == (part.root, part.total)


def entry_of(lease: LeaseReading, first: int, segments: int, reading: Reading) -> epoch.Entry | None:
    """The entry that a lease's signed commitments make; None if they make none."""
    try:
        return signed_range(lease, first, segments, reading).entry
    except Reject:
        return None


def signed_range(lease: LeaseReading, first: int, segments: int, reading: Reading) -> Range:
    """The range of so many of a lease's signed commitments. Raises Reject if they make none."""
    counted = [commit for commit in lease.commits if first <= commit.segment < first + segments]
    return epoch.range_of(counted, reading.predicate.spec_digest)


def faults_of_beacon(part: EpochPart, domain: Domain) -> Iterator[str]:
    """A block that the anchor did not fix, shares that nobody was bound to or signed, a value that does not follow."""
    beacon = part.beacon
    if beacon.block != (fixed := part.anchor.block + BEACON_BLOCKS):
        yield f"The beacon's block {beacon.block} is not {fixed}, which the anchor fixed."
    names = [*(each.verifier for each in beacon.reveals), *beacon.missing]
    if len(set(names)) < len(names):
        yield "A verifier stands in the beacon twice."
    pulse = Pulse(beacon.block, bytes.fromhex(beacon.block_hash))
    for share in beacon.reveals:
        if not is_true(part.epoch_id, share.verifier, share.commit, reveal_of(share)):
            yield f"What {share.verifier} revealed is not what it was bound to."
        if not is_signed(share, part.epoch_id, pulse, domain):
            yield f"{share.verifier} did not sign its reveal over this block."
    if combine(pulse.value, [reveal_of(share).value for share in beacon.reveals]).hex() != beacon.value:
        yield "The beacon does not follow from block and reveals."


def beacon_in_words(part: EpochPart) -> str:
    """What the beacon is made of: block, and who revealed what it was bound to before that block."""
    beacon = part.beacon
    block = f"block {beacon.block}, {beacon.block - part.anchor.block} after the anchor's"
    if not beacon.reveals:
        said = f"The beacon is {block}, alone: no verifier revealed a value."
    else:
        who = ", ".join(each.verifier for each in beacon.reveals)
        said = f"The beacon is {block}, with what {len(beacon.reveals)} verifiers were bound to and revealed: {who}."
    return said + (f" Bound and not revealed: {', '.join(beacon.missing)}." if beacon.missing else "")


def faults_of_seed(part: EpochPart) -> Iterator[str]:
    if epoch.seed(bytes.fromhex(part.beacon.value), part.root, part.provider, part.number) != part.seed:
        yield "The seed does not follow."


def faults_of_draw(part: EpochPart, reading: Reading) -> Iterator[str]:
    """A draw that the seed does not give: too little of the pool, or other segments of this job than follow."""
    drawn = {(each.lease_id, each.segment) for each in part.drawn}
    if part.stake and part.stake.block != part.beacon.block:
        yield "The stake behind the provider is not of the beacon's block."
    try:
        own = own_ranges(part, reading)
        pooled = pooled_in(part, own, drawn)
        extra = extra_of(part, own, reading)
    except Reject as error:
        yield error.detail
        return
    own_leases = {each.entry.lease_id for each in own}
    if not pooled:
        yield "Not even the first segment that the seed gives was drawn."
    claimed, given = (
        {each for each in drawn if each[0] in own_leases},
        {each for each in pooled if each[0] in own_leases} | extra,
    )
    if claimed != given and not (len(drawn) >= DRAWN_MAX and claimed <= given):
        yield "The drawn segments of this job are not those that the seed gives."


def own_ranges(part: EpochPart, reading: Reading) -> list[Range]:
    """The ranges of this job's leases in the epoch. Raises Reject."""
    own = [(at, each) for at, each in enumerate(part.entries) if each.job_id == reading.predicate.job]
    if not part.pool:
        return [range_of(part, at) for at, _ in own]
    leases = {lease.part.lease_id: lease for lease in reading.leases}
    return [
        signed_range(leases[each.lease_id], each.first_segment, each.segments, reading)
        for _, each in own
        if each.lease_id in leases
    ]


def pooled_in(part: EpochPart, own: Sequence[Range], drawn: set[Drawn]) -> set[Drawn]:
    """What of the drawn the seed gives from the whole epoch. Raises Reject."""
    if part.pool:
        return pooled_by_places(part, own)
    return pooled_of(part.seed, [range_of(part, at) for at in range(len(part.entries))], drawn)


def draw_in_words(part: EpochPart) -> str:
    """How many were drawn, for which report fewer, and what was at stake."""
    said = f"{len(part.drawn)} segments were drawn, as the seed says."
    if part.attestation:
        said += f" Fewer for the report {part.attestation} of the machine."
    if part.stake:
        at_stake = worth_of(part.stake)
        said += f" Behind the provider stood {at_stake} base units of stake at block {part.stake.block}."
    return said


def range_of(part: EpochPart, at: int) -> Range:
    """An entry's range on the line: equal segments. Raises Reject if they cannot be equal."""
    entry = part.entries[at].entry
    if entry.segments < 1 or entry.units % entry.segments:
        raise Reject(f"The segments of {entry.lease_id} do not cost the same.")
    return Range(entry, (), (entry.units // entry.segments,) * entry.segments)


def pooled_of(seed: str, ranges: Sequence[Range], drawn: set[Drawn]) -> set[Drawn]:
    """The longest draw from the whole epoch that is among the drawn; draws from one seed contain each other."""
    low, high = 0, len(drawn)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if set(epoch.draw(seed, ranges, middle)) <= drawn else (low, middle - 1)
    return set(epoch.draw(seed, ranges, low))


def extra_of(part: EpochPart, own: Sequence[Range], reading: Reading) -> set[Drawn]:
    """What the order asked to be drawn from this job besides."""
    asked = policy_of(reading).audit_segments
    extra = min(asked, DRAWN_MAX) if asked > AUDIT_SEGMENTS else 0
    return set(epoch.draw(part.seed, own, extra)) if own and extra > 0 else set()


def defended_in(part: EpochPart, reading: Reading) -> set[Drawn]:
    """The segments that stand by a dispute, whoever answered what."""
    disputes = [each for each in reading.predicate.disputes if each.epoch_id == part.epoch_id]
    return {(d.lease_id, d.segment) for d in disputes if d.outcome is DisputeOutcome.CHALLENGER_FAULT}


def faults_of_audits(part: EpochPart, defended: set[Drawn], reading: Reading) -> Iterator[str]:
    drawn = {(each.lease_id, each.segment) for each in part.drawn}
    asked = [(audit.lease_id, audit.segment, audit.verifier) for audit in part.audits]
    if len(set(asked)) < len(asked):
        yield "A verifier answered about one segment twice."
    for audit in part.audits:
        if (audit.lease_id, audit.segment) not in drawn:
            yield f"Segment {audit.segment} of {audit.lease_id} was audited and not drawn."
    if part.audits and part.fault is None:
        yield from faults_of_answers(part, drawn, defended | unsettled_in(part, reading), reading)
    if part.fault and part.fault.lease_id not in {entry.lease_id for entry in part.entries}:
        yield "The fault lies in a lease that is not in the epoch."


def faults_of_answers(part: EpochPart, drawn: set[Drawn], settled: set[Drawn], reading: Reading) -> Iterator[str]:
    """Drawn segments of a passed epoch without an answer that agrees, and fewer answers than were ordered.

    Of another job's segment an answer is enough: that its verifiers did not agree, its own receipt says.
    """
    policy, answers = policy_of(reading), Counter((audit.lease_id, audit.segment) for audit in part.audits)
    own = {lease.part.lease_id for lease in reading.leases}
    agreed = {(audit.lease_id, audit.segment) for audit in part.audits if audit.outcome == "agreed"}
    if not all(each in agreed if each[0] in own else each in answers for each in drawn - settled):
        yield "Not every drawn segment has an answer that agrees."
    ordered = drawn - settled if policy.is_replicated else set[Drawn]()
    for lease_id, segment in sorted(each for each in ordered if each[0] in own):
        if (count := answers[lease_id, segment]) < policy.replicas:
            yield f"Segment {segment} of {lease_id} has {count} answers, {policy.replicas} were ordered."


def unsettled_in(part: EpochPart, reading: Reading) -> set[Drawn]:
    """The segments about which verifiers did not agree, or had no answer: their leases are not paid."""
    verdicts = [each for each in reading.predicate.verdicts if each.epoch_id == part.epoch_id]
    unproven = part.unproven.segments if part.unproven else ()
    unsettled = {(said.lease_id, f.segment) for said in verdicts for f in said.findings if f.code == NO_QUORUM}
    return unsettled | {(each.lease_id, each.segment) for each in unproven}


def policy_of(reading: Reading) -> Policy:
    """What the order demands of the proof."""
    return reading.order.spec.policy if reading.order else Policy()
