"""Prefill: a verifier reads what was written, prompt and answer at once, and says what its own model sees in it.

It is shown lines and tokens, never the sketches of the states that they were chosen by. Its own sketches and the
margins of the tokens are judged against the claim here, so who does not read has nothing to say
(docs/adr/0011-inference-check.md).
"""

from collections.abc import Sequence
from typing import Final

from assay.schema.job import JobSpec
from assay.verification.methods.method import Method, Replayer, Shown
from assay.workloads.task import Found


async def judge(replayer: Replayer, spec: JobSpec, shown: Shown, readings: Sequence[bytes]) -> list[Found]:
    """What each reading says of the claim."""
    return await replayer.judge(spec, shown, readings)


def is_generated(spec: JobSpec) -> bool:
    """Whether the job is one of text."""
    return spec.kind in ("generate", "serve")


METHOD: Final = Method("prefill", tier="V4", misses_ppm=50_000, judge=judge, suits=is_generated)
