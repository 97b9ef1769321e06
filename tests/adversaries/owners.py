"""What hostile providers do beyond their machine: under several names, on the chain, on the bus, with private data."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import nats
import numpy as np
from blake3 import blake3
from nats.aio.client import Client
from nats.aio.msg import Msg
from tests.adversaries.hostile import MakesUpAll, Stepwise

from assay.bus.accounts import CLOSED, LOST
from assay.bus.connection import confirm
from assay.chain import Chain, Deployment, encode_anchor, wallet
from assay.chain.client import connect
from assay.chain.values import Anchor
from assay.execution.domain import Course
from assay.execution.lease_run import LeaseRun
from assay.proof.keys import Key
from assay.schema.epoch import EpochCommitted, EpochEntry, epoch_id_of
from assay.schema.errors import AssayError
from assay.schema.served import Told
from assay.schema.values import NO_DIGEST
from assay.workloads.federated import forms, numbers
from assay.workloads.registry import read_params
from assay.workloads.runner import Runner
from assay.workloads.task import Answered, Finished, Message, SegmentDone, Task

LET: Final = "chain.mined"
OWN_ROOT: Final = blake3(b"the root that it would have drawn").digest()
LINES: Final = 10
"""Servers number lines from one: of so many each is said to be an account's that was closed."""
LISTENS: Final = (CLOSED, LOST, "assay.lost.*", "assay.beat.*")
REFUSED_S: Final = 60.0


class OneSegment(MakesUpAll):
    """Makes up one segment, and leaves the rest to another name of its owner."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What a child says that is stopped after its first segment."""
        one = task.model_copy(update={"last": min(task.first + 1, task.last)})
        async for message in super().messages(runner, one):
            yield message


class TwoTongues(LeaseRun):
    """Serves honestly and commits to what it wrote, but tells its callers something else."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says, with other words in the mouth of each answer."""
        async for message in super().messages(runner, task):
            if isinstance(message, Answered) and isinstance(message.word, Told):
                pieces = tuple(piece.model_copy(update={"text": "no "}) for piece in message.word.pieces)
                message = message.model_copy(update={"word": Told(pieces=pieces)})
            yield message


class AtTheChain(LeaseRun):
    """Does something on the chain, by its own key, once its lease is executed; what came of it is written down."""

    evm_url: ClassVar[str]
    deployment: ClassVar[Path]
    shared: ClassVar[Path]

    async def _finish(self, course: Course, finished: Finished) -> None:
        await super()._finish(course, finished)
        chain = await connect(self.evm_url, Deployment.load(self.deployment))
        try:
            told = await self.reach(chain, self._tools.outgoing._key, course)
        finally:
            await chain.close()
        note_of(self.shared, self.granted.provider).write_text(json.dumps(told))

    async def reach(self, chain: Chain, key: Key, course: Course) -> dict[str, Any]:
        """What it does there, in a few words for the test."""
        raise NotImplementedError


class Exits(AtTheChain, MakesUpAll):
    """A newcomer that makes up its first work and asks for all of its stake back before anybody has looked."""

    async def reach(self, chain: Chain, key: Key, course: Course) -> dict[str, Any]:
        """What it asked for, and whether it could have it at once."""
        stake = await chain.stake_of(key.address)
        await wallet.claim_capacity(chain, key, 0)
        await wallet.unstake(chain, key, stake)
        return {"asked": stake, "withdrawn": await came_of(wallet.withdraw_stake(chain, key))}


class TwoRoots(AtTheChain):
    """Works honestly, then says another root for its epoch than the one that will be composed, and anchors it first."""

    async def reach(self, chain: Chain, key: Key, course: Course) -> dict[str, Any]:
        """Whether the chain took its root."""
        granted, segments = self.granted, len(course.leaves)
        units = segments * granted.spec.segment_units
        names = {"lease_id": granted.lease_id, "job_id": granted.job_id, "fence": granted.fence, "first_segment": 0}
        entry = EpochEntry(**names, segments=segments, root=OWN_ROOT.hex(), units=units)
        epoch = {"epoch_id": epoch_id_of(granted.provider, 1), "provider": granted.provider, "number": 1}
        sums = {"previous": NO_DIGEST, "root": OWN_ROOT.hex(), "units": units, "segments": segments}
        self._tools.outgoing.say(EpochCommitted(**epoch, **sums, entries=(entry,)))
        call = encode_anchor([Anchor(key.address, 1, bytes.fromhex(NO_DIGEST), OWN_ROOT, units)])
        return {"anchored": await came_of(wallet.send(chain, key, chain.deployment.anchors, call))}


class ClosesLines(LeaseRun):
    """Works honestly; while it does, says that all others' connections were closed, and listens for such as are."""

    door: ClassVar[tuple[str, str]]
    """Where the servers are, and its own credentials."""
    accounts: ClassVar[Sequence[str]]
    """Those of all others, though nobody tells them to strangers."""
    shared: ClassVar[Path]

    async def _finish(self, course: Course, finished: Finished) -> None:
        note_of(self.shared, self.granted.provider).write_text(json.dumps(await self.close_others()))
        await super()._finish(course, finished)

    async def close_others(self) -> dict[str, int]:
        """How often it spoke, how often the server refused what it said and would hear, and what it heard."""
        errors, heard = list[str](), list[str]()
        line = await self.connected(errors)
        said = [subject for account in self.accounts for subject in (CLOSED.replace("*", account), f"lost.{account}")]

        async def hear(message: Msg) -> None:
            heard.append(message.subject)

        for subject in LISTENS:
            await line.subscribe(subject, cb=hear)
        for subject in said:
            for number in range(1, LINES + 1):
                # As the servers say it.
                told = {"server": {"id": line._server_info["server_id"]}, "client": {"id": number}}
                await line.publish(subject, json.dumps(told | {"reason": "Client Closed"}).encode())
        await confirm(line)
        # One line of its own is truly closed: whoever could listen would hear of it.
        await (await self.connected([])).close()
        spoken = LINES * len(said) + len(LISTENS)
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSED_S):
                while len(errors) < spoken:
                    await asyncio.sleep(0.05)
        await line.close()
        return {"spoken": spoken, "refused": sum("ermissions" in each for each in errors), "heard": len(heard)}

    async def connected(self, errors: list[str]) -> Client:
        """A line of its own account; what the server says against it comes to the errors."""
        url, creds = self.door

        async def heed(error: Exception) -> None:
            errors.append(str(error))

        return await nats.connect(url, user_credentials=creds, error_cb=heed, allow_reconnect=False)


class FalseUpdate(Stepwise):
    """A member of a federation that sends the opposite of what its data say, as far as an update may go."""

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """The update of a liar."""
        params: Any = read_params(self.granted.spec.kind, self.granted.spec.params)
        head, whole = forms.read_update(Path(done.path).read_bytes())
        way, tally = numbers.to_floats(params, whole)
        false = numbers.to_ints(params, -way * params.clip / np.linalg.norm(way), tally)
        return self.rewritten(done, forms.write_update(head, false))


def note_of(folder: Path, provider: str) -> Path:
    """Where a provider writes down what it did on the chain."""
    return folder / f"{provider}.json"


async def came_of(sent: Awaitable[object]) -> str:
    """The code by which the chain refuses a transaction, or that it let it."""
    try:
        await sent
    except AssayError as refusal:
        return refusal.code
    return LET
