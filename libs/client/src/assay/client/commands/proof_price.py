"""A plan of audits for people and for scripts: the tier, the draws, what they find, what is at risk, what it costs."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from rich.console import Group
from rich.table import Table

from assay.client import output
from assay.proof.policy import Candidate, Plan


def body_of(plan: Plan) -> dict[str, Any]:
    """The plan for scripts; shares are in parts per million, money in base units."""
    return {
        "tier": plan.chosen.tier,
        "k": plan.chosen.k,
        "segments": plan.segments,
        "missed_ppm": plan.chosen.missed_ppm,
        "detection_ppm": {str(share): found for share, found in plan.detection},
        "pay_at_risk": plan.pay,
        "stake_at_risk": plan.stake,
        "gain_bound": plan.gain_bound,
        "margin_bound": plan.margin_bound,
        "deters": plan.deters,
        "cost_share_ppm": plan.chosen.cost.total,
        "cost_ppm": cost_parts(plan.chosen),
        "budget_ppm": plan.budget_ppm,
        "price_of_proof": plan.price,
        "settled": plan.is_settled,
        "remedies": [{"name": r.name, "amount": r.amount, "sentence": r.sentence} for r in plan.remedies],
        "candidates": [row_body(row) for row in plan.candidates],
    }


def row_body(row: Candidate) -> dict[str, Any]:
    """One tier for scripts."""
    return {
        "tier": row.tier,
        "k": row.k,
        "cost_share_ppm": row.cost.total,
        "missed_ppm": row.missed_ppm,
        "opens": row.opens.name.lower(),
        "opened_bytes": row.opened_bytes,
        "deters": row.deters,
        "against": list(row.against),
    }


def cost_parts(row: Candidate) -> dict[str, int]:
    """The parts of a price, by name."""
    return {each.name: getattr(row.cost, each.name) for each in fields(row.cost)}


def open_s(plan: Plan, hourly: int) -> int:
    """How long an epoch stays open until its proof is within the budget, in seconds, at so many segments an hour."""
    needed = next((remedy.amount for remedy in plan.remedies if remedy.name == "pool"), plan.segments)
    return -(-needed * 3600 // hourly)


def open_in_words(seconds: int) -> str:
    """What the network does about an epoch that needs so long to fill."""
    return (
        f"At this rate an epoch has enough after {seconds / 3600:,.1f} h: it stays open for that, up to the operator's "
        "ASSAY_VERIFICATION_EPOCH_MAX_S, unless an order in haste or a deadline closes it earlier."
    )


def draw_plan(plan: Plan, *more: str) -> Group:
    """The plan for people, and what more there is to say."""
    tables = (
        output.table(f"proof of {plan.segments:,} segments", ("", ""), lines_of(plan)),
        detection(plan),
        output.table("tiers", ("tier", "k", "cost", "missed", "shows", "against it"), map(row_cells, plan.candidates)),
    )
    return Group(*tables, *(f"- {sentence}" for sentence in (*(each.sentence for each in plan.remedies), *more)))


def lines_of(plan: Plan) -> Iterator[tuple[str, str]]:
    """What was chosen, line by line."""
    chosen = plan.chosen
    yield "tier", f"{chosen.tier}: {chosen.check}"
    yield "segments drawn", f"{chosen.k:,} of {plan.segments:,}"
    yield "missed by one audit", f"at most {percent(chosen.missed_ppm)}"
    yield "at risk", f"pay {output.stable(plan.pay)}, stake {output.stable(plan.stake)}"
    yield "most a cheat earns", f"{plan.gain_bound:+,} base units on average, whatever it falsifies"
    yield "with the margin", f"{plan.margin_bound:+,}: {'cheating never pays' if plan.deters else 'TOO LITTLE AT RISK'}"
    parts = ", ".join(f"{name} {percent(part)}" for name, part in cost_parts(chosen).items() if part)
    verdict = "" if plan.is_within_budget else f", OVER the budget of {percent(plan.budget_ppm)}"
    yield "cost share", f"{percent(chosen.cost.total)} ({parts}){verdict}"
    yield "price of proof", output.stable(plan.price)


def detection(plan: Plan) -> Table:
    """How surely a cheat is found, by what it falsifies."""
    columns = [percent(share) for share, _ in plan.detection]
    return output.table("found, if so much is falsified", columns, [[percent(found) for _, found in plan.detection]])


def row_cells(row: Candidate) -> tuple[str, ...]:
    """One tier as cells."""
    against = row.against[0] if row.against else "" if row.deters else "Too little is at risk for it."
    return (
        row.tier,
        f"{row.k:,}",
        percent(row.cost.total),
        percent(row.missed_ppm),
        row.opens.name.lower(),
        against,
    )


def percent(ppm: int) -> str:
    """Parts per million as a percentage."""
    return f"{ppm / 10_000:,.4g} %"
