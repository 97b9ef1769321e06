"""One network of real processes for all tests that need a whole one, and the hands by which they use it.

`net` is started once per session: servers, services, a requester, four providers, each in a region of its own so
that a job's `regions` decide who may run it, and three verifiers. What happens is read as any observer could: from the
public events.
"""

import asyncio
import contextlib
import runpy
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.calibrated import calibrated
from tests.chronicle import WITHIN_S as WITHIN_S
from tests.chronicle import Chronicle
from tests.memory import quick_folder
from tests.spans import Collector, collecting

from assay.client.profile import Profile
from assay.client.sdk import Assay, JobView
from assay.client.view import ENDS
from assay.devnet.devnet import Devnet
from assay.devnet.environment import SERVICES, Knobs
from assay.devnet.errors import NotInstalled
from assay.devnet.holdings import KINDS, Holdings, Sums, held_by, holdings, sums_of
from assay.devnet.parties import STABLE, Party, Terms
from assay.schema.event import Envelope, Event
from assay.schema.values import Requirements, Role
from assay.workloads import ModelStore

ROOT: Final = Path(__file__).parent.parent
KNOBS: Final[Knobs] = {
    # Whoever is killed is cut off at once; silence alone says little on a machine that is as busy as this one.
    "matching": {"lapse_s": 20},
    # Challenges have a network of their own (tests/adversaries/test_capacity.py): here they would be chance.
    "verification": {"epoch_s": 0.2, "audit_s": 60, "trace_s": 90, "move_s": 45, "challenge_every_blocks": 0},
}
TRACED_SHARE: Final = 0.02
UNITS: Final = 1_000
PRICE: Final = 20 * STABLE
"""Price of a million units at the steady providers."""
SEGMENT_PRICE: Final = UNITS * PRICE // 1_000_000
SLOWLY: Final = {"pause_ms": 50}
"""What gives a noop job a middle: 20 segments a second, however fast the machine is."""
FEE_PART: Final = 100
"""One in so many of what a lease costs is its fee."""
CHANCE: Final = ("job.waiting", "verdict.reached", "lease.progressed")
ENDED_WELL: Final = (0, -signal.SIGKILL)
"""How a provider ends: as it is told, or killed by a test."""

STEADY, SECOND, MORTAL, CHEAT = "steady", "second", "mortal", "cheat"
REGION: Final = {STEADY: "de", SECOND: "fr", MORTAL: "it", CHEAT: "is"}
TERMS: Final = {
    STEADY: Terms(REGION[STEADY], PRICE, beat_s=0.3, spare=True),
    SECOND: Terms(REGION[SECOND], PRICE, beat_s=0.3, egress=True),
    # Cheaper, so that it is chosen first wherever it may be; it is the one that tests kill.
    MORTAL: Terms(REGION[MORTAL], PRICE // 2, beat_s=0.3),
    CHEAT: Terms(REGION[CHEAT], PRICE // 2, program="assay.devnet.cheat", beat_s=0.3),
}
VERIFIERS: Final = {f"verifier-{number}": replace(Terms.of_verifier(number), egress=True) for number in (1, 2, 3)}


def earned(cost: int) -> int:
    """What a lease that cost so much is paid: all but the part for audits."""
    return cost - cost // FEE_PART


@dataclass
class Net:
    """A running network, its requester's hands and its chronicle."""

    devnet: Devnet
    assay: Assay
    chronicle: Chronicle
    collector: Collector

    def party(self, name: str) -> Party:
        """A party by its name."""
        return self.devnet.parties[name]

    def name_of(self, source: str) -> str:
        """The name of whoever said something: a party's, or the service's own."""
        return next((name for name, party in self.devnet.parties.items() if party.id == source), source)

    async def submit(self, segments: int, *regions: str, **how: Any) -> str:
        """The id of a noop job of so many segments that may run in these regions."""
        params = {"segments": segments, "units_per_segment": UNITS} | how.pop("params", {})
        how.setdefault("price_limit", segments * SEGMENT_PRICE)
        return await self.order("noop", params, regions, **how)

    async def order(self, kind: str, params: dict[str, Any], regions: tuple[str, ...], **how: Any) -> str:
        """The id of a job of any kind, of whose provider's epoch two segments are audited."""
        assay = how.pop("assay", self.assay)
        return await assay.submit(kind, params, requirements=Requirements(regions=regions), **how)

    async def ended(self, job_id: str, within_s: float = WITHIN_S) -> JobView:
        """The job once its money is at rest.

        What is said of it and of its leases lies in two streams, of which either may be read first.
        """
        await self.until_said(job_id, ENDS, within_s=within_s)
        job = await self.assay.rested(job_id)
        if paid := sum(each.paid > 0 for each in job.leases):
            await self.until_said(job_id, "lease.paid", paid)
        return job

    async def until_said(
        self, job_id: str, types: str | tuple[str, ...], times: int = 1, within_s: float = WITHIN_S
    ) -> list[Envelope[Event]]:
        """The events of these types about a job, once there are so many."""
        wanted = (types,) if isinstance(types, str) else types

        def found() -> list[Envelope[Event]] | None:
            events = [said for said in self.chronicle.of(job_id) if said.event.type in wanted]
            return events if len(events) >= times else None

        events: list[Envelope[Event]] = await self.chronicle.until(
            found, f"{times} x {'/'.join(wanted)} of {job_id}", within_s, job_id
        )
        return events

    def story(self, about: str) -> list[str]:
        """What was said of one job or lease, in order: `type by whom`, a run of commitments as one line.

        Whether a job had to wait for a moment, or told how far it was, is left to chance and left out.
        """
        lines: list[str] = []
        for said in self.chronicle.said:
            if said.event.about == about and said.event.type not in CHANCE:
                line = f"{said.event.type} {self.name_of(said.source)}"
                if not (lines and lines[-1] == line and said.event.type == "lease.committed"):
                    lines.append(line)
        return lines

    async def balances(self, name: str) -> int:
        """All stable tokens of a party: in its hands, in its deposit, and earned but not paid out yet."""
        row = await held_by(self.devnet.chain, self.party(name).key.address, self.sums)
        return sum(row[kind] for kind in KINDS["stable"] if kind in row)

    async def holdings(self) -> Holdings:
        """What everybody has, by the chain and by what was said to be charged."""
        operator = self.devnet.bank.operator.address
        return await holdings(self.devnet.chain, self.devnet.people, operator, self.sums)

    @property
    def sums(self) -> Sums:
        """What was said to be charged so far, by address."""
        return sums_of(self.chronicle.charging)

    async def until_listed(self, name: str, since: int = 0) -> None:
        """Return when the provider has an offer listed after so many events of the chronicle."""
        provider = self.party(name).id

        def listed() -> bool:
            later = self.chronicle.said[since:]
            return any(s.event.type == "offer.listed" and s.event.provider == provider for s in later)  # type: ignore[attr-defined]

        await self.chronicle.until(listed, f"offer.listed of {name}")

    async def until_counted(self, names: Iterable[str]) -> None:
        """Return when the door knows these verifiers, and what stands behind them."""
        own, found = {self.party(name).id for name in names}, set[str]()
        async with asyncio.timeout(WITHIN_S):
            while not own <= found:
                await asyncio.sleep(0.1)
                shown = (await self.assay.network())["verifiers"]
                found = {each["verifier"] for each in shown if each["state"] == "announced"}

    async def revive(self, name: str) -> None:
        """Start a provider again that was told to end or was killed, and wait for its offer."""
        status = self.devnet.status()[name]
        if status.state != "running":
            assert status.exit_code in ENDED_WELL, f"{name} ended by itself, with {status.exit_code}"
            since = len(self.chronicle.said)
            await self.devnet.supervisor.start_one(name)
            await self.until_listed(name, since)

    async def exit_code(self, name: str) -> int | None:
        """How a process ends that was told to, once it has."""
        async with asyncio.timeout(WITHIN_S):
            await self.devnet.supervisor.watchers[name]
        return self.devnet.status()[name].exit_code


class Models:
    """A model store with one tiny random model in it, made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def tiny(self, scratch: Path) -> str:
        """The digest of the model that the tests of workloads use."""
        build = runpy.run_path(str(ROOT / "libs/workloads/tests/conftest.py"))["build_tiny_model"]
        return ModelStore(self.folder).add(build(scratch))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The model store of the network."""
    return Models(tmp_path_factory.mktemp("net") / "models")


@pytest.fixture(scope="session")
def tiny_model(models: Models, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that trains in milliseconds."""
    return models.tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
async def net(models: Models) -> AsyncIterator[Net]:
    """The network of this session."""
    async with AsyncExitStack() as stack:
        collector = stack.enter_context(collecting())
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        folder = stack.enter_context(quick_folder())
        taking = {**KNOBS, "verification": {**KNOBS["verification"], **calibrated(folder)}}
        devnet = Devnet(folder, models.folder, knobs=traced(taking, collector))
        with skipped_if_not_installed():
            await stack.enter_async_context(devnet)
        places = devnet.places.parties
        parties = [Party.make(places, name, Role.PROVIDER, terms) for name, terms in TERMS.items()]
        parties += [Party.make(places, name, Role.VERIFIER, terms) for name, terms in VERIFIERS.items()]
        await asyncio.gather(*map(devnet.join, [Party.make(places, "requester", Role.REQUESTER), *parties]))
        assay = await stack.enter_async_context(Assay.connect(devnet.profile("requester")))
        net = Net(devnet, assay, Chronicle(), collector)
        following = asyncio.create_task(net.chronicle.follow(assay))
        stack.callback(following.cancel)
        for name in TERMS:
            await net.until_listed(name)
        yield net
        codes = await exit_codes(devnet)
        assert {name: code for name, code in codes.items() if code not in ENDED_WELL} == {}
        assert {name for name in (STEADY, *SERVICES) if codes[name]} == set()


def traced(knobs: Knobs, collector: Collector) -> Knobs:
    """The knobs with which services and providers send the spans of a share of the jobs."""
    told = {"otlp_endpoint": collector.url, "trace_ratio": TRACED_SHARE}
    return {name: {**knobs.get(name, {}), **told} for name in (*SERVICES, "execution")}


async def exit_codes(devnet: Devnet) -> dict[str, int | None]:
    """How all processes end when they are told to, or ended before: participants first, who need the services."""
    stop, others = devnet.supervisor.stop_one, [name for name in devnet.supervisor.tasks if name not in SERVICES]
    codes = dict(zip(others, await asyncio.gather(*map(stop, others)), strict=True))
    return codes | dict(zip(SERVICES, await asyncio.gather(*map(stop, SERVICES)), strict=True))


@contextlib.contextmanager
def skipped_if_not_installed() -> Iterator[None]:
    """Skip what needs the servers where they are not installed."""
    try:
        yield
    except NotInstalled as error:
        pytest.skip(str(error))


async def connected(stack: AsyncExitStack, profile: Profile) -> Assay:
    """Another participant's hands, until the stack is left."""
    return await stack.enter_async_context(Assay.connect(profile))
