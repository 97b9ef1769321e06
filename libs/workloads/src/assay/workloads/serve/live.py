"""A job that serves, segment after segment: requests come in, tokens go out, and a segment closes with its last answer.

Answers to later requests may be on their way, or finished, when a segment closes; they are those of the next. No more
tokens are said than the line allows.
"""

from collections.abc import Iterator

from assay.schema.served import Piece, Told, Turned
from assay.workloads.errors import BadCheckpoint
from assay.workloads.fitting import room_for
from assay.workloads.generate.answers import write_proof
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.generate.params import kept_tokens
from assay.workloads.generate.state import Checkpoint, read_checkpoint
from assay.workloads.memory import KEPT_TOKEN_BYTES
from assay.workloads.serve.batcher import Answered, Batcher
from assay.workloads.serve.errors import TurnedAway
from assay.workloads.serve.lines import start_of, write_line
from assay.workloads.serve.params import ServeParams
from assay.workloads.workload import Inputs, Line, SegmentResult


def serve_segments(
    params: ServeParams, inputs: Inputs, state: bytes, segments: range, line: Line
) -> Iterator[SegmentResult]:
    """Yield the segments as they close; fewer if the line closes.

    Raises BadCheckpoint, ModelMissing, ModelCorrupt, ModelUnsupported, TooLarge.
    """
    with room_for("text", inputs.models.path(params.model), kept_tokens(params), KEPT_TOKEN_BYTES):
        yield from served(params, inputs, state, segments, line)


def served(params: ServeParams, inputs: Inputs, state: bytes, segments: range, line: Line) -> Iterator[SegmentResult]:
    """Yield the segments as they close."""
    checkpoint = check_before(params, state, segments.start)
    engine = load_engine(params.model, inputs.models, params.dtype, params.threads)
    batcher = Batcher(engine, params, segments.start * params.segment_requests)
    finished: dict[int, Answered] = {}
    said = 0
    for segment in segments:
        numbers = params.requests_of(segment)
        while not all(number in finished for number in numbers):
            if line.is_closed:
                return
            hear(batcher, line, is_paused=said + batcher.next_tokens > line.allowed)
            # What was heard may have made the next step longer.
            if said + batcher.next_tokens <= line.allowed:
                said += batcher.next_tokens
                finished |= answer(batcher, line)
        checkpoint = close(engine, checkpoint, [finished.pop(number) for number in numbers])
        yield result_of(params, checkpoint)


def check_before(params: ServeParams, state: bytes, segment: int) -> Checkpoint:
    """Return the checkpoint that a segment follows. Raises BadCheckpoint."""
    before = read_checkpoint(state)
    if before.closed != segment:
        raise BadCheckpoint(f"The checkpoint closes {before.closed} segments; segment {segment} follows {segment}.")
    if before.start != start_of(params).start:
        raise BadCheckpoint("The checkpoint is of a job with other parameters.")
    return before


def hear(batcher: Batcher, line: Line, is_paused: bool) -> None:
    """Let in what was asked; wait for it, or for leave to say more, if there is nothing else to do."""
    for request in line.hear(wait=batcher.is_idle or is_paused):
        try:
            batcher.ask(request)
        except TurnedAway as away:
            turned = Turned(request_id=request.request_id, code=away.code, detail=away.detail, next=away.next_number)
            line.say(turned)


def answer(batcher: Batcher, line: Line) -> dict[int, Answered]:
    """Tell one more token of each answer; return the answers that it finished, by number."""
    if batcher.is_idle:
        return {}
    pieces: list[Piece]
    pieces, ended = batcher.step()
    line.say(Told(pieces=tuple(pieces)))
    return {each.asked.request.number: each for each in ended}


def close(engine: Engine, before: Checkpoint, answered: list[Answered]) -> Checkpoint:
    """Return the checkpoint after these answers."""
    lines = b"".join(
        write_line(each.asked.request, each.answer, engine.text(each.answer.tokens), engine.ends) for each in answered
    )
    return before.close(lines, write_proof([each.answer for each in answered]))


def result_of(params: ServeParams, after: Checkpoint) -> SegmentResult:
    """Return a closed segment."""
    units = params.segment_requests * params.max_tokens
    return SegmentResult(after.encode(), after.link(after.closed).hex(), units, {})
