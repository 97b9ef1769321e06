"""The real draw and policy, many times, against the formula; and what a cheat would have earned at every share.

One order of the segments is falsified from the front, so that each draw tells for every share at once whether it was
found. Deviations are in chances (0.02 is two percent); gains are of the epoch's pay, where honesty earns nothing more.
"""

import random
import time
from collections.abc import Sequence
from typing import Final

from assay.proof.economics import MILLION, found_among, ground_gain
from assay.proof.policy import Plan, Reputation, Terms, choose
from assay.proof.sampling import detection, draw
from bench.result import Result

SETTINGS: Final = ((20_000, 3_000), (2_000, 6_000), (300, 8_000))
SHARES_PPM: Final = (1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
UNEVEN: Final = 3_000
PAY: Final = 10**9
PROVEN: Final = Reputation(passed_epochs=50)
AIM: Final = 0.02


def run() -> Result:
    """The part, simulated now."""
    begun, figures = time.process_time(), {}
    worst, best_gain, uneven = 0.0, float("-inf"), 0.0
    for segments, turns in SETTINGS:
        plan = choose(Terms(segments=segments, pay=PAY, stake=2 * PAY), PROVEN)
        found = simulate([1000] * segments, plan.chosen.k, turns)
        exact = [found_among(segments, -(-segments * share // MILLION), plan.chosen.k) for share in SHARES_PPM]
        apart = max(abs(one - other) for one, other in zip(found, exact, strict=True))
        figures[f"deviation_at_{segments}"] = apart
        worst, best_gain = max(worst, apart), max(best_gain, *gains(plan, found))
    chance = random.Random(11)
    costs = [chance.randrange(1, 2000) for _ in range(2_000)]
    below = (detection(s / MILLION, 90) - f for s, f in zip(SHARES_PPM, simulate(costs, 90, UNEVEN), strict=True))
    uneven = max(0.0, *below)
    figures |= {
        "deviation": worst,
        "uneven_below_formula": uneven,
        "gain_max_over_pay": best_gain,
        **{f"gain_if_best_of_{draws}_draws": ground(draws) for draws in (2, 3, 4, 16)},
        "draws": float(sum(turns for _, turns in SETTINGS) + UNEVEN),
        "cpu_s": time.process_time() - begun,
    }
    ratios = {"aim_over_deviation": AIM / max(worst, 1e-9), "never_gains": float(best_gain <= 0)}
    notes = ("gains are those of the simulated chances, with all its pay saved by a cheat and twice its pay at stake",)
    return Result("draws", figures, {}, ratios, {"aim_over_deviation": 1.0, "never_gains": 1.0}, notes)


def ground(draws: int) -> float:
    """The most that choosing the best of so many draws earns, as a share of the pay."""
    return ground_gain(20_000, 90, PAY, 2 * PAY, MILLION, draws) / PAY


def simulate(costs: Sequence[int], k: int, turns: int) -> list[float]:
    """The share of draws that find a cheat, for each falsified share of the cost."""
    ranks, total = costs_before(costs, random.Random(5)), sum(costs)
    found = [0] * len(SHARES_PPM)
    for turn in range(turns):
        least = min(ranks[place] for place in draw(f"{turn:064x}", costs, k))
        for at, share in enumerate(SHARES_PPM):
            found[at] += least * MILLION < share * total
    return [each / turns for each in found]


def costs_before(costs: Sequence[int], chance: random.Random) -> list[int]:
    """For each segment, the cost of those that are falsified before it."""
    order, before, passed = chance.sample(range(len(costs)), len(costs)), [0] * len(costs), 0
    for place in order:
        before[place] = passed
        passed += costs[place]
    return before


def gains(plan: Plan, found: Sequence[float]) -> list[float]:
    """What each share would have earned on average in the simulation, as a share of the pay."""
    at_risk = (plan.pay + plan.stake) / plan.pay
    return [share / MILLION - chance * at_risk for share, chance in zip(SHARES_PPM, found, strict=True)]
