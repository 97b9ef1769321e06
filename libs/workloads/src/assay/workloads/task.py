"""What a runner and its child process say to each other: one JSON object a line, content by file path."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from assay.schema.served import Request, Told, Turned
from assay.schema.values import OperatorPlace


class Said(BaseModel):
    """One line of the conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(Said):
    """What every task names of a job. `inputs` maps each digest to the file that holds it."""

    kind: str
    params: dict[str, Any]
    inputs: dict[str, str]
    models: str
    folder: str
    private: str | None = None


class Task(Job):
    """Runner to child: run segments `first` up to, not including, `last`, from the checkpoint in `state`.

    Without `state` the child makes the job's start state and writes it to `<folder>/start.state`.
    The child writes `<folder>/<segment>.state` after each segment and `<folder>/result` if `wants_result`. One that
    `is_paced` closes a segment only once it was told that the one before it is committed; those before `first` are.
    """

    do: Literal["run"] = "run"
    first: int
    last: int
    state: str | None = None
    wants_result: bool = True
    is_paced: bool = False


class Warm(Job):
    """Runner to child: hold in memory what the job's segments need, so that the first of them begins at once."""

    do: Literal["warm"] = "warm"


class Look(Job):
    """What every task names by which a claimed segment is checked; `seed` draws what of it is looked at."""

    segment: int
    seed: str


class Show(Look):
    """Runner to child: write to `<folder>/shown` what a verifier is shown of the claim in the checkpoint `state`.

    With a seed in `spoil` it is not what was claimed, and looks as if it were.
    """

    do: Literal["show"] = "show"
    state: str
    spoil: str | None = None


class Read(Look):
    """Runner to child: write to `<folder>/reading` what is seen in the file `shown`."""

    do: Literal["read"] = "read"
    shown: str


class Judge(Look):
    """Runner to child: say what each of the files `readings` says of the claim in the checkpoint `state`."""

    do: Literal["judge"] = "judge"
    state: str
    shown: str
    readings: list[str]


class Trace(Job):
    """Runner to child: run `segment` again from the checkpoint `state`, each operator's result to `<folder>/trace`.

    Without `state` from the job's start.
    """

    do: Literal["trace"] = "trace"
    segment: int
    state: str | None = None


class Spoil(Job):
    """Runner to child: write the trace of a segment with one result made false, drawn by `seed`, as `Trace` does."""

    do: Literal["spoil"] = "spoil"
    segment: int
    trace: str
    seed: str


class CheckTrace(Look):
    """Runner to child: write to `<folder>/reading` what is wrong with a trace, said to have a root and an end.

    With `operator` that one alone is measured, all of it, and as it was first looked at, by the seed `first`.
    """

    do: Literal["check_trace"] = "check_trace"
    trace: str
    root: str
    state_out: str
    state: str | None = None
    operator: OperatorPlace | None = None
    first: str | None = None


class Measure(Said):
    """Runner to child: do what a challenge asks for so long, on so many rows, from a seed in hex."""

    do: Literal["measure"] = "measure"
    seed: str
    rows: int
    window_ms: int


class Recompute(Said):
    """Runner to child: do so many rounds of a challenge again, of these rows alone."""

    do: Literal["recompute"] = "recompute"
    seed: str
    rows: list[int]
    rounds: int


class Preload(Said):
    """Runner to child: load what these kinds of work need, so that their tasks begin at once."""

    do: Literal["preload"] = "preload"
    kinds: tuple[str, ...]


class Ask(Said):
    """Runner to child, while a task of a kind that serves is in hand: a request of its requester."""

    do: Literal["ask"] = "ask"
    request: Request


class Allow(Said):
    """Runner to child, while a task of a kind that serves is in hand: so many tokens it may say of it altogether."""

    do: Literal["allow"] = "allow"
    tokens: int


class Committed(Said):
    """Runner to child, while a task that is paced is in hand: so many segments of the job are committed."""

    do: Literal["committed"] = "committed"
    segments: int


class Stop(Said):
    """Runner to child: end after the segment in hand."""

    stop: Literal[True] = True


class Ready(Said):
    """Child to runner: inputs are read; the digest of the checkpoint that the first segment starts from."""

    said: Literal["ready"] = "ready"
    state_digest: str


class Progressed(Said):
    """Child to runner: steps done inside the segment in hand."""

    said: Literal["progressed"] = "progressed"
    segment: int
    done: int
    total: int
    metrics: dict[str, float]


class SegmentDone(Said):
    """Child to runner: a segment is closed and its checkpoint written to `path`."""

    said: Literal["segment"] = "segment"
    segment: int
    path: str
    state_digest: str
    units: int
    compute_ms: int
    metrics: dict[str, float]


class Answered(Said):
    """Child to runner: what became of requests."""

    said: Literal["answered"] = "answered"
    word: Annotated[Told | Turned, Field(discriminator="said")]


class Finished(Said):
    """Child to runner: nothing more comes for this task. `result` is the file with the artefact, if there is one."""

    said: Literal["finished"] = "finished"
    result: str | None = None


class Failed(Said):
    """Child to runner: the task cannot be done. `fault`: by this machine's fault, not the job's own."""

    said: Literal["failed"] = "failed"
    code: str
    detail: str
    fault: bool


class ReadingDone(Said):
    """Child to runner: what was shown is read, and what was seen written to `path`."""

    said: Literal["reading"] = "reading"
    path: str
    compute_ms: int


class Traced(Said):
    """Child to runner: a trace is written to `path`, under this Merkle root; of a false one, where it is false."""

    said: Literal["traced"] = "traced"
    path: str
    root: str
    compute_ms: int
    step: int = 0
    operator: int = 0


class Measured(Said):
    """Child to runner: so many rounds of a challenge are done, and the mark of each row, in order."""

    said: Literal["measured"] = "measured"
    rounds: int
    marks: list[str]


class Found(Said):
    """What one reading says of a claim. Those that contradict it alike are of one group, from 1 on."""

    agrees: bool
    code: str
    distance: float
    group: int


class Judged(Said):
    """Child to runner: what the readings say, in their order."""

    said: Literal["judged"] = "judged"
    found: list[Found]


ToChild = Task | Warm | Show | Read | Judge | Trace | Spoil | CheckTrace | Measure | Recompute | Preload
Word = Ask | Allow | Committed
TO_CHILD: TypeAdapter[ToChild | Word] = TypeAdapter(Annotated[ToChild | Word, Field(discriminator="do")])
Message = Ready | Progressed | Answered | SegmentDone | ReadingDone | Traced | Judged | Measured | Finished | Failed
FROM_CHILD: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="said")])
