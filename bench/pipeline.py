"""Axis `pipeline`: the whole way of a job whose work is nothing, beside four Ray actors in a chain.

Every job is signed, let in at the door, held from its deposit, matched, executed in a provider's child process, audited
blind, charged and posted on the chain, with each hop on disk before the next; all of it as real processes on this
machine. The processor time is that of every process there is: services, provider, verifiers, servers and requester.
What is audited is drawn from an epoch of one second by a block two blocks after its anchor, and epochs of payments are
a second apart, so a job waits some four seconds however little its work is; and 64 in flight are at most 16 a second.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from assay.client.sdk import Assay
from assay.devnet.devnet import Devnet
from assay.devnet.parties import Party, Terms
from assay.schema.job import JobSpec
from assay.schema.values import Role
from bench.load import Round, drive, middle, percentile_ms
from bench.peers.peer import Peer
from bench.processes import tree_cpu_s
from bench.requester import Requester
from bench.result import Result

IN_FLIGHT: Final = (1, 64)
ROUNDS: Final = 2
ROUND_S: Final = {1: 6.0, 64: 10.0}
PEER_ROUND_S: Final = 3.0
WARM_S: Final = 3.0
PRICE_LIMIT: Final = 1_000
SLOTS: Final = 256
VERIFIERS: Final = 3
LISTED_S: Final = 30.0
# The door's limits are for strangers; one account sends all of this load.
KNOBS: Final = {"gateway": {"events_per_s": 1_000_000, "burst_events": 1_000_000}}
AIMS: Final = {"rate_over_ray": 2.0, "ray_cpu_over_ours": 2.0}

Rounds = dict[int, list[Round]]


def run() -> Result:
    """The axis, measured now, in about a minute and a half."""
    return asyncio.run(measure())


async def measure() -> Result:
    """Rounds of both, one after the other: ours, the peer, ours, the peer."""
    ours: Rounds = {each: [] for each in IN_FLIGHT}
    theirs: Rounds = {each: [] for each in IN_FLIGHT}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        async with network(Path(folder)) as requester, Peer.start("ray", "bench.peers.ray_chain") as ray:
            cpu_s = partial(own_cpu_s, ray)
            await drive(requester.job, max(IN_FLIGHT), WARM_S, cpu_s)
            for _ in range(ROUNDS):
                for in_flight in IN_FLIGHT:
                    ours[in_flight].append(await drive(requester.job, in_flight, ROUND_S[in_flight], cpu_s))
                    if ray:
                        theirs[in_flight].append(await ray.round(in_flight, PEER_ROUND_S))
    return compose(ours, theirs)


def own_cpu_s(peer: Peer | None) -> float:
    """The processor time of all processes that were started here, this one included, but for the peer's."""
    return tree_cpu_s(os.getpid()) - (tree_cpu_s(peer.pid) if peer else 0.0)


@asynccontextmanager
async def network(folder: Path) -> AsyncIterator[Requester]:
    """A requester before a whole network with three verifiers and one provider whose offer is listed."""
    async with Devnet(folder, folder / "models", knobs=KNOBS) as devnet:
        parties = devnet.places.parties
        await devnet.join(Party.make(parties, "requester", Role.REQUESTER))
        await devnet.join(Party.make(parties, "provider", Role.PROVIDER, Terms(slots=SLOTS)))
        for n in range(1, VERIFIERS + 1):
            await devnet.join(Party.make(parties, f"verifier-{n}", Role.VERIFIER, Terms.of_verifier(n)))
        async with Assay.connect(devnet.profile("requester")) as assay:
            await until_listed(assay)
            plan = await assay.plan("noop", {"segments": 1})
            spec = JobSpec(
                kind="noop",
                params={"segments": 1},
                segments=plan["segments"],
                segment_units=plan["segment_units"],
            )
            async with Requester.open(assay, spec, PRICE_LIMIT) as requester:
                yield requester


async def until_listed(assay: Assay) -> None:
    """Returns once there is an offer. Raises TimeoutError."""
    async with asyncio.timeout(LISTED_S):
        while not (await assay.network())["providers"]:
            await asyncio.sleep(0.1)


def figures_of(rounds: Rounds) -> dict[str, float | str | None]:
    """The figures of one side."""
    few, many = (rounds[each] for each in IN_FLIGHT)
    if not few:
        return {"rate": "not installed"}
    return {
        "p50_ms_at_1": percentile_ms(few, 50),
        "p99_ms_at_1": percentile_ms(few, 99),
        "jobs_per_s_at_1": middle(few, lambda each: each.rate),
        "jobs_per_s_at_64": middle(many, lambda each: each.rate),
        "p50_ms_at_64": percentile_ms(many, 50),
        "p99_ms_at_64": percentile_ms(many, 99),
        "cpu_ms_per_job_at_64": middle(many, lambda each: each.cpu_ms),
        "jobs_measured": float(sum(each.jobs for each in (*few, *many))),
    }


def compose(ours: Rounds, theirs: Rounds) -> Result:
    """The result: ratios are medians over medians, and above 1 is better for us."""
    many, peer = ours[max(IN_FLIGHT)], theirs[max(IN_FLIGHT)]
    ratios = {}
    if peer:
        ratios = {
            "rate_over_ray": middle(many, lambda each: each.rate) / middle(peer, lambda each: each.rate),
            "ray_cpu_over_ours": middle(peer, lambda each: each.cpu_ms) / middle(many, lambda each: each.cpu_ms),
        }
    notes = (
        "ours: signed, on disk at every hop, matched, audited blind, posted on chain; Ray's chain does none of these",
        "at 1 in flight over half of the time is the beacon: the audit is drawn by the second block after its epoch's "
        "anchor, which nobody knows before; the chain mines a transaction at once, and a block each half second",
    )
    return Result("pipeline", figures_of(ours), {"ray": figures_of(theirs)}, ratios, AIMS, notes)
