"""The choice of an offer: no veto is broken, the cheapest wins all else equal, the order of asking is nothing."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from services.matching.tests.samples import GIB, HOUR_MS, NOW_MS, STAKE, id_of, job_of, offer_of, party, spec_of

from assay.matching.book import Book
from assay.matching.choice import choose, weigh
from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Match, Opinion
from assay.matching.rules import RULES
from assay.matching.rules.price import FRACTION_BITS, log2
from assay.schema.values import cost_of

EXCLUDED = {party("p", 3): "provider.lapsed"}


@st.composite
def offers(draw: st.DrawFn) -> list[ListedOffer]:
    """A market of a dozen offers that differ in everything."""
    numbers = draw(st.lists(st.integers(1, 12), unique=True, max_size=12))
    return [draw(_offer(number)) for number in numbers]


@st.composite
def _offer(draw: st.DrawFn, number: int) -> ListedOffer:
    slots = draw(st.integers(1, 4))
    return offer_of(
        number,
        price=draw(st.integers(0, 2_000)),
        kinds=draw(st.sampled_from([frozenset({"noop"}), frozenset({"finetune"}), frozenset({"noop", "finetune"})])),
        slots=slots,
        taken=draw(st.integers(0, slots)),
        memory_bytes=draw(st.sampled_from([0, GIB, 8 * GIB])),
        gpu=draw(st.sampled_from([None, "h100"])),
        region=draw(st.sampled_from(["eu", "us"])),
        units_per_s=draw(st.integers(0, 10_000)),
        expires_ms=NOW_MS + draw(st.integers(-1, 1)) * HOUR_MS,
        reputation=draw(st.integers(0, 1_000_000)),
        stake=draw(st.sampled_from([0, STAKE, 100 * STAKE])),
        listed_ms=NOW_MS - draw(st.integers(0, 3)),
    )


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    """A job that may ask for anything."""
    spec = spec_of(
        memory_bytes=draw(st.sampled_from([0, GIB])),
        gpu=draw(st.booleans()),
        regions=draw(st.sampled_from([(), ("eu",), ("eu", "us")])),
        reputation_min=draw(st.sampled_from([0, 500_000])),
    )
    return job_of(draw(st.integers(1, 5)), draw(st.integers(0, 8_000)), spec)


def fits(job: Job, offer: ListedOffer) -> bool:
    """What the vetoes add up to, in other words."""
    asked = job.spec.requirements
    return all(
        (
            job.spec.kind in offer.kinds,
            offer.taken < offer.slots,
            offer.provider not in EXCLUDED,
            offer.expires_ms > NOW_MS,
            not asked.regions or offer.region in asked.regions,
            not asked.gpu or offer.gpu is not None,
            offer.memory_bytes >= asked.memory_bytes,
            cost_of(4_000_000, offer.mega_unit_price) <= job.price_limit,
            offer.reputation >= asked.reputation_min,
            offer.stake > 0,
        )
    )


@given(jobs(), offers())
def test_the_choice_breaks_no_veto_and_misses_no_offer_that_fits(job: Job, market: list[ListedOffer]) -> None:
    found = choose(job, market, NOW_MS, EXCLUDED)
    fitting = [offer for offer in market if fits(job, offer)]
    if isinstance(found, Match):
        assert found.offer in fitting
    else:
        assert fitting == [] and sum(found.values()) == len(market)


@given(jobs(), offers(), st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_offers(job: Job, market: list[ListedOffer], random: object) -> None:
    found = choose(job, market, NOW_MS, EXCLUDED)
    shuffled = sorted(market, key=lambda offer: random.random())  # type: ignore[attr-defined]
    assert choose(job, shuffled, NOW_MS, EXCLUDED) == found


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=10))
def test_the_cheapest_wins_all_else_equal(prices: list[int]) -> None:
    market = [offer_of(number, price) for number, price in enumerate(prices)]
    found = choose(job_of(), market, NOW_MS, {})
    assert isinstance(found, Match) and found.offer.mega_unit_price == min(prices)


def test_among_equals_the_earlier_listed_wins_then_the_lot() -> None:
    early, late = offer_of(1, listed_ms=NOW_MS - 2), offer_of(2, listed_ms=NOW_MS - 1)
    found = choose(job_of(), [late, early], NOW_MS, {})
    assert isinstance(found, Match) and found.offer == early
    equals = [offer_of(number) for number in range(8)]
    winners = {choose(job_of(number), equals, NOW_MS, {}).offer.provider for number in range(40)}
    assert len(winners) > 4


def test_reputation_outweighs_a_small_difference_in_price_only() -> None:
    proven = offer_of(1, price=104, reputation=1_000_000)
    assert choose(job_of(), [proven, offer_of(2, price=100)], NOW_MS, {}).offer == proven
    cheap = offer_of(2, price=90)
    assert choose(job_of(), [proven, cheap], NOW_MS, {}).offer == cheap


def test_who_is_to_be_avoided_gets_nothing_however_cheap() -> None:
    cheap, dear = offer_of(1, 100), offer_of(2, 900)
    job = job_of(spec=spec_of(1, avoid=(cheap.provider,)))
    found = choose(job, [cheap, dear], NOW_MS, {})
    assert isinstance(found, Match) and found.offer == dear
    assert choose(job, [cheap], NOW_MS, {}) == {"provider.avoided": 1}


def test_of_two_alike_the_faster_and_the_less_busy_win() -> None:
    fast, slow = offer_of(1, units_per_s=1_000_000), offer_of(2, units_per_s=2_000)
    assert choose(job_of(), [slow, fast], NOW_MS, {}).offer == fast
    busy, idle = offer_of(1, slots=4, taken=2), offer_of(2, slots=4, taken=1)
    assert choose(job_of(), [busy, idle], NOW_MS, {}).offer == idle


def test_a_rule_of_ones_own_may_veto_and_score() -> None:
    def lucky(job: Job, offer: ListedOffer, now_ms: int, excluded: object) -> Opinion:
        return Opinion(10**9, "lucky") if offer.provider == party("p", 2) else Opinion(-1, "unlucky")

    found = choose(job_of(), [offer_of(1), offer_of(2, price=1_000)], NOW_MS, {}, (*RULES, lucky))
    assert isinstance(found, Match) and found.offer.provider == party("p", 2) and "lucky" in found.reasons
    assert weigh(job_of(), offer_of(1), NOW_MS, {}, (lucky,)) == (-1, "unlucky")


@given(st.integers(1 << FRACTION_BITS, 1 << 60), st.integers(1, 1 << 40))
def test_the_logarithm_rises(ratio: int, more: int) -> None:
    assert log2(ratio) <= log2(ratio + more)
    assert log2(2 * ratio) == log2(ratio) + (1 << FRACTION_BITS)


@settings(max_examples=50)
@given(
    jobs(), offers(), st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["drop", "take", "free"])), max_size=20)
)
def test_the_book_finds_what_a_look_at_every_offer_finds(
    job: Job, market: list[ListedOffer], changes: list[tuple[int, str]]
) -> None:
    book, plain = Book(), {offer.provider: offer for offer in market}
    for offer in market:
        book.put(offer)
    for number, change in changes:
        provider = party("p", number)
        if change == "drop":
            book.drop(provider)
            plain.pop(provider, None)
        elif provider in plain:
            step = 1 if change == "take" else -1
            book.take(provider, step)
            plain[provider] = replace(plain[provider], taken=max(0, plain[provider].taken + step))
    found, wanted = book.find(job, NOW_MS, EXCLUDED), choose(job, plain.values(), NOW_MS, EXCLUDED)
    assert found == (wanted or {"offers.none": 0})


def test_a_dearer_page_is_looked_at_when_the_cheaper_holds_none_that_fits() -> None:
    book = Book()
    for number in range(600):
        book.put(offer_of(number, price=number, region="us"))
    book.put(offer_of(700, price=900))
    found = book.find(job_of(spec=spec_of(regions=("eu",))), NOW_MS, {})
    assert isinstance(found, Match) and found.offer.offer_id == id_of("f", 700)
