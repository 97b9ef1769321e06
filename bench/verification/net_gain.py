"""What every adversary has gained after 1,000 jobs, beside honest work by the same party; a table of strategies.

Each is played several times. What is gained is in prices of one segment; a stake or a bond is worth a hundred of them.
"""

import random
import time
from dataclasses import dataclass
from statistics import mean
from typing import Final

from bench.result import Result
from bench.verification.games import (
    Game,
    answers_falsely,
    falsifies,
    hides_behind_own_orders,
    orders_from_itself,
    reads,
    sometimes,
    states_own_class,
    where_it_wins,
    withholds,
)
from bench.verification.market import PRICE, Verifiers

JOBS: Final = 1_000
TIMES: Final = 2


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to cheat; `is_deterred` if it is claimed that it never pays."""

    name: str
    game: Game
    is_deterred: bool = True


STRATEGIES: Final = (
    *(Strategy(f"falsifies {share:.2%}", falsifies(share)) for share in (0.0025, 0.01, 0.05, 0.2, 1.0)),
    *(Strategy(f"withholds what is drawn, {share:.2%} false", withholds(share)) for share in (0.0025, 0.05, 1.0)),
    Strategy("an identity a segment, alone", falsifies(1.0, None, 1, 1)),
    *(
        Strategy(f"falsifies {share:.0%}, {colluding} of 20 verifiers", falsifies(share, Verifiers(20, colluding)))
        for colluding in (4, 7, 10)
        for share in (0.05, 1.0)
    ),
    *(
        Strategy(f"an identity a segment, {colluding} of 20", falsifies(1.0, Verifiers(20, colluding), 1, 1))
        for colluding in (1, 7, 10, 15)
    ),
    Strategy("an identity a segment, 19 of 20", falsifies(1.0, Verifiers(20, 19), 1, 1), False),
    Strategy("falsifies 5%, contests", falsifies(0.05, contests=True)),
    *(
        Strategy(
            f"falsifies 5%, contests, {colluding} of 20 verifiers",
            falsifies(0.05, Verifiers(20, colluding), contests=True),
        )
        for colluding in (4, 7, 10)
    ),
    *(
        Strategy(
            f"an identity a segment, contests, {colluding} of 20",
            falsifies(1.0, Verifiers(20, colluding), 1, 1, contests=True),
        )
        for colluding in (1, 7, 10)
    ),
    Strategy(
        "an identity a segment, contests, 15 of 20", falsifies(1.0, Verifiers(20, 15), 1, 1, contests=True), False
    ),
    Strategy("so, contests, 17 of 20", falsifies(1.0, Verifiers(20, 17), 1, 1, contests=True), False),
    Strategy("lazy in 10% of its audits", answers_falsely(Verifiers(20, 1), sometimes(0.1))),
    Strategy("lazy in all of its audits", answers_falsely(Verifiers(20, 1), sometimes(1.0))),
    Strategy("upholds unread all claims that are read", reads(at_first=False)),
    Strategy("so, but what it is asked as a second", reads(at_first=False, at_second=True)),
    Strategy("lies always, 2 of 20", answers_falsely(Verifiers(20, 2), sometimes(1.0))),
    Strategy("lies always, 7 of 20", answers_falsely(Verifiers(20, 7), sometimes(1.0))),
    Strategy("so, not contested", answers_falsely(Verifiers(20, 7), sometimes(1.0), contests=False)),
    Strategy("lies where it might win, 2 of 20", answers_falsely(Verifiers(20, 2), where_it_wins)),
    Strategy("so, the honest on one network", answers_falsely(Verifiers(20, 2, network="home"), where_it_wins)),
    *(Strategy(f"states a class of its own, {count} of 20", states_own_class(count)) for count in (3, 7, 10)),
    Strategy("so, an identity a segment, 10 of 20", states_own_class(10, 1, 1)),
    Strategy("hides behind its own orders", hides_behind_own_orders),
    Strategy("orders from itself, 1 of 20", orders_from_itself(1)),
    Strategy("orders from itself, 4 of 20", orders_from_itself(4)),
    Strategy("so, with extra audits, 4 of 20", orders_from_itself(4, 500, 500)),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What a strategy gains on average and at most, in prices of a segment, and how many honest parties it harms."""

    average: float
    most: float
    harmed: float


def play(strategy: Strategy, jobs: int = JOBS, times: int = TIMES) -> Row:
    """The strategy's row, played so often."""
    games = [strategy.game(jobs, random.Random(f"{strategy.name} {turn}")) for turn in range(times)]
    gains = [game.gain / PRICE for game in games]
    return Row(mean(gains), max(gains), mean(game.harmed for game in games))


def run() -> Result:
    """The part, played now."""
    begun = time.process_time()
    rows = {strategy: play(strategy) for strategy in STRATEGIES}
    figures: dict[str, float | str | None] = {
        strategy.name: f"{row.average:,.0f} / {row.most:,.0f} / {row.harmed:,.0f}" for strategy, row in rows.items()
    }
    figures["cpu_s"] = time.process_time() - begun
    ratios = {"all_claimed_lose": float(all(row.most < 0 for strategy, row in rows.items() if strategy.is_deterred))}
    notes = ("gained in 1,000 jobs on average / at most, in prices of a segment / honest parties slashed",)
    return Result("net_gain", figures, {}, ratios, {"all_claimed_lose": 1.0}, notes)


if __name__ == "__main__":
    print(run().table())
