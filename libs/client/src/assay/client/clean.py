"""Strangers' text made fit for a terminal: it moves no cursor, turns no line around, and is no markup."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment


def clean(text: str) -> str:
    """The text in one line; whatever cannot be printed is a space."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def clean_lines(text: str) -> str:
    """The text with its line ends; whatever else cannot be printed is a space."""
    return "\n".join(map(clean, text.split("\n")))


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is drawn of something, letter by letter fit for a terminal; its own styles stay."""

    drawn: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.drawn, options.update(markup=False)):
            yield segment if segment.control else Segment(clean_lines(segment.text), segment.style)
