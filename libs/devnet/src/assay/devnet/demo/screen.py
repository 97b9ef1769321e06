"""What a person sees while the demonstration runs: the events as they happen, above bars and a table of providers."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from assay.client.clean import Cleaned
from assay.client.output import stable
from assay.client.watching import sentence_of
from assay.devnet.parties import Party
from assay.schema.event import Envelope, Event

DULL = ("offer.announced", "offer.listed", "stake.changed", "account.changed", "verifier.announced", "payment.enlisted")


class Screen:
    """The live picture; with `quiet` nothing is drawn."""

    def __init__(self, console: Console, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}
        self._does: dict[str, Text | str] = {}
        self._parties: dict[str, Party] = {}
        self._names: dict[str, str] = {}
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator["Screen"]:
        """Draw while the block runs."""
        if self._quiet:
            yield self
            return
        with Live(get_renderable=self._picture, console=self._console, refresh_per_second=4) as self._live:
            yield self
        if not self._console.is_terminal:
            self._console.line()  # What is drawn there once, at the end, ends in the middle of a line.

    def tell(self, text: str, grave: bool = False) -> None:
        """A sentence of the story."""
        if not self._quiet:
            said = Text.assemble(("• ", "bold cyan"), (text, "red" if grave else ""))
            self._console.print(Cleaned(said))

    def know(self, party: Party) -> None:
        """A provider has joined."""
        self.name(party)
        self._parties[party.id] = party
        self._does[party.id] = "offering"

    def name(self, party: Party) -> None:
        """Somebody is called by a name from now on."""
        self._names[party.id[:12]] = party.name

    def expect(self, job_id: str, name: str, segments: int) -> None:
        """A bar for a job."""
        self._tasks[job_id] = self._bars.add_task(name, total=segments)

    def note(self, party: Party, text: str, grave: bool = False) -> None:
        """What a provider does now."""
        self._does[party.id] = Text(text, "red" if grave else "")

    def happen(self, said: Envelope[Event]) -> None:
        """An event: a line, and what it changes in the picture."""
        event = said.event
        job_id, provider = getattr(event, "job_id", None), getattr(event, "provider", None)
        if event.type == "lease.committed" and job_id in self._tasks:
            self._bars.update(self._tasks[job_id], completed=getattr(event, "segment", 0) + 1)
        if event.entity() == "lease" and provider in self._does:
            self._does[provider] = event.type.replace("lease.", "lease ")
        if not self._quiet and event.type not in DULL:
            self._console.print(Cleaned(Text(self._named(sentence_of(said)))))

    def _named(self, line: str) -> str:
        for id_, name in self._names.items():
            line = line.replace(id_, f"{name:<12}")
        return line

    def _picture(self) -> Group:
        table = Table("provider", "region", "price of a million tokens", "does")
        for party in self._parties.values():
            price = stable(party.terms.mega_unit_price)
            table.add_row(party.name, party.terms.region, price, self._does[party.id])
        return Group(table, self._bars)
