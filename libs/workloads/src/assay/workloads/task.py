"""What a runner and its child process say to each other: one JSON object a line, content by file path."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Said(BaseModel):
    """One line of the conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(Said):
    """Runner to child: run segments `first` up to, not including, `last`, from the checkpoint in `state`.

    Without `state` the child makes the job's start state and writes it to `<folder>/start.state`. `inputs` maps each
    digest to the file that holds it.
    The child writes `<folder>/<segment>.state` after each segment and `<folder>/result` if `wants_result`.
    """

    kind: str
    params: dict[str, Any]
    inputs: dict[str, str]
    models: str
    folder: str
    first: int
    last: int
    state: str | None = None
    wants_result: bool = True


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


FromChild = Annotated[Ready | Progressed | SegmentDone | Finished | Failed, Field(discriminator="said")]
FROM_CHILD: TypeAdapter[Ready | Progressed | SegmentDone | Finished | Failed] = TypeAdapter(FromChild)
