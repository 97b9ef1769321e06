"""The parameters of a command: everything that its outputs may depend on, and what it may use.

A segment is charged by what it reserves: a thread's second is 1,000 units, and so is each 4 GiB for a second where that
is more. How long it took is not asked, so every segment costs the same.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from assay.schema.values import Digest
from assay.workloads.egress.rules import ENDPOINTS_MAX, Endpoint, can_be_listed
from assay.workloads.workload import FrozenParams

MIB: Final = 1 << 20
JOB_BYTES_MAX: Final = 256 * MIB
"""What all segments of a job may put out: a checkpoint holds what was put out so far."""
UNITS_A_SECOND: Final = 1_000
BYTES_A_THREAD: Final = 4 << 30
INTERPRETERS: Final = ("python3", "sh")
"""What a machine executes of its own, for a command without an image."""
STDOUT: Final = "stdout"


def has_no_nul(text: str) -> str:
    """Return the text. Raises ValueError for one that no program can be told."""
    if "\0" in text:
        raise ValueError("no zero bytes")
    return text


def folders_of(name: str) -> set[str]:
    """Return the folders that a file lies in."""
    parts = name.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts))}


FileName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=128)
]
Word = Annotated[str, StringConstraints(max_length=8192), AfterValidator(has_no_nul)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class CommandParams(FrozenParams):
    """What is run, on which files, within which limits. `exact` declares it a function of its inputs alone."""

    command: Annotated[tuple[Word, ...], Field(min_length=1, max_length=256)]
    image: Digest | None = None
    inputs: dict[FileName, Digest] = Field(default_factory=dict, max_length=60)
    outputs: Annotated[tuple[FileName, ...], Field(min_length=1, max_length=64)] = (STDOUT,)
    environment: dict[Variable, Word] = Field(default_factory=dict, max_length=64)
    segments: Annotated[int, Field(ge=1, le=10_000)] = 1
    time_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    memory_bytes: Annotated[int, Field(ge=16 * MIB, le=1 << 40)] = 512 * MIB
    disk_bytes: Annotated[int, Field(ge=MIB, le=1 << 40)] = 256 * MIB
    output_bytes: Annotated[int, Field(ge=1, le=JOB_BYTES_MAX)] = MIB
    egress: Annotated[tuple[Endpoint, ...], Field(max_length=ENDPOINTS_MAX)] = ()
    numerics: Literal["native", "exact"] = "native"

    @model_validator(mode="after")
    def can_be_held(self) -> Self:
        """Refuse what no box can hold."""
        if not all(map(can_be_listed, self.egress)):
            raise ValueError("egress names ports up to 65535, and none of mail")
        if self.egress and self.numerics == "exact":
            raise ValueError("what reaches hosts is no function of its inputs: leave numerics or egress")
        if self.image is None and self.command[0] not in INTERPRETERS:
            raise ValueError(f"a command without an image begins with one of {', '.join(INTERPRETERS)}")
        if self.segments * self.output_bytes > JOB_BYTES_MAX:
            raise ValueError(f"at most {JOB_BYTES_MAX} bytes of outputs in a job: lower output_bytes or segments")
        if len(set(self.outputs)) < len(self.outputs):
            raise ValueError("an output is named twice")
        for names in (self.inputs.keys(), set(self.outputs)):
            if inside := next((name for name in names if names & folders_of(name)), None):
                raise ValueError(f"{inside} lies in another file")
        return self

    @property
    def segment_units(self) -> int:
        """What a segment costs."""
        return self.time_s * UNITS_A_SECOND * max(self.threads, -(-self.memory_bytes // BYTES_A_THREAD))
