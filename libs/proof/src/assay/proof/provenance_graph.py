"""The lineage of a receipt as a graph: what the result was made by, from what, and what proves and pays it.

Every edge leads from what stands on something to what it stands on; the first node is the result.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from assay.proof.dsse import open_envelope
from assay.proof.provenance import EpochPart
from assay.proof.provenance_disputes import DisputePart
from assay.proof.receipt import LeasePart, Predicate, Statement
from assay.proof.report_reading import LeaseReading, read
from assay.schema.lease import LeaseCommitted
from assay.schema.verdict import VerdictReached

FOLLOWS: Final = "follows"
"""How a segment stands on the one before it, of whatever lease."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the lineage: its kind, what it is for people, and its digest or id."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Edge:
    """How `source` stands on `target`."""

    source: str
    relation: str
    target: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes, the result first, and edges."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


Piece = Node | Edge


def graph_of(sealed: str) -> Graph:
    """The graph of a sealed receipt, checked or not. Raises BadForm; ValidationError if it is no statement."""
    statement = Statement.model_validate_json(open_envelope(sealed).payload)
    reading, _ = read(statement)
    pieces = dict.fromkeys(pieces_of(statement, reading.leases))
    nodes = tuple(piece for piece in pieces if isinstance(piece, Node))
    return Graph(nodes, tuple(piece for piece in pieces if isinstance(piece, Edge)))


def pieces_of(statement: Statement, leases: tuple[LeaseReading, ...]) -> Iterator[Piece]:
    """All nodes and edges, some twice."""
    subject, predicate = statement.subject[0], statement.predicate
    result = subject.digest.blake3
    yield Node(result, subject.name, f"{subject.name} {result[:12]}")
    yield from pieces_of_order(result, predicate)
    for lease in leases:
        yield from pieces_of_lease(result, lease)
    epochs = {part.epoch_id: part for part in predicate.epochs}
    for verdict in predicate.verdicts:
        yield from pieces_of_verdict(verdict, epochs.get(verdict.epoch_id or ""))
    for dispute in predicate.disputes:
        yield from pieces_of_dispute(dispute)
    for payout in predicate.payouts:
        name = f"payout {payout.lease_id}"
        yield Node(name, "payout", f"{payout.amount} paid to {payout.provider[:12]}")
        yield Edge(payout.lease_id, "paid by", name)


def pieces_of_order(result: str, predicate: Predicate) -> Iterator[Piece]:
    """The order, and what it names."""
    yield Node(predicate.job, "order", f"order of {predicate.order.source[:12]}, spec {predicate.spec_digest[:12]}")
    yield Edge(result, "ordered by", predicate.job)
    provenance = predicate.provenance
    if provenance is None:
        return
    code = (("code", provenance.code),) if provenance.code else ()
    for name, digest in (*((each.name, each.digest) for each in provenance.materials), *code):
        yield Node(digest, "code" if name == "code" else "material", f"{name} {digest[:12]}")
        yield Edge(predicate.job, "names", digest)
    for run in provenance.runs:
        for kind, said in (("class", run.determinism_class), ("challenge", run.hardware_challenge)):
            if said:
                yield Node(f"{kind} {said}", kind, f"{kind} {said[:40]}")
                yield Edge(run.lease_id, "ran on", f"{kind} {said}")


def pieces_of_lease(result: str, lease: LeaseReading) -> Iterator[Piece]:
    """A lease, its segments, and where it carried on."""
    part = lease.part
    yield Node(part.lease_id, "lease", lease_label(part, len(lease.commits)))
    yield Edge(result, "made by", part.lease_id)
    known = {part.resume.commitment} if part.resume else set()
    for commit in lease.commits:
        yield Node(commit.commitment, "segment", f"segment {commit.segment}: state {commit.state_out[:12]}")
        yield Edge(part.lease_id, "committed", commit.commitment)
        yield from pieces_of_segment(commit)
        # A chain that breaks, as that of a rejected lease may, leads nowhere.
        if commit.previous in known:
            yield Edge(commit.commitment, FOLLOWS, commit.previous)
        known.add(commit.commitment)
    if part.resume:
        yield Node(
            part.resume.commitment,
            "segment",
            f"segment {part.resume.segment}: state {part.resume.state[:12]}",
        )
        yield Edge(part.lease_id, "carried on from", part.resume.commitment)


def pieces_of_segment(commit: LeaseCommitted) -> Iterator[Piece]:
    """What a segment stands on, as its provider signed it: the state, the machine and the code."""
    yield Node(commit.checkpoint, "checkpoint", f"checkpoint {commit.checkpoint[:12]}")
    yield Edge(commit.commitment, "closed by", commit.checkpoint)
    for kind, said, relation in (("class", commit.machine, "ran on"), ("code", commit.code, "computed by")):
        if said:
            yield Node(f"{kind} {said}", kind, f"{kind} {said[:12]}")
            yield Edge(commit.commitment, relation, f"{kind} {said}")


def pieces_of_beacon(epoch: EpochPart) -> Iterator[Piece]:
    """What an epoch was drawn by: the block, and every verifier that revealed a value or withheld it."""
    beacon = epoch.beacon
    shares = f"{len(beacon.reveals)} values revealed, {len(beacon.missing)} missing"
    yield Node(beacon.value, "beacon", f"beacon of block {beacon.block}, {shares}")
    yield Edge(epoch.epoch_id, "drawn by", beacon.value)
    told = {each.verifier: f"value {each.value[:12]} revealed by" for each in beacon.reveals}
    for verifier, relation in (told | dict.fromkeys(beacon.missing, "value withheld by")).items():
        yield Node(verifier, "verifier", f"verifier {verifier[:12]}")
        yield Edge(beacon.value, relation, verifier)


def pieces_of_dispute(part: DisputePart) -> Iterator[Piece]:
    """A dispute of a segment: between whom, by which operator, and where it was judged."""
    yield Node(part.dispute_id, "dispute", f"segment {part.segment}: {part.outcome} ({part.cause})")
    yield Edge(part.lease_id, "disputed in", part.dispute_id)
    yield Node(part.verifier, "verifier", f"verifier {part.verifier[:12]}")
    yield Edge(part.dispute_id, "accused by", part.verifier)
    if part.head:
        at = f", down to {part.operator.name} {part.operator.number}" if part.operator else ""
        yield Node(part.head, "moves", f"{part.moves_count} moves in {part.rounds} rounds{at}")
        yield Edge(part.dispute_id, "argued in", part.head)
    if part.judged:
        yield Node(part.judged.tx, "judgement", f"by the contract in block {part.judged.block}")
        yield Edge(part.dispute_id, "judged in", part.judged.tx)


def lease_label(part: LeasePart, segments: int) -> str:
    """A lease for people."""
    return f"lease {part.lease_id[:12]} of {part.provider[:12]}, fence {part.fence}, {segments} segments"


def pieces_of_verdict(verdict: VerdictReached, epoch: EpochPart | None) -> Iterator[Piece]:
    """A verdict on a lease, and the epoch that it was drawn in."""
    drawn = ", ".join(map(str, verdict.drawn)) or "none of its own"
    yield Node(verdict.verdict_id, "verdict", f"{verdict.outcome}; segments drawn: {drawn}")
    yield Edge(verdict.lease_id, "judged by", verdict.verdict_id)
    if epoch is None:
        return
    of_all = f" of {sum(entry.segments for entry in epoch.entries)}"
    if epoch.pool:
        of_all = f" of the {epoch.pool.size} leases'"
    label = f"epoch {epoch.number} of {epoch.provider[:12]}: {len(epoch.drawn)}{of_all} segments drawn"
    yield Node(epoch.epoch_id, "epoch", label)
    if epoch.attestation:
        yield Node(epoch.attestation, "attestation", f"report {epoch.attestation[:12]} of the machine")
        yield Edge(epoch.epoch_id, "drawn less for", epoch.attestation)
    yield Edge(verdict.verdict_id, "drawn in", epoch.epoch_id)
    yield Node(epoch.anchor.tx, "anchor", f"root {epoch.root[:12]} on chain in block {epoch.anchor.block}")
    yield Edge(epoch.epoch_id, "anchored by", epoch.anchor.tx)
    yield from pieces_of_beacon(epoch)
    for audit in (each for each in epoch.audits if each.lease_id == verdict.lease_id):
        yield Node(audit.verifier, "verifier", f"verifier {audit.verifier[:12]}")
        relation = f"segment {audit.segment}: {audit.outcome} ({audit.method})"
        yield Edge(verdict.verdict_id, relation, audit.verifier)
    for trace in (each for each in epoch.traces if each.lease_id == verdict.lease_id):
        yield Node(trace.root, "trace", f"trace of segment {trace.segment}, looked at by block {trace.block}")
        yield Edge(verdict.verdict_id, f"segment {trace.segment}: opened as", trace.root)
