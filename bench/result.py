"""What an axis comes to: figures, those of its peers, their ratios, and which aims are met."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

Figures = Mapping[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Result:
    """One axis. An aim is the least that the ratio of its name must be; one without a ratio is missed."""

    axis: str
    figures: Figures
    peers: Mapping[str, Figures]
    ratios: Mapping[str, float]
    aims: Mapping[str, float]
    notes: tuple[str, ...] = field(default=())

    @property
    def met(self) -> dict[str, bool]:
        """Whether each aim is met."""
        return {name: self.ratios.get(name, 0.0) >= aim for name, aim in self.aims.items()}

    def table(self) -> str:
        """The result for people."""
        peers = [f"{name}: {figure}" for name, figures in self.peers.items() for figure in lines_of(figures)]
        ratios = lines_of({name: ratio for name, ratio in self.ratios.items() if name not in self.aims})
        aims = [self._aim_line(name, is_met) for name, is_met in self.met.items()]
        parts = {"assay": lines_of(self.figures), "peers": peers, "ratios": ratios, "aims": aims}
        parts["notes"] = list(self.notes)
        rows = [
            f"  {head if not at else '':<8} {line}" for head, lines in parts.items() for at, line in enumerate(lines)
        ]
        return "\n".join([f"\n{self.axis}", *rows])

    def _aim_line(self, name: str, is_met: bool) -> str:
        outcome = "met" if is_met else "MISSED"
        return f"{name:<34} {text(self.ratios.get(name)):>12}  at least {text(self.aims[name])}: {outcome}"

    def json(self) -> str:
        """The result for programs, on one line."""
        fields = {name: value for name, value in asdict(self).items() if name != "notes"}
        return json.dumps(fields | {"met": self.met})


def lines_of(figures: Figures) -> list[str]:
    """A line for each figure."""
    return [f"{name:<34} {text(value):>12}" for name, value in figures.items()]


def text(value: float | str | None) -> str:
    """A value in four digits or so; what was not measured as a dash."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:,.4g}"
