"""The end of the story: per job who did what and what it cost, and balances that add up; as tables or as one object."""

from collections.abc import Iterator
from dataclasses import asdict
from os.path import relpath
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.client.output import clock, native, stable, table
from assay.client.view import JobView
from assay.devnet.demo.story import Told
from assay.devnet.holdings import KINDS, totals

WRITTEN = {"stable": stable, "native": native}
AMOUNTS = {kind: WRITTEN[token] for token, kinds in KINDS.items() for kind in kinds}


def as_json(told: Told) -> dict[str, Any]:
    """The summary for scripts."""
    assert told.before and told.after
    return {
        "jobs": [_job(view, str(path)) for view, path in zip(told.jobs, told.receipts, strict=True)],
        "loss_before": told.before.loss,
        "loss_after": told.after.loss,
        "answer_before": told.before.answer,
        "answer_after": told.after.answer,
        "migrated": len({lease.provider for lease in told.jobs[0].leases if lease.segments}) > 1,
        "cheat_caught": told.jobs[-1].state == "refunded"
        and any(v.outcome == "rejected" for v in told.jobs[-1].verdicts),
        "epochs": [asdict(epoch) for epoch in told.epochs.by_id.values()],
        "audited_blind": bool(told.epochs.upheld) and not told.epochs.overruled,
        "audit_fees": told.epochs.fees,
        "slashed": sum(lease.slashed for lease in told.jobs[-1].leases),
        "receipts_hold": all(told.receipts_hold),
        "balances_before": told.balances_before,
        "balances_after": told.balances_after,
        "conserved": told.is_conserved,
        "seconds": round(told.seconds, 1),
    }


def _job(view: JobView, receipt: str) -> dict[str, Any]:
    return {
        "id": view.job_id,
        "state": view.state,
        "lease_history": [lease.model_dump() for lease in view.leases],
        "verdicts": [verdict.model_dump() for verdict in view.verdicts],
        "verification_cost_share": (view.cost_share_ppm or 0) / 1_000_000,
        "paid": view.paid,
        "refunded": view.refunded,
        "gas": view.gas,
        "receipt": receipt,
    }


def draw(told: Told, names: dict[str, str]) -> Group:
    """The summary for people. `names` maps participants' ids to names."""
    assert told.before and told.after
    parts: list[RenderableType] = []
    for number, (view, receipt) in enumerate(zip(told.jobs, told.receipts, strict=True), 1):
        parts += [
            *_draw_job(number, view, names),
            f"receipt: {relpath(receipt)}  (assay receipt verify FILE checks it offline)",
            "",
        ]
    parts += [
        _draw_epochs(told, names),
        "",
        Text.assemble(f"held-out loss: {told.before.loss:.4f} before, ", (f"{told.after.loss:.4f}", "bold"), " after"),
        f"answer before: {told.before.answer}",
        f"answer after:  {told.after.answer}",
        "",
        _draw_balances(told),
        f"the sums are {'equal' if told.is_conserved else 'NOT EQUAL'}; {told.seconds:.0f} s in all",
    ]
    return Group(*parts)


def _draw_job(number: int, view: JobView, names: dict[str, str]) -> Iterator[RenderableType]:
    share = (view.cost_share_ppm or 0) / 10_000
    yield Text.assemble(
        (f"job {number}: {view.state}", "bold"),
        f"  paid {stable(view.paid)}, refunded {stable(view.refunded)}, ",
        f"verification {share:.1f} % of compute, gas {view.gas}",
    )
    steps = [
        (clock(s.time_ms), s.event, names.get(s.actor, s.actor)) for s in view.timeline if s.event.startswith("job.")
    ]
    yield table("states", ("time", "event", "said by"), steps)
    leases = [
        (
            names.get(lease.provider, lease.provider),
            lease.fence,
            lease.state,
            lease.segments,
            stable(lease.paid),
            native(lease.slashed),
        )
        for lease in view.leases
    ]
    yield table("leases", ("provider", "fence", "state", "segments", "paid", "slashed"), leases)
    verdicts = [(v.outcome, v.drawn, ", ".join(v.codes), f"{v.audit_ms} of {v.job_ms} ms") for v in view.verdicts]
    yield table("verdicts", ("outcome", "drawn", "found", "audit compute"), verdicts)


def _draw_epochs(told: Told, names: dict[str, str]) -> RenderableType:
    rows = [
        (
            names.get(epoch.provider, epoch.provider),
            epoch.number,
            f"{epoch.segments} of {epoch.leases} leases",
            epoch.root[:16],
            epoch.anchored,
            epoch.beacon,
            ", ".join(map(str, epoch.drawn)),
            epoch.outcome,
        )
        for epoch in told.epochs.by_id.values()
    ]
    columns = ("provider", "epoch", "segments", "root", "anchored in", "drawn by", "drawn", "outcome")
    return table("epochs", columns, rows)


def _draw_balances(told: Told) -> Table:
    drawn = Table("who", "held", "before", "after", title="balances", title_justify="left")
    for who, row in told.balances_after.items():
        for held, after in row.items():
            before = told.balances_before.get(who, {}).get(held, 0)
            if before or after:
                mark = "bold" if before != after else "dim"
                drawn.add_row(who, held, AMOUNTS[held](before), AMOUNTS[held](after), style=mark)
    for held, after in totals(told.balances_after).items():
        before = totals(told.balances_before)[held]
        drawn.add_row("sum", held, AMOUNTS[held](before), AMOUNTS[held](after), style="bold")
    return drawn
