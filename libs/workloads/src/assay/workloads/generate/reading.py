"""The reading: what a verifier's own model says of an excerpt, and what that says of the claim.

For each drawn request the verifier gives the sketch of its own states and the margin of every token. Whether the claim
is true is judged by whoever holds the claimed sketches, by the limits of `limits`, and can be judged again by anyone.
Two readings that contradict the claim are alike if they find the same and their sketches are as near as honest
machines' are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.workloads.errors import BadCheckpoint, BadData
from assay.workloads.generate.answers import Answer, check_answer, write_line
from assay.workloads.generate.check import REQUESTS_DRAWN, draw_requests
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.generate.errors import BadOpening
from assay.workloads.generate.excerpt import altered_in, read_claimed, read_excerpt
from assay.workloads.generate.forms import FORMS, Form
from assay.workloads.generate.limits import (
    AGREES,
    WRONG_TEXT,
    WRONG_TOKENS,
    GenerationFinding,
    judge,
    limits_between,
)
from assay.workloads.generate.params import Cut, GenerateParams
from assay.workloads.generate.prefill import Seen, see
from assay.workloads.generate.prompts import read_prompts
from assay.workloads.generate.sketch import Sketch, chunks_of
from assay.workloads.generate.state import Reader, read_checkpoint, sized
from assay.workloads.task import Found
from assay.workloads.workload import Inputs

MAGIC = b"assay.reading.1"
BAD_FORM, BAD_READING = "segment.bad_form", "audit.bad_reading"
CHECKER_DTYPE = "float32"
MARGIN_BYTES = 4
DISTANCE_MAX = 1e30


@dataclass(frozen=True)
class Reading:
    """What was read: the code of what is wrong with the form, or none; what was seen of each drawn answer."""

    code: str
    seen: tuple[Seen, ...] = ()

    def encode(self) -> bytes:
        """Return the reading as bytes."""
        parts = [sized(each.sketch.tobytes()) + sized(each.margins.astype("<f4").tobytes()) for each in self.seen]
        return b"".join((MAGIC, sized(self.code.encode()), *parts))


def read_segment(params: GenerateParams, inputs: Inputs, excerpt: bytes, segment: int, seed: str) -> Reading:
    """Return the reading of the requests that `seed` draws.

    Raises CheckFailed, InputMissing, ModelMissing, ModelCorrupt for this machine's faults.
    """
    engine = load_engine(params.model, inputs.models, CHECKER_DTYPE, params.threads)
    try:
        lines, answers = read_excerpt(excerpt, params, segment)
        for answer in answers:
            check_answer(answer, params, engine.vocabulary, engine.ends)
        prompts = read_prompts(inputs.read(params.prompts), params.requests)
        drawn = draw_requests(seed, [answer.request for answer in answers], REQUESTS_DRAWN)
        asked = [(engine.encode(prompts[a.request], params), a) for a in answers if a.request in drawn]
    # A prompt that does not fit has no honest answer.
    except (BadCheckpoint, BadData):
        return Reading(BAD_FORM)
    if lines != lines_of(engine, answers):
        return Reading(WRONG_TEXT)
    return Reading("", tuple(see(engine, params, asked)))


def lines_of(engine: Engine, answers: Sequence[Answer]) -> bytes:
    """Return the lines that say what the tokens do."""
    return b"".join(write_line(answer, engine.text(answer.tokens), engine.ends) for answer in answers)


def decode_reading(data: bytes, answers: Sequence[Answer], form: Form) -> Reading:
    """Return the reading of these drawn answers by sketches of this form. Raises BadOpening if it is none of them."""
    try:
        reader = Reader(data)
        if reader.take(len(MAGIC)) != MAGIC:
            raise BadOpening("It does not begin like a reading.")
        code = reader.take_sized().decode("ascii", "replace")
        seen = () if code else tuple(take_seen(reader, answer, form) for answer in answers)
        reader.end()
    except BadCheckpoint as error:
        raise BadOpening(error.detail) from error
    return Reading(code, seen)


def take_seen(reader: Reader, answer: Answer, form: Form) -> Seen:
    """Return what was seen of one answer. Raises BadCheckpoint."""
    numbers, margins = reader.take_sized(), reader.take_sized()
    count = len(answer.tokens)
    if len(numbers) != form.seen.chunk_bytes * chunks_of(count) or len(margins) != MARGIN_BYTES * count:
        raise BadOpening(f"What is seen of request {answer.request} is not of {count} tokens.")
    seen = Seen(answer.request, form.seen.read(numbers), np.frombuffer(margins, "<f4").astype(np.float64))
    if form.seen.fault_of(seen.sketch) or not (seen.margins >= 0).all():
        raise BadOpening(f"What is seen of request {answer.request} is no sketch or no margin.")
    return seen


def judge_readings(
    params: Cut, state: bytes, excerpt: bytes, readings: Sequence[bytes], segment: int, seed: str
) -> list[Found]:
    """Return what each reading says of the claim in a checkpoint; those that contradict it alike are a group."""
    claimed = read_claimed(read_checkpoint(state).proof, params, segment)
    shown = read_excerpt(excerpt, params, segment)[1] if claimed else ()
    drawn = draw_requests(seed, [answer.request for answer in shown], REQUESTS_DRAWN)
    asked = [answer for answer in shown if answer.request in drawn]
    spoiled = altered_in(shown, claimed or ())
    sketches = {answer.request: answer.sketch for answer in claimed or ()}
    groups: list[tuple[str, Reading]] = []
    found = []
    for data in readings:
        try:
            reading = decode_reading(data, asked, FORMS[params.sketch])
            finding = find(params, reading, sketches, spoiled)
        except BadOpening:
            reading, finding = Reading(BAD_READING), GenerationFinding(None, False, BAD_READING, {})
        group = 0 if finding.passed else group_of(params, finding.code, reading, groups)
        distance = min(finding.worst, DISTANCE_MAX)
        found.append(Found(agrees=finding.passed, code=finding.code, distance=distance, group=group))
    return found


def find(params: Cut, reading: Reading, claimed: dict[int, Sketch], spoiled: Sequence[int]) -> GenerationFinding:
    """Return the worst finding of a reading. Of a spoiled excerpt it agrees with what is known if the token shows."""
    if reading.code or not claimed:
        return GenerationFinding(None, False, reading.code or BAD_READING, {})
    limits, form = limits_between(params.sketch, params.dtype, CHECKER_DTYPE), FORMS[params.sketch]
    if spoiled:
        margins = [float(seen.margins.max()) / limits.token_margin for seen in reading.seen if seen.request in spoiled]
        shows = all(margin > 1 for margin in margins)
        return GenerationFinding(None, shows, WRONG_TOKENS if shows else AGREES, {"token_margin": max(margins)})
    found = judge([seen.against(claimed[seen.request], form) for seen in reading.seen], limits)
    return max(found, key=lambda finding: (not finding.passed, finding.worst))


def group_of(params: Cut, code: str, reading: Reading, groups: list[tuple[str, Reading]]) -> int:
    """Return the number of the group that a contradicting reading is of; one that cannot be read is alone."""
    for number, (other, first) in enumerate(groups, 1):
        if code == other != BAD_READING and are_alike(params.sketch, reading, first):
            return number
    groups.append((code, reading))
    return len(groups)


def are_alike(sketch: str, one: Reading, other: Reading) -> bool:
    """Whether two readings are as near to each other as those of honest machines."""
    limit, form = limits_between(sketch, CHECKER_DTYPE, CHECKER_DTYPE).chunk_distance, FORMS[sketch]
    pairs = zip(one.seen, other.seen, strict=True) if len(one.seen) == len(other.seen) else None
    return pairs is not None and all(bool((form.between(a.sketch, b.sketch) <= limit).all()) for a, b in pairs)
