"""What a receipt says of the keys of a job: who was given them. It is the operator's word."""

from collections.abc import Iterator

from assay.proof.report_reading import Check, Reading, verdict


def check_keys(reading: Reading) -> Iterator[Check]:
    """The releases, where the order names keys."""
    if reading.predicate.keys or (reading.order and reading.order.spec.keys):
        yield verdict("keys", faults_of_keys(reading), in_words(reading))


def faults_of_keys(reading: Reading) -> Iterator[str]:
    named = set(reading.order.spec.keys) if reading.order else set()
    had = {(part.digest, part.reader) for part in reading.predicate.keys}
    if not {digest for digest, _ in had} <= named:
        yield "It names a key that the order does not name."
    # Who makes up its work needs no key for that.
    rejected = {said.lease_id for said in reading.predicate.verdicts if said.outcome == "rejected"}
    leases = [lease.part for lease in reading.leases if lease.commits]
    worked = {lease.provider for lease in leases if lease.lease_id not in rejected}
    if any((digest, provider) not in had for digest in named for provider in worked):
        yield "A provider that did the work is not among those who were given the key."


def in_words(reading: Reading) -> str:
    """Who had the keys."""
    said = ", ".join(dict.fromkeys(part.reader for part in reading.predicate.keys))
    return f"Those who were given the keys of what is sealed by then: {said or 'nobody'}."
