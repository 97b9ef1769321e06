"""What a party stands by with its signature: a move, its output as the contract reads it, the parts of an element."""

from assay.proof.court.leaf import Leaf
from assay.proof.court.moves import Parts, Party, output_digest
from assay.proof.court.terms import Terms
from assay.proof.court.tree import root_of_tensor
from assay.proof.keys import recover
from assay.schema.errors import Refused


def check_signer(terms: Terms, digest: bytes, signature: str, party: Party) -> None:
    """Nothing, if the party signed this. Raises Refused."""
    addresses = {Party.WORKER: terms.record.worker, Party.CHALLENGER: terms.challenger}
    if recover(digest, signature) != addresses[party].lower():
        raise Refused("court.forged", f"The {party} did not sign this.")


def check_output(terms: Terms, leaf: Leaf, output: bytes, signature: str, party: Party) -> None:
    """Nothing, if the party signed its output as the contract wants it; a closing has none. Raises Refused."""
    if leaf.operator is not None:
        digest = output_digest(terms, leaf.operator.operation, leaf.roots, output)
        check_signer(terms, digest, signature, party)


def check_parts(terms: Terms, leaf: Leaf, given: Parts | None, party: Party) -> tuple[int, ...]:
    """The parts that a party signed of an element, where it goes in parts: they make its word. Raises Refused."""
    operation = leaf.in_parts
    if (operation is None) != (given is None):
        raise Refused("court.malformed", "Parts are stated where an element is too long to be judged whole.")
    if operation is None or given is None:
        return ()
    words = leaf.check_parts(given.words, leaf.word_of(party))
    digest = output_digest(terms, operation, leaf.roots, root_of_tensor(operation.shape, given.words))
    check_signer(terms, digest, given.signature, party)
    return words
