"""What a receipt says of the keys of sealed inputs: who was given them. It is the operator's word."""

from collections.abc import Iterator

from assay.proof.report_reading import Check, Reading, verdict


def check_keys(reading: Reading) -> Iterator[Check]:
    """The releases, where the order names sealed inputs."""
    if reading.predicate.keys or (reading.order and reading.order.spec.sealed):
        yield verdict("keys", faults_of_keys(reading), in_words(reading))


def faults_of_keys(reading: Reading) -> Iterator[str]:
    sealed = set(reading.order.spec.sealed) if reading.order else set()
    had = {(part.digest, part.reader) for part in reading.predicate.keys}
    if not {digest for digest, _ in had} <= sealed:
        yield "It names the key of what the order does not name as sealed."
    worked = {lease.part.provider for lease in reading.leases if lease.commits}
    if any((digest, provider) not in had for digest in sealed for provider in worked):
        yield "A provider that did the work is not among those who were given the key."


def in_words(reading: Reading) -> str:
    """Who had the keys."""
    said = ", ".join(dict.fromkeys(part.reader for part in reading.predicate.keys))
    return f"Those who were given the keys of sealed inputs by then: {said or 'nobody'}."
