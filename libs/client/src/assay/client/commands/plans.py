"""Plans: what a job comes to before any money moves, its proof included."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import typer
from rich.console import Group

from assay.client import output
from assay.client.asked import Asked, read_asked
from assay.client.commands.checkers import checkers_in_words, checkers_of
from assay.client.commands.ordering import DEFAULTS, Kind, Method, Params, Replicas, Segments
from assay.client.commands.proof_price import body_of, draw_plan, percent
from assay.client.commands.stakes import NativePrice, body_of_stake, stake_in_words, stake_of
from assay.client.cutting import LENGTH
from assay.client.cutting import cut as by_measure
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.source import placed
from assay.proof.digest import blob_digest
from assay.proof.economics import MILLION, ceil_div, found_among
from assay.proof.policy import (
    TIERS,
    Classes,
    Plan,
    Premium,
    Reputation,
    Terms,
    attest,
    choose,
    is_extra,
    numerics_of,
    ordered_max,
    ordered_units,
    paid_ppm,
    quote_premium,
    tiers_of,
    work_of,
    worth_of,
)
from assay.schema.epoch import StakeBehind
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.values import INPUT_BYTES_ANY, cost_of

POOLS: Final = (1_000, 10_000, 20_000, 100_000)
POOLED: Final = 20_000
PROVEN: Final = Reputation(passed_epochs=8)
PREMIUM_PPM: Final = 990_000
Poisoned: TypeAlias = Annotated[
    int | None, typer.Option(help="Quote samples that find so many poisoned segments.", min=1)
]


class Known(NamedTuple):
    """Of the provider of the cheapest offer: the report of its machine, and what stands behind it."""

    report: str | None
    stake: StakeBehind | None

    def body(self) -> dict[str, Any]:
        """Both for scripts."""
        return {"attestation": self.report, "stake_behind": body_of_stake(self.stake)}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A JSON file as `assay submit` takes it.")] = None,
    kind: Kind = None,
    param: Params = None,
    input_file: Annotated[list[str] | None, typer.Option("--input", help="NAME=FILE; nothing is uploaded.")] = None,
    pool: Annotated[int, typer.Option(help="Segments in the provider's epoch, of all jobs.", min=1)] = POOLED,
    poisoned: Poisoned = None,
    audit_segments: Segments = None,
    method: Method = None,
    replicas: Replicas = None,
    native_price: NativePrice = 0,
) -> None:
    """Show how a job is cut, what it costs, how it is proven and what the proof costs. Nothing is sent or paid."""
    options = {"kind": kind, "audit_segments": audit_segments, "method": method, "replicas": replicas}

    async def work(out: Output) -> None:
        asked = read_asked(file, param or [], input_file or [], options, DEFAULTS | {"price_limit": 0})
        async with Assay.connect(Profile.find(out.profile)) as assay:
            length = await by_measure(assay.door, asked.kind, params_of(asked))
            cut = await assay.plan(asked.kind, length.params) | {"commit_ppm": length.commit_ppm}
            listed, verifiers = those_for(asked.kind, await assay.network())
        offers = takers(needs := needs_of(asked, cut), listed)
        price, known = price_of(asked.kind, cut, offers), await known_of(out, asked.kind, offers, native_price)
        proof = prove(asked, cut, price or 1, pool, known)
        premium = premium_of(asked, cut, price or 1, min(poisoned, cut["segments"]), proof) if poisoned else None
        curve = [(n, prove(asked, cut, price or 1, n, known).chosen) for n in sorted({cut["segments"], pool, *POOLS})]
        body = {
            **{name: cut[name] for name in ("segments", "segment_units")} | {"price": price} | known.body(),
            **{"segment_steps": length.params.get(LENGTH), "commit_share_ppm": length.commit_ppm},
            "proof_of_job": share(price or 0, proof),
            "needs": needs | takers_of(listed, offers) | checkers_of(spec_of(asked, cut), needs, verifiers),
            "pool": body_of(proof),
            "cost_share_ppm_by_pool": {str(size): row.cost.total for size, row in curve},
            "premium": premium_body(premium),
            "ordered": ordered_of(asked, cut, price, proof),
        }
        out.show(body, lambda: draw(body, proof, premium, curve, known.stake))

    output.run(context, work)


def params_of(asked: Asked) -> dict[str, Any]:
    """The parameters with the digests that the files would have as blobs. Raises Refused for an address."""
    if away := [source for source in asked.files.values() if "://" in source]:
        raise Refused("job.bad_params", f"A plan fetches nothing: `assay data add {away[0]}`, then name its digest.")
    digests = {name: blob_digest(Path(source).read_bytes()) for name, source in asked.files.items()}
    return placed(asked.params, digests)


def price_of(kind: str, cut: dict[str, Any], offers: list[dict[str, Any]]) -> int | None:
    """What the whole job costs at the cheapest offer listed for its kind, in base units; None if there is none."""
    cheapest = cheapest_of(kind, offers)
    return cost_of(cut["segments"] * cut["segment_units"], cheapest["price"]) if cheapest else None


def listed_for(kind: str, offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The offers that are listed for a kind of work."""
    return [offer for offer in offers if offer["state"] == "listed" and kind in offer["kinds"]]


def those_for(kind: str, network: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The offers that are listed for a kind of work, and the verifiers of the network."""
    return listed_for(kind, network["providers"]), network["verifiers"]


def needs_of(asked: Asked, cut: dict[str, Any]) -> dict[str, int]:
    """What a machine needs for the job, in bytes: memory, and room for its inputs, those to be uploaded among them."""
    asks = cut["requirements"]
    inputs = asks.get("input_bytes", 0) + sum(Path(source).stat().st_size for source in set(asked.files.values()))
    return {
        "memory_bytes": asks.get("memory_bytes", 0),
        "input_bytes": inputs if inputs > INPUT_BYTES_ANY else 0,
    }


def takers(needs: dict[str, int], offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the offers that are large enough."""
    return [offer for offer in offers if all(offer.get(name, least) >= least for name, least in needs.items())]


def takers_of(listed: list[dict[str, Any]], offers: list[dict[str, Any]]) -> dict[str, int]:
    """How many offers there are, and how many of them take it."""
    return {"offers": len(listed), "taking": len(offers)}


def cheapest_of(kind: str, offers: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The cheapest offer listed for a kind of work; of equal ones one without an attested machine."""
    return min(listed_for(kind, offers), key=lambda offer: (offer["price"], report_in(offer) or ""), default=None)


def report_of(kind: str, offers: list[dict[str, Any]]) -> str | None:
    """The digest of the report that stands for the machine of the cheapest offer, if one does."""
    cheapest = cheapest_of(kind, offers)
    return report_in(cheapest) if cheapest else None


def report_in(offer: dict[str, Any]) -> str | None:
    """The digest of an offer's report, if it stands."""
    found: dict[str, Any] = offer.get("attestation") or {}
    return found["report"] if found and found["code"] is None else None


async def known_of(out: Output, kind: str, offers: list[dict[str, Any]], native_price: int) -> Known:
    """What is known of the provider of the cheapest offer; of its stake nothing where the profile names no node."""
    offer, report = cheapest_of(kind, offers), report_of(kind, offers)
    if offer is None or Profile.find(out.profile).evm_url is None:
        return Known(report, None)
    return Known(report, await stake_of(out, offer["provider"], native_price))


def prove(asked: Asked, cut: dict[str, Any], price: int, pool: int, known: Known) -> Plan:
    """How an epoch of `pool` segments like the job's is proven, by what is known of its provider."""
    tiers = tiers_of(asked.kind, asked.params, asked.policy)
    return choose(
        terms_of(asked, cut, price, pool, worth_of(known.stake)), PROVEN, attest(Classes(), known.report), tiers=tiers
    )


def terms_of(asked: Asked, cut: dict[str, Any], price: int, pool: int, stake: int) -> Terms:
    """The terms of an epoch of `pool` segments like the job's, with so much stake behind it, in base units."""
    pay = max(1, price * pool // cut["segments"])
    work, numerics = work_of(asked.kind), numerics_of(asked.params)
    terms = Terms(segments=pool, pay=pay, stake=stake, work=work, numerics=numerics)
    return replace(terms, commit_ppm=cut["commit_ppm"]) if cut["commit_ppm"] is not None else terms


def ordered_in_words(ordered: dict[str, int]) -> str:
    """What the order pays for, what it comes to, and what that finds of one false segment."""
    answers = f"about {ordered['answers']:,} answers, {ordered['answers_a_segment']} to each segment"
    money = f"{output.stable(ordered['expected'])}, at most {output.stable(ordered['held'])}"
    return f"{answers}: {money}; finds one false segment with {percent(ordered['detection_of_one_ppm'])}"


def share(price: int, proof: Plan) -> int:
    """The job's share of the price of proof, rounded up."""
    return -(-price * proof.chosen.cost.total // MILLION)


def premium_of(asked: Asked, cut: dict[str, Any], price: int, poisoned: int, proof: Plan) -> Premium:
    """Extra samples in this job, checked as the pool is, each at what its answers earn."""
    tier = next(tier for tier in TIERS if tier.name == proof.chosen.tier)
    each = answer_price(asked, cut, price) * (asked.policy.replicas if asked.policy.is_replicated else 1)
    return quote_premium(tier, cut["segments"], each, poisoned, PREMIUM_PPM)


def spec_of(asked: Asked, cut: dict[str, Any]) -> JobSpec:
    """The job as it would be ordered, as far as its price goes by it."""
    names = {"kind": asked.kind, "params": asked.params, "policy": asked.policy}
    return JobSpec(**names, segments=cut["segments"], segment_units=cut["segment_units"])


def answer_price(asked: Asked, cut: dict[str, Any], price: int) -> int:
    """What an answer about one segment earns, rounded up."""
    return ceil_div(price * paid_ppm(spec_of(asked, cut)), cut["segments"] * MILLION)


def premium_body(premium: Premium | None) -> dict[str, int] | None:
    """The quote for scripts."""
    if premium is None:
        return None
    return {name: getattr(premium, name) for name in ("samples", "price", "poisoned", "detection_ppm")}


def ordered_of(asked: Asked, cut: dict[str, Any], price: int | None, proof: Plan) -> dict[str, int] | None:
    """What the order asks of its proof besides and pays itself: expected, and held in its price limit at most."""
    policy, segments, spec = asked.policy, cut["segments"], spec_of(asked, cut)
    if price is None or not ordered_max(spec):
        return None
    extra = min(policy.audit_segments, segments) if is_extra(policy) else 0
    pooled = -(-segments * proof.chosen.k // proof.segments) if policy.is_replicated else 0
    answers = max(extra, pooled) * (policy.replicas if policy.is_replicated else 1)
    held = price * ordered_units(spec) // (segments * cut["segment_units"])
    found = found_among(segments, 1, max(extra, pooled, 1), proof.chosen.missed_ppm / MILLION)
    return {
        "answers": answers,
        "answers_a_segment": policy.replicas if policy.is_replicated else 1,
        "expected": answers * answer_price(asked, cut, price),
        "held": held,
        "price_limit": price + held,
        "detection_of_one_ppm": int(found * MILLION),
    }


def taking_in_words(needs: dict[str, int]) -> str:
    """How many offers are large enough, and for what."""
    sizes = f"{needs['memory_bytes'] / 2**30:.1f} GiB of memory"
    if needs["input_bytes"]:
        sizes += f", {needs['input_bytes'] / 2**30:.1f} GiB of inputs"
    return f"{needs['taking']} of {needs['offers']}: {sizes}"


def draw(
    body: dict[str, Any], proof: Plan, premium: Premium | None, curve: list[tuple[int, Any]], stake: StakeBehind | None
) -> Group:
    """The plan for people."""
    price = body["price"]
    rows = [
        ("segments", f"{body['segments']:,} of {body['segment_units']:,} units"),
        ("offers that take it", taking_in_words(body["needs"])),
        ("verifiers that can check it", checkers_in_words(body["needs"])),
        ("price", output.stable(price) if price is not None else "no offer takes it"),
        (
            "its machine",
            f"attested by the report {body['attestation'][:16]}" if body["attestation"] else "not attested",
        ),
        ("its provider's stake", stake_in_words(stake)),
        ("price of its proof", f"{output.stable(body['proof_of_job'])} in a pool of {proof.segments:,} segments"),
    ]
    if body["commit_share_ppm"] is not None:
        cost = percent(body["commit_share_ppm"])
        rows.insert(
            1, ("its cut", f"{body['segment_steps']:,} steps a segment, by your last job: committing takes {cost}")
        )
    if premium:
        found = f"finds one of {premium.poisoned} poisoned segments with {percent(premium.detection_ppm)}"
        rows.append(("premium", f"{premium.samples:,} samples for {output.stable(premium.price)}: {found}"))
    if ordered := body["ordered"]:
        rows.append(("ordered audits", ordered_in_words(ordered)))
        rows.append(("price limit to set", f"{output.stable(ordered['price_limit'])}: what is not needed comes back"))
    sizes = [(f"{size:,}", row.tier, f"{row.k:,}", percent(row.cost.total)) for size, row in curve]
    return Group(
        output.table("job", ("", ""), rows),
        output.table("the proof by the size of the pool", ("segments", "tier", "drawn", "cost share"), sizes),
        draw_plan(proof),
    )
