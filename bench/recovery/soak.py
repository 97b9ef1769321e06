"""Very many kills, to find the one after which nobody goes on: `python -m bench.recovery 100`."""

import statistics
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from bench.recovery.axis import Kill, Order, kill_once, network
from bench.recovery.model import tiny
from bench.result import Result

AT_ONCE: Final = 10
"""Kills of one network; every other network has spares."""

LAPSE_S: Final = 3.0
"""Longer than the axis has it: nothing lapses by itself while other work is done on the machine."""

Tell = Callable[[str], None]


async def soak(kills: int, tell: Tell) -> Result:
    """So many kills, each of a job of its own, a line told of each. What no step followed in time is a hang."""
    found: list[Kill] = []
    hangs = 0
    for turn in count():
        if len(found) + hangs >= kills:
            return compose(found, hangs)
        hangs += await in_one_network(found, kills - hangs, turn % 2, tell)
    raise AssertionError


async def in_one_network(found: list[Kill], most: int, spares: int, tell: Tell) -> int:
    """Add the kills of one network to those found; how many hung, for a network in which one did is given up."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        model = tiny(folder / "models")
        async with network(folder, True, LAPSE_S) as (devnet, assay, beating):
            for _ in range(min(AT_ONCE, most - len(found))):
                try:
                    found.append(await kill_once(devnet, assay, beating, Order(model, len(found), spares, True)))
                except TimeoutError as error:
                    how = "with" if spares else "without"
                    tell(f"kill {len(found) + 1}: HUNG {how} a spare: {error or 'before its kill'}")
                    return 1
                last = found[-1]
                tell(f"kill {len(found)}: next step after {last.took_s:.1f} s, {last.lost_steps} steps made again")
    return 0


def compose(found: list[Kill], hangs: int) -> Result:
    """The result; the aim is that every kill is followed by a step."""
    took_s = sorted(each.took_s for each in found)
    figures: dict[str, float | str | None] = {
        "kills": len(found) + hangs,
        "hangs": hangs,
        "next_step_s": statistics.median(took_s) if took_s else None,
        "next_step_s_max": took_s[-1] if took_s else None,
        "steps_lost_max": max((each.lost_steps for each in found), default=None),
    }
    ratios = {"went_on": len(found) / (len(found) + hangs)}
    notes = (f"lapse after {LAPSE_S:g} s of silence; half of the jobs have a spare; no other child has torch to load",)
    return Result("kills", figures, {}, ratios, {"went_on": 1.0}, notes)
