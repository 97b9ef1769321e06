"""What hostile verifiers do: each is an honest worker with one thing done otherwise, from outside.

The honest worker has no switch for any of this. Whoever colludes with a provider reads from a folder that they share
what the provider claimed.
"""

import asyncio
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from blake3 import blake3
from tests.adversaries.tells import tells

from assay.proof import spec_digest
from assay.runtime.participant import now_ms, taking_part
from assay.schema.audit import AuditAssigned, AuditRevealed, VerifierWithdrawn
from assay.schema.beacon import BeaconOpened
from assay.schema.errors import Refused
from assay.schema.event import Envelope, Event, decode
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted
from assay.store.audit_journal import AuditJournal
from assay.verification.methods.trace import HOLDS
from assay.verification.verifier import domain
from assay.verification.verifier.audit_run import CannotAnswer, Tools, answer
from assay.verification.verifier.settings import Settings
from assay.verification.verifier.worker import Worker
from assay.workloads import workload
from assay.workloads.tracing import TraceReading

GONE: Final = 70
"""The exit code of a process that ends in the middle."""
LEAVE_S: Final = 5.0
HEARD: Final = "heard.jsonl"
SPARED, UNREAD, TOLD = "audit.spared", "audit.unread", "audit.told"


class Hostile(Worker):
    """An honest verifier that writes down what it is told, and leaves at once."""

    shared: ClassVar[Path]
    """The folder of the process: what is told to whom, and what colluding parties share."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts, **{"find": self.find})

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """The answer to an audit."""
        return await answer(assigned, tools)

    async def said_of(self, assigned: AuditAssigned, content: bytes) -> AuditRevealed:
        """The answer that the segment ends with this content."""
        state = workload(assigned.spec.kind).digest(content)
        checkpoint = await self.door.blobs.put(content)
        return domain.answer_of(assigned, state, checkpoint, [content], secrets.token_hex(32), 1)

    def _act(self, said: Envelope[Event]) -> None:
        self.note(said.event.type, said.event.about)
        super()._act(said)

    def note(self, what: str, about: str) -> None:
        """Write down what it was told, or found."""
        with Path(self.shared, HEARD).open("a") as file:
            file.write(json.dumps([self.verifier, what, about]) + "\n")

    async def _drain(self) -> None:
        self.outgoing.say(VerifierWithdrawn(verifier=self.verifier))
        with suppress(TimeoutError):
            await asyncio.wait_for(self.outgoing.flush(), LEAVE_S)


async def serve(settings: Settings, stopping: asyncio.Event, behaviour: type[Hostile]) -> None:
    """Work until `stopping` is set."""
    async with taking_part("verifier", settings, stopping, AuditJournal) as part:
        worker = behaviour(settings, part.key, part.domain, part.door, part.journal, now_ms)
        await worker.run(stopping)


def made_up(assigned: AuditAssigned) -> bytes:
    """A state that nobody computed, the same for all who make it up."""
    return blake3(f"made up {spec_digest(assigned.spec)} {assigned.segment}".encode()).digest()


def claimed_in(shared: Path, spec: JobSpec, segment: int) -> Path:
    """Where a colluding provider leaves what it claims."""
    return shared / f"{spec_digest(spec)}-{segment}"


async def unread(assigned: AuditAssigned, tools: Tools, reading: TraceReading) -> AuditRevealed:
    """The answer that says this of a trace at which nobody has looked."""
    content = reading.model_dump_json().encode()
    blob = await tools.blobs.put(assigned.spec, content)
    return domain.answer_of(assigned, blob, blob, [content], secrets.token_hex(32), 1)


class StateBefore(Hostile):
    """Lazy: answers with the state that the segment starts from."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """The start as the end."""
        before = await tools.blobs.read(assigned.spec, assigned.checkpoint) if assigned.checkpoint else bytes(32)
        return await self.said_of(assigned, before)


class RandomDigest(Hostile):
    """Lazy: answers with digests of nothing."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """Any digests."""
        said = domain.answer_of(assigned, "0" * 64, secrets.token_hex(32), [b""], secrets.token_hex(32), 1)
        return said.model_copy(update={"state": secrets.token_hex(32)})


class Silent(Hostile):
    """Lazy: never answers."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """Nothing, ever."""
        await asyncio.Event().wait()
        raise AssertionError


class Copier(Hostile):
    """Copies the claim: its digests are public, its content is not."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """What the provider published, as if it had been computed."""
        claim = await self._claim(assigned)
        try:
            content = await tools.blobs.read(assigned.spec, claim.checkpoint)
        except Refused:
            content = b"not to be had"
        salt = secrets.token_hex(32)
        return domain.answer_of(assigned, claim.state_out, claim.checkpoint, [content], salt, 1)

    async def _claim(self, assigned: AuditAssigned) -> LeaseCommitted:
        """The latest public commitment to such a segment."""
        after, found = 0, None
        while items := await self.door.replay(after, feed="public"):
            after = items[-1].seq
            said = [decode(item.headers, item.data).event for item in items]
            found = next((c for c in reversed(said) if is_claim(c, assigned)), found)
        if found is None:
            raise CannotAnswer("verifier.machine", "There is nothing to copy.")
        return found


def is_claim(event: Event, assigned: AuditAssigned) -> bool:
    """Whether the event may be the commitment that an audit is about."""
    return isinstance(event, LeaseCommitted) and event.segment == assigned.segment


class Liar(Hostile):
    """Accuses whomever it is asked about; two of them say the same."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """A state on which the liars agree."""
        return await self.said_of(assigned, made_up(assigned))


class Bribed(Hostile):
    """Upholds whatever a colluding provider claims, and is honest about all others."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """The claim, where the provider told it."""
        told = claimed_in(self.shared, assigned.spec, assigned.segment)
        if told.exists():
            return await self.said_of(assigned, told.read_bytes())
        return await answer(assigned, tools)


class Spares(Hostile):
    """Says that its machine cannot where a colluding provider would fall, and is honest about all others."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """No answer where the provider told its claim, which is written down."""
        if claimed_in(self.shared, assigned.spec, assigned.segment).exists():
            self.note(SPARED, assigned.audit_id)
            raise CannotAnswer("verifier.machine", "out of memory")
        return await answer(assigned, tools)


class LooksWhereWatched(Hostile):
    """Looks at what it can tell for planted; of any other trace it says unread that it holds."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.after, self.public = 0, list[Event]()

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """An honest answer, or that all is well; which of the two, and what told it, is written down."""
        if assigned.claim is None or assigned.claim.root is None:
            return await answer(assigned, tools)
        while items := await self.door.replay(self.after, feed="public"):
            self.after = items[-1].seq
            self.public += [decode(item.headers, item.data).event for item in items]
        if found := tells(assigned, self.public):
            self.note(TOLD, "/".join(sorted(found)))
            return await answer(assigned, tools)
        self.note(UNREAD, assigned.audit_id)
        return await unread(assigned, tools, TraceReading(passed=True, code=HOLDS))


class Crashes(Hostile):
    """Is honest; its machine fails once, between the seal and the reveal."""

    def _reveal(self, audit_id: str) -> None:
        crashed = self.settings.data_dir / "crashed"
        if not crashed.exists():
            crashed.touch()
            os._exit(GONE)
        super()._reveal(audit_id)


class NeverReveals(Hostile):
    """Seals something, and keeps it."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """Something."""
        return domain.answer_of(assigned, "0" * 64, "0" * 64, [b""], secrets.token_hex(32), 1)

    def _reveal(self, audit_id: str) -> None:
        return


class Declines(Hostile):
    """Always says that its machine cannot."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """No answer."""
        raise CannotAnswer("verifier.machine", "out of memory")


class RevealsOther(Hostile):
    """Seals one thing, and reveals something else."""

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """What is sealed."""
        return await self.said_of(assigned, made_up(assigned))

    def _reveal(self, audit_id: str) -> None:
        found = self.journal.answer(audit_id)
        if found is not None:
            self.outgoing.say(found.model_copy(update={"state": secrets.token_hex(32)}))


class WithholdsShare(Hostile):
    """Is honest in its audits; bound to a share of a beacon, it keeps it."""

    def _act(self, said: Envelope[Event]) -> None:
        if isinstance(said.event, BeaconOpened):
            self.note(said.event.type, said.event.about)
        else:
            super()._act(said)


class Starved(Hostile):
    """Is honest; its machine has far less memory than it says, and its child is ended when it takes more."""

    memory_bytes: ClassVar[int] = 64 * 2**20

    def __init__(self, settings: Settings, *parts: Any) -> None:
        super().__init__(settings.model_copy(update={"memory_bytes": self.memory_bytes}), *parts)
        self.settings = settings

    async def find(self, assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
        """The answer, or nothing, which is written down."""
        try:
            return await answer(assigned, tools)
        except CannotAnswer as fault:
            self.note(fault.code, assigned.audit_id)
            raise


BEHAVIOURS: Final[dict[str, type[Hostile]]] = {
    "state-before": StateBefore,
    "random-digest": RandomDigest,
    "silent": Silent,
    "copier": Copier,
    "liar-1": Liar,
    "liar-2": Liar,
    "bribed": Bribed,
    "spares": Spares,
    "crashes": Crashes,
    "never-reveals": NeverReveals,
    "declines": Declines,
    "reveals-other": RevealsOther,
    "withholds-share": WithholdsShare,
}
ALLIES: Final = ("ally-1", "ally-2", "ally-3", "ally-4")
"""All who can answer for work of more memory than others have; half of all, or the door would refuse its order."""
WATCHES: Final = "looks-where-watched"
EVADING: Final[dict[str, type[Hostile]]] = {WATCHES: LooksWhereWatched, **dict.fromkeys(ALLIES, Declines)}
"""Those who would not be found where nobody who is honest, or is known, is asked beside them."""
UNLUCKY: Final[dict[str, type[Hostile]]] = {"starved": Starved}
"""Those who mean no harm."""
ALL: Final = BEHAVIOURS | EVADING | UNLUCKY
