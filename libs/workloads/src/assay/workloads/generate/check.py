"""The check of a claimed segment: prompts and answers are read once, nothing is generated.

It judges three things: the form (an answer is as long as it must be, its text is its tokens'), the states (the
provider's sketches are those of the model) and the choice (each token is the one that logits and seed allow). Without
the last, tokens of a cheap model would pass along with sketches that the right model made in reading them.

What the provider sent is at fault only by a finding or a BadOpening; everything else that is raised is the fault of the
machine that checks.
"""

from collections.abc import Sequence

from blake3 import blake3

from assay.schema.job import JobSpec
from assay.workloads.errors import BadParams
from assay.workloads.generate.answers import Answer, check_answer, read_proof, write_line
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.generate.errors import BadOpening, ForeignOpening
from assay.workloads.generate.limits import WRONG_TEXT, GenerationFinding, judge, limits_between
from assay.workloads.generate.opening import Claim, read_opening
from assay.workloads.generate.params import Cut, GenerateParams
from assay.workloads.generate.prefill import measure
from assay.workloads.generate.prompts import read_prompts
from assay.workloads.generate.state import start_of
from assay.workloads.workload import Inputs

REQUESTS_DRAWN = 8


def check_generation(
    claim: Claim,
    seed: str,
    spec: JobSpec,
    inputs: Inputs,
    *,
    requests: int = REQUESTS_DRAWN,
    dtype: str = "float32",
    threads: int = 1,
) -> list[GenerationFinding]:
    """Return a finding for each of the `requests` drawn by `seed` (64 hex digits), and one for all together.

    `dtype` is the checker's own: in float32 it sees best. Raises BadOpening, and for this machine's faults CheckFailed,
    InputMissing, ModelMissing, ModelCorrupt; BadParams and BadData for a job that nobody can run.
    """
    params = params_of(spec)
    answers = read_claim(claim, params)
    engine = load_engine(params.model, inputs.models, dtype, threads)
    for answer in answers:
        check_answer(answer, params, engine.vocabulary, engine.ends)
    if found := check_lines(engine, claim, answers):
        return [found]
    prompts = read_prompts(inputs.read(params.prompts), params.requests)
    drawn = draw_requests(seed, [answer.request for answer in answers], requests)
    asked = [(engine.encode(prompts[a.request], params), a) for a in answers if a.request in drawn]
    return judge(measure(engine, params, asked), limits_between(params.sketch, params.dtype, dtype))


def params_of(spec: JobSpec) -> GenerateParams:
    """Return the parameters of a job of this kind. Raises BadParams."""
    if spec.kind != "generate":
        raise BadParams(f"A job of the kind {spec.kind} has no completions to check.")
    try:
        return GenerateParams.model_validate(spec.params)
    except ValueError as error:
        raise BadParams(str(error)[:300]) from error


def read_claim(claim: Claim, params: GenerateParams) -> tuple[Answer, ...]:
    """Return the answers that a claim opens, bound to its commitment. Raises BadOpening, ForeignOpening."""
    if not 0 <= claim.segment < params.segments:
        raise BadOpening(f"There is no segment {claim.segment} in a job of {params.segments}.")
    opening = read_opening(claim)
    if claim.segment == 0 and opening.before != start_of(params).start:
        raise ForeignOpening("It does not begin where this job begins.")
    return read_proof(opening.proof, params, claim.segment)


def check_lines(engine: Engine, claim: Claim, answers: Sequence[Answer]) -> GenerationFinding | None:
    """Return a failed finding if the lines of the result do not say what the tokens do."""
    lines = b"".join(write_line(answer, engine.text(answer.tokens), engine.ends) for answer in answers)
    if lines == read_opening(claim).lines:
        return None
    return GenerationFinding(None, False, WRONG_TEXT, {})


def draw_drawn(seed: str, params: Cut, segment: int) -> set[int]:
    """Return the requests of a segment that are looked at."""
    return draw_requests(seed, params.requests_of(segment), REQUESTS_DRAWN)


def draw_requests(seed: str, requests: Sequence[int], count: int) -> set[int]:
    """Return `count` of the requests: those of the least BLAKE3 under the seed."""
    key = bytes.fromhex(seed)
    return set(sorted(requests, key=lambda request: blake3(key + request.to_bytes(8, "big")).digest())[:count])
