"""One segment in one Pod, from the asking to the removal; what the Pod says is looked at before it is believed."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from assay.workloads.command.errors import NoEgress
from assay.workloads.command.params import CommandParams
from assay.workloads.command.state import read_place, start_of
from assay.workloads.errors import BadCheckpoint, InputMissing
from assay.workloads.generate.state import LENGTH_BYTES
from assay.workloads.pods.api import Cluster
from assay.workloads.pods.errors import NoPod, PodEnded
from assay.workloads.pods.fate import died, read
from assay.workloads.pods.manifest import END_S, NAME, PORT, START_S, Site, pod_of, weakened
from assay.workloads.pods.wire import Broken, Outcome, Segment, exchange
from assay.workloads.sandbox.errors import breach

FATE_S: Final = 30.0
"""How long after a connection broke the cluster may take to say what has become of the Pod."""
TRIAL: Final = CommandParams(command=("sh", "-c", "true"), time_s=30, memory_bytes=64 << 20, disk_bytes=16 << 20)

log = logging.getLogger(__name__)


class Pods:
    """What runs the segments of commands in a cluster. `port` is where a step listens."""

    def __init__(self, site: Site, port: int = PORT) -> None:
        self.site, self._port = site, port
        self._cluster = Cluster(site)
        self._left = set[str]()

    async def open(self) -> None:
        """Remove what an earlier worker has left, and see that a Pod runs and answers. Raises NoPod."""
        self._left.update(await self._cluster.names())
        try:
            outcome, _ = await self.run(TRIAL, {}, start_of(TRIAL).encode(), 0)
        except PodEnded as error:
            raise NoPod(error.failed.detail) from error
        if outcome.failed:
            raise NoPod(f"A Pod of class {self.site.runtime_class} runs no command: {outcome.failed.detail}")

    async def close(self) -> None:
        """Let go of the cluster."""
        await self._cluster.close()

    async def run(
        self, params: CommandParams, inputs: Mapping[str, str], state: bytes, index: int
    ) -> tuple[Outcome, bytes]:
        """Return what a segment comes to, and the checkpoint after it, which follows from the one before.

        `inputs` maps each digest to its file. Raises NoPod, PodEnded, NoEgress, InputMissing, BadCheckpoint.
        """
        if params.egress:
            raise NoEgress("It names hosts to reach, and Pods reach nobody.")
        before = read_place(params, state, index)
        digests = tuple(dict.fromkeys([*([params.image] if params.image else []), *params.inputs.values()]))
        files: list[bytes | Path] = [state, *(file_of(inputs, digest) for digest in digests)]
        sizes = tuple(len(each) if isinstance(each, bytes) else each.stat().st_size for each in files)
        token = secrets.token_hex(16)
        told = Segment(token=token, params=params.model_dump(mode="json"), segment=index, digests=digests, sizes=sizes)
        # The checkpoint lies there twice: as it was, and with what is put out.
        most = len(state) + params.output_bytes + (1 + len(params.outputs)) * LENGTH_BYTES
        async with self._pod(params, sum(sizes) + len(state), token) as name:
            outcome, found = await self._answer(name, params, told, files, most)
        if outcome.failed:
            return outcome, b""
        after = read_place(params, found, index + 1)
        if after.closed[:-1] != before.closed or sum(map(len, after.closed[-1])) > params.output_bytes:
            raise BadCheckpoint("What the Pod says to follow does not follow.")
        return outcome, found

    @asynccontextmanager
    async def _pod(self, params: CommandParams, carried_bytes: int, token: str) -> AsyncIterator[str]:
        """A Pod, which is removed whatever happens. Raises NoPod."""
        for left in list(self._left):
            await self._remove(left)
        name = f"{NAME}-{secrets.token_hex(8)}"
        asked = pod_of(self.site, name, params, carried_bytes, token)
        try:
            made = await self._cluster.create(asked)
            if lacking := weakened(asked, made):
                raise NoPod(f"The cluster changed {', '.join(lacking)} of the Pod that it was asked for.")
            yield name
        finally:
            await asyncio.shield(self._remove(name))

    async def _remove(self, name: str) -> None:
        """Remove a Pod; one that could not be is removed before the next is made."""
        self._left.add(name)
        if await self._cluster.delete(name):
            self._left.discard(name)
        else:
            log.warning("a Pod is left until the cluster answers, or its own deadline: %s", name)

    async def _answer(
        self, name: str, params: CommandParams, told: Segment, files: list[bytes | Path], most: int
    ) -> tuple[Outcome, bytes]:
        """Return what the Pod answers, of at most so many bytes, once it runs. Raises PodEnded, NoPod."""
        async with aclosing(self._cluster.seen(name)) as changes:
            address = await reached(changes)
            speaking = asyncio.ensure_future(exchange((address, self._port), told, files, most))
            ending = asyncio.ensure_future(ended(changes))
            try:
                async with asyncio.timeout(START_S + params.time_s + END_S):
                    await asyncio.wait([speaking, ending], return_when=asyncio.FIRST_COMPLETED)
                    if ending.done() and not speaking.done():
                        raise ending.result()
                    try:
                        return await speaking
                    except Broken as error:
                        raise await why(ending, error) from None
            except TimeoutError:
                raise PodEnded(breach("sandbox.time", "Its Pod did not answer in time.")) from None
            finally:
                for task in (speaking, ending):
                    task.cancel()
                await asyncio.wait([speaking, ending])


def file_of(inputs: Mapping[str, str], digest: str) -> Path:
    """Return the file with this digest. Raises InputMissing."""
    if digest not in inputs:
        raise InputMissing(f"The input {digest} is not here.")
    return Path(inputs[digest])


async def reached(changes: AsyncIterator[dict[str, object]]) -> str:
    """Return the address of a Pod once its step runs. Raises PodEnded, NoPod."""
    waits = "nothing is said of it"
    try:
        async with asyncio.timeout(START_S):
            async for pod in changes:
                seen = read(pod)
                if seen.ended:
                    raise PodEnded(seen.ended)
                if seen.address:
                    return seen.address
                waits = seen.waits or waits
    except TimeoutError:
        raise NoPod(f"No node ran a Pod within {START_S} s: {waits}.") from None
    raise PodEnded(died("it was removed before it ran"))


async def ended(changes: AsyncIterator[dict[str, object]]) -> Exception:
    """Return how a Pod has ended, once it has."""
    async for pod in changes:
        if found := read(pod).ended:
            return PodEnded(found)
    return PodEnded(died("it was removed"))


async def why(ending: "asyncio.Future[Exception]", broken: Broken) -> Exception:
    """Return why a connection broke, if the cluster says it soon."""
    await asyncio.wait([ending], timeout=FATE_S)
    return ending.result() if ending.done() else PodEnded(died(f"its connection broke, {broken}"))
