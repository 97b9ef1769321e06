"""What the axis is asked for, row by row: the figure, its aim, and whether it is met."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.result import Result, text


def percent(value: float) -> str:
    """A share, in percent."""
    return f"{value * 100:.3g} %"


def times(value: float) -> str:
    """A ratio."""
    return f"{value:,.4g}x"


def count(value: float) -> str:
    """A whole number."""
    return f"{value:,.0f}"


def plain(value: float) -> str:
    """Any other number."""
    return f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: which figure or ratio it shows, in which form, and the aim that it is held to.

    A row without an aim is shown for comparison.
    """

    label: str
    shows: str
    form: Callable[[float], str]
    aim: str = ""
    held_to: str = ""


ROWS: Final = (
    Row("proof / compute, 20,000 segments in the epoch", "pool.cost_share", percent, "<= 0.5 %", "pool.aim_over_cost"),
    Row(
        "  the same, a job of one second in that pool",
        "pool.one_second_job_cost_share",
        percent,
        "<= 0.5 %",
        "pool.aim_over_one_second_job",
    ),
    Row("  10,000 segments", "pool.cost_share_at_10000", percent),
    Row("  1,000 segments", "pool.cost_share_at_1000", percent),
    Row("  100 segments", "pool.cost_share_at_100", percent),
    Row("real draws off the formula", "draws.deviation", percent, "<= 2 %", "draws.aim_over_deviation"),
    Row("most that a cheat gains, of the pay", "draws.gain_max_over_pay", percent, "<= 0", "draws.never_gains"),
    Row(
        "claimed adversaries that lose over 1,000 jobs",
        "net_gain.all_claimed_lose",
        percent,
        "all",
        "net_gain.all_claimed_lose",
    ),
    Row("false findings on honest work", "honest.false_findings", count, "0", "honest.accepted"),
    Row("  of segments, in this run", "honest.segments", count),
    Row(
        "commitments / LoRA training", "commitments.share_at_4_steps", percent, "<= 0.5 %", "commitments.aim_over_share"
    ),
    Row("commitments / full training", "trace.commit_share", percent, "<= 0.5 %", "trace.training_over_commit"),
    Row(
        "exact / native, step of width 512",
        "numerics.slowdown_at_512",
        times,
        "<= 3.3x",
        "numerics.native_over_exact_at_512",
    ),
    Row(
        "exact / native, step of width 1,024",
        "numerics.slowdown_at_1024",
        times,
        "<= 2.7x",
        "numerics.native_over_exact_at_1024",
    ),
    Row(
        "trace check / step, width 1,024",
        "trace.check_over_step_at_1024",
        plain,
        "<= 0.15",
        "trace.step_over_check_at_1024",
    ),
    Row("weakest float32 cheat / worst honest", "trace.cheat_over_honest", times, ">= 100x", "trace.cheat_over_honest"),
    Row(
        "bfloat16: products of int8 inputs flagged",
        "trace.bf16_8_bit_products_found",
        percent,
        "flagged",
        "trace.bf16_8_bits_flagged",
    ),
    Row("dispute of 10,000 steps: rounds", "court.rounds", count, "<= 7", "court.limit_over_rounds"),
    Row("  bytes of all moves but tensors", "court.moves_bytes", count, "<= 10,000", "court.limit_over_moves_bytes"),
    Row("  with them, an element", "court.element_bytes", count, "<= 10,000", "court.limit_over_element_bytes"),
    Row("  with them, rows of 1,024", "court.row_bytes", count, "<= 10,000", "court.limit_over_row_bytes"),
    Row("  referee / step", "court.referee_share_of_step", percent, "<= 0.1 %", "court.limit_over_referee"),
    Row("  judgement on chain, gas", "court.gas", count, "<= 1,000,000", "court.limit_over_gas"),
    Row(
        "text: check / generate, 5 % audited",
        "inference.cost_at_5_percent_audited",
        percent,
        "<= 2 %",
        "inference.cost_budget_over_cost",
    ),
    Row(
        "text: proof, bytes a token",
        "inference.proof_bytes_a_token",
        plain,
        "<= 16",
        "inference.proof_budget_over_proof",
    ),
    Row("text: cheats rejected", "inference.cheats_found", percent, "all", "inference.cheats_found"),
    Row("text: honest accepted", "inference.honest_accepted", percent, "all", "inference.honest_accepted"),
    Row("full replication / our proof", "pool.full_replication_over_cost", times),
    Row("full replay / our proof", "pool.full_replay_over_cost", times),
    Row("full re-execution / a dispute, all parties", "court.re_execution_over_dispute", times),
    Row("ezkl / our proof, a perceptron", "zero_knowledge.ezkl_over_ours", times),
)


@dataclass(frozen=True, slots=True)
class Summary(Result):
    """The result of the axis, whose table is what was asked for; the parts printed all of their figures."""

    def table(self) -> str:
        """The rows, and which of the aims are met."""
        return "\n".join([f"\n{self.axis}", *(self._line(row) for row in ROWS)])

    def _line(self, row: Row) -> str:
        value = self.figures.get(row.shows, self.ratios.get(row.shows))
        shown = row.form(value) if isinstance(value, int | float) else text(value)
        outcome = {True: "met", False: "MISSED", None: "not measured" if row.held_to else ""}[self.met.get(row.held_to)]
        return f"  {row.label:<46} {shown:>12}  {row.aim:<12} {outcome}".rstrip()
