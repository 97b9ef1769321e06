"""Planted audits: questions whose answer is known, so that who does not look is found out. Pure.

Which questions have one, what is shown in it, and the ids and nonces of all audits follow from a secret of the service:
no verifier can tell what it is asked, and a repeated step asks the same.
"""

from blake3 import blake3

from assay.schema.values import Digest, derive_id

NONCE, PLANT = b"assay.audit.nonce.1", b"assay.audit.plant.1"
AUDIT, TURN = b"assay.audit.id.1", b"assay.audit.turn.1"
SPOIL, LOOK = b"assay.audit.spoil.1", b"assay.audit.look.1"
MILLION = 1_000_000
SCALE = 2**64
SPOILED_OF = 4
"""Of so many planted claims all but one are spoiled, so that who finds nothing wrong in any is found out."""


def audit_id_of(secret: bytes, question_id: str, verifier: str, before: int) -> str:
    """The id of a verifier's audit of a question that it was asked so often before; nobody else can make it."""
    content = AUDIT + f"{question_id}/{verifier}/{before}".encode()
    return derive_id("a", blake3(content, key=secret).hexdigest())


def nonce_of(secret: bytes, audit_id: str) -> Digest:
    """The nonce under which an audit is answered."""
    return blake3(NONCE + audit_id.encode(), key=secret).hexdigest()


def look_seed(seed: Digest, question_id: str) -> Digest:
    """The seed that draws what of a claim is looked at: known to nobody before the epoch's."""
    return blake3(LOOK + bytes.fromhex(seed) + question_id.encode()).hexdigest()


def spoil_seed(secret: bytes, question_id: str) -> Digest | None:
    """The seed by which what is shown of a planted claim is made false; None for one that is shown as it is."""
    digest = blake3(SPOIL + question_id.encode(), key=secret).digest()
    return digest.hex() if digest[0] % SPOILED_OF else None


def is_doubled(secret: bytes, seed: Digest, question_id: str, planted_ppm: int) -> bool:
    """Whether a question has a twin, so that twins are that share of all."""
    number = number_of(PLANT, secret, seed, question_id)
    return planted_ppm > 0 and number * max(MILLION - planted_ppm, 1) < planted_ppm * SCALE


def is_twin_first(secret: bytes, seed: Digest, question_id: str, planted_ppm: int) -> bool:
    """Whether the twin, and not its question, goes to whom the seed draws first: always but in the share that is set.

    Of p planted, p/(1-p) of all questions have a twin. So of what is asked of the first, p/(1-p) times 1-p is planted,
    and of what is asked of a second, who is only there where there is a twin, p: who knows which it is knows nothing.
    """
    return number_of(TURN, secret, seed, question_id) * MILLION < (MILLION - planted_ppm) * SCALE


def number_of(purpose: bytes, secret: bytes, seed: Digest, question_id: str) -> int:
    """A number below SCALE that the secret draws for a question."""
    content = purpose + bytes.fromhex(seed) + question_id.encode()
    return int.from_bytes(blake3(content, key=secret).digest(8), "big")
