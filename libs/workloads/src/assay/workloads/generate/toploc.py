"""The sketch of a completion in the format of TOPLOC (arXiv 2501.16007), for who has tools that read it.

A chunk's 128 activations of the largest size, in bfloat16, as the polynomial over a prime field that leads from each
one's place in the chunk to its sixteen bits. Proofs are byte for byte those of the package `toploc` for the states that
an answer's tokens were chosen by (`skip_prefill`, 32 tokens at a time): the modulus of the places, then the
coefficients from the lowest on, each two bytes with the higher first. 258 bytes for 32 tokens.
"""

import binascii
from base64 import b64decode, b64encode
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.workloads.errors import ModelUnsupported
from assay.workloads.generate.errors import BadOpening
from assay.workloads.generate.sketch import CHUNK_TOKENS

TOP: Final = 128
PRIME: Final = 65497
"""The size of the field: above the bits of every finite number of bfloat16, which are 65407 at most."""
MODULUS_MIN: Final = 1 << 15
EXPONENT, MANTISSA = 0x7F80, 0x7F
NOTHING_ALIKE: Final = 2.0**64
"""The mantissas' difference, by convention, where no exponent is the same."""
WORD: Final = np.dtype(">u2")

Points = NDArray[np.uint32]
"""Of each chunk the places of its largest activations, then their bits."""
Proof = NDArray[np.uint16]
"""Of each chunk the modulus of places, then the coefficients."""
Numbers = NDArray[np.int64]


class Errors(NamedTuple):
    """How a proof differs from a chunk: of the 128 so many exponents; mantissas in steps, where exponents agree."""

    exponents: int
    mantissa_mean: float
    mantissa_median: float


TOLERATED: Final = Errors(38, 10, 8)
"""What the authors' own experiments let pass (PrimeIntellect-ai/toploc-experiments)."""


def largest(activations: Tensor, top: int = TOP, tokens: int = CHUNK_TOKENS) -> Points:
    """Return the largest of the activations (tokens, width) of each chunk. Raises ModelUnsupported."""
    chunks = activations.to("cpu", torch.bfloat16).split(tokens)
    return np.stack([points_of(chunk.flatten(), top) for chunk in chunks])


def points_of(chunk: Tensor, top: int) -> Points:
    """Return the places of a chunk's largest activations, then their bits."""
    if not bool(torch.isfinite(chunk).all()):
        raise ModelUnsupported("The model's states are not finite in bfloat16, in which TOPLOC takes them.")
    places = chunk.abs().topk(top).indices
    bits = chunk[places].view(torch.int16).numpy().view(np.uint16)
    return np.concatenate([places.numpy().astype(np.uint32), bits.astype(np.uint32)])


def prove(points: Points) -> Proof:
    """Return the proof of each chunk whose points these are. Raises ModelUnsupported."""
    return np.array([prove_chunk(*np.split(chunk.astype(np.int64), 2)) for chunk in points], WORD)


def prove_chunk(places: Numbers, bits: Numbers) -> Numbers:
    """Return the proof of one chunk."""
    modulus = modulus_of(places)
    return np.array([modulus, *interpolate(places % modulus, bits)])


def modulus_of(places: Numbers) -> int:
    """Return the greatest modulus by which all places stay different. Raises ModelUnsupported if there is none."""
    for modulus in range(PRIME, MODULUS_MIN, -1):
        if len(np.unique(places % modulus)) == len(places):
            return modulus
    raise ModelUnsupported(f"{len(places)} places in so wide a state are not different by any modulus.")


def interpolate(x: Numbers, y: Numbers) -> Numbers:
    """Return the coefficients, from the lowest on, of the polynomial through these points, in the field (Newton)."""
    divided = y % PRIME
    for step in range(1, len(x)):
        divided[step:] = (divided[step:] - divided[step - 1 : -1]) * inverses()[(x[step:] - x[:-step]) % PRIME] % PRIME
    coefficients = np.zeros_like(x)
    for root, difference in zip(x[::-1], divided[::-1], strict=True):
        shifted = np.concatenate([[difference], coefficients[:-1]])
        coefficients = (shifted - root * coefficients) % PRIME
    return coefficients


@cache
def inverses() -> Numbers:
    """Return the inverse of each number of the field; none of nought."""
    return np.array([0, *(pow(number, -1, PRIME) for number in range(1, PRIME))])


def claimed_bits(proof: Proof, places: Numbers) -> Numbers:
    """Return the bits that a chunk's proof gives to places, in the field."""
    modulus, *coefficients = proof.astype(np.int64)
    at, found = places % modulus, np.zeros_like(places)
    for coefficient in coefficients[::-1]:
        found = (found * at + coefficient) % PRIME
    return found


def compare(points: Points, proof: Proof) -> Errors:
    """Return how a chunk's proof differs from the points of one's own chunk."""
    places, bits = np.split(points.astype(np.int64), 2)
    return errors_of(bits, claimed_bits(proof, places))


def errors_of(bits: Numbers, others: Numbers) -> Errors:
    """Return how activations differ, by their bits. Signs do not count."""
    alike = (bits ^ others) & EXPONENT == 0
    if not alike.any():
        return Errors(len(bits), NOTHING_ALIKE, NOTHING_ALIKE)
    steps = np.sort(np.abs((bits & MANTISSA) - (others & MANTISSA))[alike])
    return Errors(int((~alike).sum()), float(steps.mean()), float(steps[len(steps) // 2]))


def apart(mine: Points, claimed: Proof) -> NDArray[np.float64]:
    """Return for each chunk how far a claimed proof is from mine: its worst error, in units of what is tolerated."""
    return np.array([share(compare(points, proof)) for points, proof in zip(mine, claimed, strict=True)])


def between(mine: Points, other: Points) -> NDArray[np.float64]:
    """Return for each chunk how far the points of two readers are, in the same units."""
    return np.array([share(compare_points(*pair)) for pair in zip(mine, other, strict=True)])


def compare_points(mine: Points, other: Points) -> Errors:
    """Return how two readers' points of one chunk differ; a place that only one has is no exponent of the other's."""
    places, bits = np.split(mine.astype(np.int64), 2)
    theirs = dict(zip(*np.split(other.astype(np.int64), 2), strict=True))
    others = [theirs.get(place, bit ^ EXPONENT) for place, bit in zip(places, bits, strict=True)]
    return errors_of(bits, np.array(others))


def share(errors: Errors) -> float:
    """Return the worst of the errors, in units of what is tolerated."""
    return max(error / tolerated for error, tolerated in zip(errors, TOLERATED, strict=True))


def fault_of(proofs: Proof) -> str:
    """Return what is wrong with proofs as they are written, or nothing."""
    modulus, coefficients = proofs[:, 0], proofs[:, 1:]
    if not ((modulus > MODULUS_MIN) & (modulus <= PRIME)).all():
        return f"a modulus that is not from {MODULUS_MIN + 1} to {PRIME}"
    return "" if (coefficients < PRIME).all() else "coefficients that are not in the field"


def fault_of_points(points: Points) -> str:
    """Return what is wrong with points that somebody says to have read, or nothing.

    A place must not come twice: one lucky guess would count for many.
    """
    places, bits = np.split(points, 2, axis=1)
    if not np.diff(np.sort(places, axis=1), axis=1).all():
        return "places that come twice"
    return "" if ((bits <= 0xFFFF) & (bits & EXPONENT != EXPONENT)).all() else "bits that are no finite number"


def write_text(proof: Proof) -> str:
    """Return one chunk's proof as the package writes it into text: base64."""
    return b64encode(proof.astype(WORD).tobytes()).decode()


def read_text(text: str, top: int = TOP) -> Proof:
    """Return one chunk's proof from base64. Raises BadOpening."""
    try:
        plain = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadOpening(f"A proof is not base64: {error}.") from error
    if len(plain) != WORD.itemsize * (1 + top):
        raise BadOpening(f"A proof of {top} activations has {WORD.itemsize * (1 + top)} bytes, not {len(plain)}.")
    proof: Proof = np.frombuffer(plain, WORD)
    if fault := fault_of(proof[None]):
        raise BadOpening(f"A proof has {fault}.")
    return proof
