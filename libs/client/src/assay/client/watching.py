"""Following a job until it has ended: bars over its segments and the one in hand, its loss as a curve, its events."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from assay.client import output
from assay.client.braille import framed
from assay.client.clean import clean
from assay.client.curve import LOSS, Curve
from assay.client.output import Output
from assay.client.sdk import Assay
from assay.client.view import JobView
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted, LeaseProgressed

COLUMNS, ROWS = 60, 8
FIGURE_MAX: Final = 1e15
FIGURES: Final = {
    "loss": "loss {:.4f}",
    "heldout_loss": "held-out {:.4f}",
    "tokens_per_s": "{:.0f} tokens/s",
    "commit_share": "committing {:.1%}",
    "segment_steps_enough": "0.5 % from {:.0f} steps a segment",
    "device_memory_bytes": "device {:.2e} bytes",
    "device_energy_j": "{:.0f} J",
}


@dataclass
class Board:
    """What is shown of a running job, below its events."""

    bars: Progress
    curve: Curve = field(default_factory=Curve)

    @classmethod
    def of(cls, view: JobView) -> "Board":
        """The board of a job as it stands."""
        columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        board = cls(Progress(*columns))
        board.bars.add_task("segments", total=view.segments, completed=view.committed)
        board.bars.add_task("steps", total=None, visible=False)
        return board

    def hear(self, event: Event) -> None:
        """Move the bars and the curve by an event."""
        self.curve.hear(event)
        whole, part = self.bars.task_ids
        if isinstance(event, LeaseProgressed):
            self.bars.update(part, total=event.total, completed=event.done, visible=True)
        if isinstance(event, LeaseCommitted):
            self.bars.update(whole, completed=event.segment + 1)
            self.bars.update(part, completed=0)

    def __rich__(self) -> Group:
        latest = self.curve.latest()
        figures = "  ".join(form.format(shortened(latest[name])) for name, form in FIGURES.items() if name in latest)
        lines = framed(self.curve.points(LOSS), COLUMNS, ROWS)
        return Group(*map(Text, [*lines, figures] if figures else lines), self.bars)

    @contextmanager
    def shown(self, out: Output) -> Iterator[None]:
        """Show it while the block runs, where a person looks at a terminal."""
        if out.is_json or not out.console.is_terminal:
            yield
            return
        with Live(self, console=out.console, transient=True, refresh_per_second=4):
            yield


def shortened(figure: float) -> float:
    """A provider's figure as it is shown: no more digits than a line has room for."""
    return max(-FIGURE_MAX, min(FIGURE_MAX, figure))


async def watch(assay: Assay, job_id: str, out: Output) -> JobView:
    """The job once it has ended; meanwhile each event is printed. Raises Refused: job.unknown."""
    board = Board.of(await assay.job(job_id))
    with board.shown(out):
        async for said in assay.watch(job_id):
            board.hear(said.event)
            # Where bars and curve show it, progress needs no line.
            if out.is_json or not (out.console.is_terminal and isinstance(said.event, LeaseProgressed)):
                out.show(line_of(said), partial(sentence_of, said))
    return await assay.rested(job_id)


async def curve_of(assay: Assay, job_id: str) -> Curve:
    """What was measured of a job until now."""
    curve = Curve()
    async for said in assay.events(follow=False):
        if getattr(said.event, "job_id", None) == job_id:
            curve.hear(said.event)
    return curve


def line_of(said: Envelope[Event]) -> dict[str, Any]:
    """An event as a script reads it."""
    return {
        "id": said.id,
        "type": said.event.type,
        "source": said.source,
        "time_ms": said.time_ms,
        "data": said.event.model_dump(mode="json", exclude={"spec"}),
    }


def sentence_of(said: Envelope[Event]) -> str:
    """An event as a person reads it, in one line: when, what, of what, by whom; digests are for scripts."""
    event = said.event
    names = ("segment", "done", "total", "reason", "reasons", "code", "outcome", "amount", "refunded")
    details = {name: getattr(event, name) for name in names if hasattr(event, name)}
    if isinstance(event, LeaseCommitted):
        del details["code"]  # there it is the digest of a release
    details |= {name: f"{value:.4g}" for name, value in (getattr(event, "metrics", None) or {}).items()}
    text = " ".join(f"{name}={value}" for name, value in details.items())
    return clean(f"{output.clock(said.time_ms)} {event.type:<18} {event.about[:12]:<12} {said.source[:12]:<12} {text}")
