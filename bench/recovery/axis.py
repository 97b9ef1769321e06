"""Fine-tuning jobs whose provider is killed with SIGKILL at a random moment, until another one has made the next step.

A step is seen in the heartbeats of whoever made it, five a second; lost are the steps since the last commitment. The
provider that takes over is cold in one third of the kills (its child has to load torch), holds its libraries in
another (the kill waits until it does), and is the job's spare in the last: it has inputs, model and checkpoints. The
peers are torchrun elastic and Ray Train (two workers, gloo, a checkpoint each 50 steps, one of them killed), and
torchft, whose other worker goes on alone.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from assay.bus import JetStreamBus, Message, connect
from assay.client.sdk import Assay
from assay.devnet.devnet import Devnet
from assay.devnet.parties import Party, Terms
from assay.matching.beats import BEATS
from assay.proof.digest import blob_digest
from assay.schema.spare import SpareWarmed
from assay.schema.values import Policy, Role
from bench.recovery.idle import is_idle
from bench.recovery.model import TEXT, tiny
from bench.recovery.others import others
from bench.recovery.torchrun import Elastic, elastic
from bench.result import Figures, Result

KILLS: Final = 3
SEGMENT_STEPS: Final = 50
STEPS: Final = 10_000
BEAT_S: Final = 0.2
LAPSE_S: Final = 1.0
GRACE_S: Final = 0.1
"""A line that blinks is back in half of this where the way is as short as here."""
WITHIN_S: Final = 90.0
PRICE_LIMIT: Final = 10**8
AIMS: Final = {"2_s_over_cold": 1.0, "2_s_over_warm": 1.0, "5_steps_over_spare": 1.0, "torchrun_over_warm": 1.0}
JOB: Final = {"sequence_tokens": 64, "batch": 4, "lora_rank": 2, "threads": 1, "learning_rate": 0.001}


@dataclass(slots=True)
class Beating:
    """The last step that each provider told of, and when; and what steps took from one heartbeat to the next."""

    steps: dict[str, tuple[int, float]] = field(default_factory=dict)
    paces_s: list[float] = field(default_factory=list)

    async def hear(self, message: Message) -> None:
        """Take note of a heartbeat."""
        said = json.loads(message.data)
        for progress in (said.get("leases") or {}).values():
            if "done" in progress:
                step, now_s = progress["segment"] * SEGMENT_STEPS + progress["done"], time.perf_counter()
                last, last_s = self.steps.get(said["provider"], (step, now_s))
                if step > last:
                    self.paces_s.append((now_s - last_s) / (step - last))
                self.steps[said["provider"]] = (step, now_s)

    async def until(self, provider: str, step: int = 0, since_s: float = 0.0) -> tuple[int, float]:
        """The step that a provider told of, once it is at least this one. Raises TimeoutError."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                found = self.steps.get(provider, (-1, 0.0))
                if found[0] >= step and found[1] > since_s:
                    return found
                await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Order:
    """One job: its model, its seed, how many spares it asks for, and whether idle providers load its libraries."""

    model: str
    number: int
    spares: int
    is_preloaded: bool


@dataclass(frozen=True, slots=True)
class Kill:
    """From a kill to the next step, how many steps were made again, and what a step takes undisturbed."""

    took_s: float
    lost_steps: int
    step_s: float


def run() -> Result:
    """The axis, measured now, in some four minutes."""
    return asyncio.run(measure())


async def measure() -> Result:
    """Kills of the three kinds, then the peer's."""
    found = {
        "cold": await kills(preload=False),
        "warm": await kills(preload=True),
        "spare": await kills(preload=True, spares=1),
    }
    return compose(found, await elastic(KILLS), await others(KILLS))


async def kills(preload: bool, spares: int = 0) -> list[Kill]:
    """The kills of one network."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        model = tiny(folder / "models")
        async with network(folder, preload) as (devnet, assay, beating):
            found = []
            for number in range(KILLS):
                found.append(await kill_once(devnet, assay, beating, Order(model, number, spares, preload)))
            return found


async def kill_once(devnet: Devnet, assay: Assay, beating: Beating, order: Order) -> Kill:
    """One job, whose first provider is killed; both are at work again afterwards.

    Raises TimeoutError if nobody went on.
    """
    names = {party.id: name for name, party in devnet.parties.items() if party.role == Role.PROVIDER}
    job_id, first, second = await begun(devnet, assay, beating, order, names)
    step, _ = beating.steps[first]
    devnet.supervisor.kill(names[first])
    killed_s = time.perf_counter()
    try:
        _, next_s = await beating.until(second, 1, killed_s)
    except TimeoutError:
        view = await assay.job(job_id)
        raise TimeoutError(f"{view.state}, {len(view.leases)} leases, {names[first]} killed") from None
    resumed = min(commit for commit in await first_steps(assay, job_id, second))
    await over(assay, job_id)
    await devnet.supervisor.start_one(names[first])
    await listed(assay, 2)
    return Kill(next_s - killed_s, max(0, step - resumed * SEGMENT_STEPS), statistics.median(beating.paces_s))


async def begun(
    devnet: Devnet, assay: Assay, beating: Beating, order: Order, names: dict[str, str]
) -> tuple[str, str, str]:
    """A job that is under way, who has its lease, and who has not.

    A job whose lease lapsed by itself, on a busy machine, has no other provider left: it is given up for another.
    """
    while True:
        job_id = await submit(assay, order)
        first = (await started(assay, job_id)).leases[0].provider
        (second,) = names.keys() - {first}
        loaded = names[second] if order.is_preloaded else None
        if await settled(devnet, assay, beating, (job_id, first, loaded)) and order.spares:
            await warmed(assay, job_id)
        await asyncio.sleep(random.Random(order.number).uniform(0.2, 2.0))
        if len((await assay.job(job_id)).leases) == 1:
            return job_id, first, second
        await over(assay, job_id)


async def submit(assay: Assay, order: Order) -> str:
    """The id of a job."""
    params: dict[str, Any] = {"model": order.model, "data": blob_digest(TEXT), "steps": STEPS, **JOB}
    params |= {"segment_steps": SEGMENT_STEPS, "seed": order.number}
    policy = Policy(spares=order.spares)
    return await assay.submit("finetune", params, price_limit=PRICE_LIMIT, policy=policy)


async def settled(devnet: Devnet, assay: Assay, beating: Beating, job: tuple[str, str, str | None]) -> bool:
    """Whether a job (its id, its provider, the name of another to be loaded) comes to be two segments on, both listed.

    False if it lapses before.
    """
    (job_id, first, other), since_s = job, time.perf_counter()
    async with asyncio.timeout(WITHIN_S):
        while len((await assay.job(job_id)).leases) == 1:
            step, told_s = beating.steps.get(first, (0, 0.0))
            is_on = step >= 2 * SEGMENT_STEPS and told_s > since_s
            is_loaded = is_on and (other is None or await is_idle(devnet.supervisor.status()[other].pid))
            if is_loaded and await count_listed(assay) > 1:
                return True
            await asyncio.sleep(0.1)
    return False


async def over(assay: Assay, job_id: str) -> None:
    """End a job, and return when nobody works at it any more."""
    await assay.cancel(job_id)
    await ended(assay, job_id)


async def first_steps(assay: Assay, job_id: str, provider: str) -> list[int]:
    """The segments that a provider closed of a job, once there is one."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            said = [each.event async for each in assay.events(follow=False)]
            mine = [e for e in said if getattr(e, "provider", "") == provider and getattr(e, "job_id", "") == job_id]
            if segments := [e.segment for e in mine if e.type == "lease.committed"]:  # type: ignore[attr-defined]
                return segments
            await asyncio.sleep(0.2)


async def started(assay: Assay, job_id: str) -> Any:
    """The job once it has a lease that began."""
    async with asyncio.timeout(WITHIN_S):
        while not (view := await assay.job(job_id)).leases:
            await asyncio.sleep(0.1)
    return view


async def warmed(assay: Assay, job_id: str) -> None:
    """Return when the job's spare has told that it is warm."""
    async with asyncio.timeout(WITHIN_S):
        async for said in assay.events():
            if isinstance(said.event, SpareWarmed) and said.event.job_id == job_id:
                return


async def ended(assay: Assay, job_id: str) -> None:
    """Return when nobody works at the job any more."""
    async with asyncio.timeout(WITHIN_S):
        while (await assay.job(job_id)).state in ("running", "matched", "waiting", "started"):
            await asyncio.sleep(0.1)


async def listed(assay: Assay, count: int) -> None:
    """Return when a lease may come to so many providers."""
    async with asyncio.timeout(WITHIN_S):
        while await count_listed(assay) < count:
            await asyncio.sleep(0.1)
    await asyncio.sleep(2.0)


async def count_listed(assay: Assay) -> int:
    """How many providers a lease may come to now."""
    return sum(each["state"] == "listed" for each in (await assay.network())["providers"])


@asynccontextmanager
async def network(
    folder: Path, preload: bool, lapse_s: float = LAPSE_S
) -> AsyncIterator[tuple[Devnet, Assay, Beating]]:
    """A network of two providers, a requester before it, and what the heartbeats say.

    Nobody is challenged: who was killed just before a challenge would not be listed until the next one.
    """
    knobs: dict[str, dict[str, object]] = {
        "matching": {"lapse_s": lapse_s, "grace_s": GRACE_S},
        "execution": {"preload": preload},
        "verification": {"challenge_every_blocks": 0},
    }
    async with Devnet(folder, folder / "models", knobs=knobs) as devnet:
        places = devnet.places
        await devnet.join(Party.make(places.parties, "requester", Role.REQUESTER))
        for name in ("provider-1", "provider-2"):
            await devnet.join(Party.make(places.parties, name, Role.PROVIDER, Terms(beat_s=BEAT_S, spare=True)))
        beating = Beating()
        bus: JetStreamBus = await connect(devnet.servers.nats_url, places.service("matching") / "nats.creds", "bench")
        await bus.listen(BEATS, beating.hear)
        async with Assay.connect(devnet.profile("requester")) as assay:
            await assay.upload(TEXT)
            await listed(assay, 2)
            yield devnet, assay, beating
        await bus.close()


def compose(kinds: dict[str, list[Kill]], peer: Elastic, others: dict[str, Figures]) -> Result:
    """The result: medians; a ratio above 1 is better for us."""
    figures: dict[str, float | str | None] = {}
    for name, found in kinds.items():
        figures[f"{name}_next_step_s"] = statistics.median(each.took_s for each in found)
        figures[f"{name}_next_step_s_max"] = max(each.took_s for each in found)
        figures[f"{name}_steps_lost_max"] = max(each.lost_steps for each in found)
    took_s = float(figures["warm_next_step_s"] or 0)
    figures["step_s"] = step_s = statistics.median(each.step_s for found in kinds.values() for each in found)
    ratios = {f"2_s_over_{name}": 2 / float(figures[f"{name}_next_step_s"] or 0) for name in ("cold", "warm")}
    ratios["5_steps_over_spare"] = 5 * step_s / float(figures["spare_next_step_s"] or 0)
    if peer.next_step_s:
        ratios["torchrun_over_warm"] = statistics.median(peer.next_step_s) / took_s
    notes = (
        f"{KILLS} kills each; a segment is {SEGMENT_STEPS} steps; a grace of {GRACE_S:g} s once a line was closed, "
        f"heartbeats each {BEAT_S:g} s, which is also how exactly a step is seen",
    )
    return Result("recovery", figures, {"torchrun elastic": peer.figures(), **others}, ratios, AIMS, notes)
