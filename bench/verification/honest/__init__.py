"""Part `honest`: how often honest work is found at fault, over machines that differ in instruction sets and threads.

Segments are small and real: LoRA steps of a small Llama in float32 and in exact numerics, replayed and compared, or
checked from their traces, by the network's own methods. `python -m bench.verification.honest --segments 10000` is the
whole; the axis runs a sample and says how large.
"""

from typing import Final

from bench.result import Result
from bench.verification.honest.rounds import ROUND_SEGMENTS, Honest, run_rounds
from bench.verification.honest.settings import SETTINGS

SAMPLE: Final = ROUND_SEGMENTS


def run(segments: int = SAMPLE) -> Result:
    """The part, measured now on so many segments."""
    return compose(run_rounds(segments, say))


def say(honest: Honest) -> None:
    """One line of progress."""
    print(
        f"  {honest.segments:>6,} segments, {len(honest.false_findings)} false findings, {honest.cpu_s:,.0f} CPU-s",
        flush=True,
    )


def compose(honest: Honest) -> Result:
    """The result; the aim is that there is no false finding, in a share of segments."""
    figures: dict[str, float | str | None] = {
        "segments": float(honest.segments),
        "false_findings": float(len(honest.false_findings)),
        "settings": float(len(SETTINGS)),
        "pairs_of_settings": float(len(honest.pairs)),
        "instruction_sets": ", ".join(sorted(honest.capabilities)),
        **{f"segments_{check}": float(count) for check, count in sorted(honest.by_check.items())},
        **{f"equal_bits_{check}": float(honest.equal_bits[check]) for check in sorted(honest.by_check)},
        **{f"worst_{check}": worst for check, worst in sorted(honest.worst.items())},
        **{f"segments_on {name}": float(count) for name, count in sorted(honest.by_setting.items())},
        "cpu_s": honest.cpu_s,
    }
    for finding in honest.false_findings:
        print(f"  FALSE {finding}", flush=True)
    accepted = 1 - len(honest.false_findings) / honest.segments
    notes = (
        f"{honest.segments:,} segments here; 10,000: python -m bench.verification.honest --segments 10000",
        "worst: distance in units of the segment's update for replays (tolerance 3e-4), residual for traces",
    )
    return Result("honest", figures, {}, {"accepted": accepted}, {"accepted": 1.0}, notes)
