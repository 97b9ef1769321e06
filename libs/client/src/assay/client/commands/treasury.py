"""The treasury: whether credits can be made, what covers them, and what the price rests on."""

import typer

from assay.chain.governed import treasury
from assay.chain.governed.refusals import moment
from assay.chain.governed.treasury import Breaker, Minting, Price
from assay.client import output
from assay.client.commands import units
from assay.client.commands.governing import governed
from assay.client.output import Output

SAID = {
    Minting.OPEN: "minting is open",
    Minting.SLOWED: "minting is slowed to a tenth of the day's cap: what is locked covers little more than was made",
    Minting.NO_PRICE: "minting is halted: the oracle has no healthy price",
    Minting.UNCOVERED: "minting is halted: what is locked covers too little of what was made",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Credits of a dollar over locked native tokens.", no_args_is_help=True)
    group.command("show")(show)
    app.add_typer(group, name="treasury")


def show(context: typer.Context) -> None:
    """Show whether credits can be made, what covers them, and how fresh the price is. Redeeming is never halted."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, _):
            breaker, price = await treasury.breaker(node), await treasury.price(node)
            now_s = (await node.block()).timestamp
        out.say(f"{SAID[breaker.minting]}; redeeming is open, always")
        out.show(
            body(breaker, price, now_s), lambda: output.table("treasury", ("what", "is"), rows(breaker, price, now_s))
        )

    output.run(context, work)


def body(breaker: Breaker, price: Price, now_s: int) -> dict[str, object]:
    """Where the treasury stands, for scripts: amounts in base units, prices in 10^-18 dollars, times in seconds."""
    return {
        "minting": breaker.minting.value,
        "redeeming": "open",
        "cover_ppm": breaker.cover_ppm,
        "locked": breaker.locked,
        "credits": breaker.credits,
        "rules": {name: getattr(breaker.rules, name) for name in breaker.rules.__slots__},
        "price": {"spot": price.spot, "mean": price.mean, "last": breaker.last_price, "stale_s": price.stale_s},
        "feeds": [
            {"place": feed.place, "age_s": age, "is_stale": not counts(age, price.stale_s)}
            for feed in price.feeds
            for age in [age_of(feed, now_s)]
        ],
    }


def rows(breaker: Breaker, price: Price, now_s: int) -> list[tuple[str, str]]:
    """The same for people."""
    cover = "-" if breaker.cover_ppm is None else f"{units.plain(breaker.cover_ppm, 10**4)} %"
    rules = breaker.rules
    return [
        ("cover", f"{cover}; slows below {rules.warn_ppm / 10**4:g} %, halts below {rules.halt_ppm / 10**4:g} %"),
        ("locked", f"{output.native(breaker.locked)} tokens for {output.stable(breaker.credits)} credits"),
        ("a day", f"{output.stable(rules.day_cap)} credits at most"),
        ("price now", dollars(price.spot)),
        ("mean of 30 minutes", dollars(price.mean)),
        ("last healthy price", dollars(breaker.last_price or None)),
        *((f"feed {number}", feed_words(feed, now_s, price.stale_s)) for number, feed in enumerate(price.feeds, 1)),
    ]


def dollars(price: int | None) -> str:
    """A price of 10^-18 dollars as people write it."""
    return "none" if price is None else f"{output.native(price)} dollars a token"


def age_of(feed: treasury.Feed, now_s: int) -> int | None:
    """How old a feed's answer is in seconds; None if it gives none."""
    return None if feed.answer is None else now_s - feed.updated_at


def counts(age: int | None, stale_s: int) -> bool:
    """Whether an answer of this age counts; one of the future does not."""
    return age is not None and 0 <= age <= stale_s


def feed_words(feed: treasury.Feed, now_s: int, stale_s: int) -> str:
    """How fresh a feed is."""
    age = age_of(feed, now_s)
    if age is None:
        return f"{feed.place} gives no answer"
    fresh = "counts" if counts(age, stale_s) else f"does not count: it has to be of the last {stale_s} s"
    return f"{feed.place} answered {age} s ago (at {moment(feed.updated_at)}) and {fresh}"
