"""Who gets how much of a contest's prize: Yuma consensus in integers, so that everybody reckons the same to the unit.

A weight counts up to the highest one that validators with `KAPPA` of the stake would give, so a minority can neither
lift a friend nor be paid for trying; validators are paid by bonds, which grow with what they gave early to those whom
the consensus pays later. Source: Bittensor, 'Yuma Consensus', with its defaults (kappa 0.5, alpha 0.1, beta 1).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

WHOLE: Final = 10**9
"""All of a prize, of a validator's weights, or of a model's bonds."""
KAPPA: Final = Fraction(1, 2)
ALPHA: Final = Fraction(1, 10)
"""How much of a round's bonds is new."""

Shares = dict[str, int]
Rows = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Outcome:
    """What a round comes to: the models' shares, the validators', both of WHOLE or empty, and each model's bonds."""

    incentives: Shares = field(default_factory=dict)
    dividends: Shares = field(default_factory=dict)
    bonds: dict[str, Shares] = field(default_factory=dict)


def share_out(weights: Rows, stakes: Mapping[str, int], bonds: Rows) -> Outcome:
    """The outcome of a round: `weights` by validator and model, `bonds` of the round before by model and validator.

    Who has no stake is not heard, and nobody weighs itself. Without any weight nobody gets anything and bonds stay.
    """
    rows = {validator: normalise(heard(weights[validator], validator)) for validator in backed(weights, stakes)}
    models = sorted({model for row in rows.values() for model in row})
    caps = {model: consensus({v: row.get(model, 0) for v, row in rows.items()}, stakes) for model in models}
    clipped = {v: {model: min(weight, caps[model]) for model, weight in row.items()} for v, row in rows.items()}
    ranks = {model: sum(stakes[v] * row.get(model, 0) for v, row in clipped.items()) for model in models}
    incentives = normalise(ranks)
    if not incentives:
        return Outcome(bonds={model: dict(held) for model, held in bonds.items()})
    held = {model: bond(bonds.get(model, {}), clipped, stakes, model) for model in sorted({*incentives, *bonds})}
    earned = {v: sum(held[model].get(v, 0) * share for model, share in incentives.items()) for v in bonded(held)}
    return Outcome(incentives, normalise(earned), {model: of for model, of in held.items() if of})


def consensus(given: Mapping[str, int], stakes: Mapping[str, int]) -> int:
    """The highest weight that validators with KAPPA of all stake heard give a model at least."""
    needed, behind = KAPPA * sum(stakes[validator] for validator in given), 0
    for validator in sorted(given, key=lambda each: -given[each]):
        behind += stakes[validator]
        if behind >= needed:
            return given[validator]
    return 0


def bond(before: Mapping[str, int], weights: Rows, stakes: Mapping[str, int], model: str) -> Shares:
    """The bonds in a model: those of before, and ALPHA of those by what its validators give it now."""
    new = normalise({v: stakes[v] * row.get(model, 0) for v, row in weights.items()})
    mixed = {v: ALPHA * new.get(v, 0) + (1 - ALPHA) * before.get(v, 0) for v in {*new, *before}}
    return {v: int(amount) for v, amount in sorted(mixed.items()) if amount >= 1}


def normalise(amounts: Mapping[str, int]) -> Shares:
    """Shares of WHOLE in proportion to the amounts; the units that rounding leaves go to the largest remainders."""
    amounts = {name: amount for name, amount in sorted(amounts.items()) if amount > 0}
    total = sum(amounts.values())
    if not total:
        return {}
    shares = {name: amount * WHOLE // total for name, amount in amounts.items()}
    left = WHOLE - sum(shares.values())
    for name in sorted(amounts, key=lambda each: (-(amounts[each] * WHOLE % total), each))[:left]:
        shares[name] += 1
    return shares


def heard(row: Mapping[str, int], validator: str) -> Shares:
    """What a validator says of others."""
    return {model: weight for model, weight in row.items() if model != validator}


def backed(validators: Iterable[str], stakes: Mapping[str, int]) -> list[str]:
    """Those who have something at stake."""
    return sorted(validator for validator in validators if stakes.get(validator, 0) > 0)


def bonded(bonds: Rows) -> list[str]:
    """All who hold a bond."""
    return sorted({validator for held in bonds.values() for validator in held})
