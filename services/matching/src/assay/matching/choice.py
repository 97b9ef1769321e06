"""Which offer a job gets: every rule is asked, a veto keeps an offer out, the highest sum wins. Pure.

Among equal sums the price decides, then the time of listing, then reputation, then a lot that the job's id draws.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Match, Opinion
from assay.matching.rules import RULES, Rule


def choose(
    job: Job,
    offers: Iterable[ListedOffer],
    now_ms: int,
    excluded: Mapping[str, str],
    rules: Sequence[Rule] = RULES,
) -> Match | dict[str, int]:
    """The best offer for the job; or each reason with how many offers it keeps out, an offer counting once.

    `excluded` maps providers to the reason why they are out of the question. The order of `offers` does not matter.
    """
    vetoes: Counter[str] = Counter()
    best: ListedOffer | None = None
    best_rank: tuple[int, ...] = ()
    for offer in offers:
        score, reason = weigh(job, offer, now_ms, excluded, rules)
        if score < 0:
            vetoes[reason] += 1
            continue
        rank = (-score, offer.mega_unit_price, offer.listed_ms, -offer.reputation)
        if best is None or rank < best_rank or (rank == best_rank and lot(job, offer) < lot(job, best)):
            best, best_rank = offer, rank
    if best is None:
        return dict(vetoes)
    return Match(best, -best_rank[0], reasons_for(job, best, now_ms, excluded, rules))


def weigh(job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str], rules: Sequence[Rule]) -> Opinion:
    """The sum of what the rules say of an offer, or the first veto."""
    sum_ = 0
    for rule in rules:
        opinion = rule(job, offer, now_ms, excluded)
        if opinion[0] < 0:
            return opinion
        sum_ += opinion[0]
    return Opinion(sum_, "")


def reasons_for(
    job: Job, offer: ListedOffer, now_ms: int, excluded: Mapping[str, str], rules: Sequence[Rule]
) -> tuple[str, ...]:
    """What speaks for an offer."""
    opinions = (rule(job, offer, now_ms, excluded) for rule in rules)
    return tuple(opinion.reason for opinion in opinions if opinion.score > 0)


def lot(job: Job, offer: ListedOffer) -> int:
    """The offer's lot in a draw that the job's id decides."""
    seed = f"{job.job_id}\x1f{offer.provider}".encode()
    return int.from_bytes(hashlib.blake2b(seed, digest_size=8).digest())
