"""The keeper of a federation: asks the holders of a data set for their acts, turn by turn, and has each turn joined.

Every act is a job that only the holder's provider can be given; the joining is a job of anybody's, and believed once it
is verified. Whoever has no result at the deadline of an act has dropped out of it: a secure sum is opened all the same
while enough members are left. What the keeper knows is in its journal: it may be ended at any moment.
"""

import asyncio
import secrets
from typing import Any, Protocol

from assay.client.federation import facts
from assay.client.federation.course import (
    MEMBER,
    STEP,
    STORY,
    TRIES_MAX,
    Begin,
    Join,
    Phase,
    Run,
    member_params,
    next_of,
    step_params,
)
from assay.client.federation.facts import Part, said_in
from assay.client.rounds.facts import Missed
from assay.client.rounds.jobs import EXECUTED, LOST, POLL_S, PROVEN, Market, Work
from assay.client.rounds.keeping import Keeping
from assay.client.view import JobView
from assay.proof.job_seal import UNOPENED
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.values import Requirements


class Ground(Market, Protocol):
    """What the keeper asks of a network; `assay.client.Assay` is one."""

    async def network(self) -> dict[str, Any]:
        """Providers and offers as the gateway sees them."""
        ...


class Keeper(Keeping[Run, Ground]):
    """Keeps the turns of one federation."""

    story = STORY

    async def enlist(self) -> Run:
        """The run with every holder of the data set that is on offer now as a member."""
        known = {member.data for member in self.run.members.values()}
        for data, provider in sorted((await self._held()).items()):
            if data not in known and len(self.run.members) < facts.MEMBERS_MAX:
                self.note(facts.Joined(member=len(self.run.members), data=data, provider=provider))
        return self.run

    async def keep(self) -> Run:
        """The run once all its rounds are made. Raises Refused, Unreachable."""
        self.jobs.pause_s = POLL_S * (1 + len(self.run.members) // 4)
        if not self.run.orders:
            await self.settle()
        while (due := next_of(self.run)) is not None:
            if self.run.voids >= TRIES_MAX:
                raise Refused("round.void", f"Round {self.run.round} came to nothing {self.run.voids} times.")
            match due:
                case Begin():
                    self.note(facts.Begun(session=secrets.token_hex(32), turn=self.run.turn))
                case Phase():
                    await self._hold(due)
                case Join():
                    await self._join()
        return self.run

    async def _hold(self, phase: Phase) -> None:
        """Ask for an act, of those whose data are on offer now, and close it at its deadline at the latest."""
        run = self.run
        if run.opened is None:
            held = await self._held()
            roster = tuple(member for member in phase.roster if run.members[member].data in held)
            deadline_ms = self.now_ms() + run.plan.round_s * 1000
            run = self.note(facts.Opened(act=phase.act, turn=run.turn, roster=roster, deadline_ms=deadline_ms))
        assert run.opened is not None
        asked = run.opened
        found = await asyncio.gather(*(self._gather(asked, member) for member in asked.roster))
        results = {member: digest for member, digest in zip(asked.roster, found, strict=True) if digest}
        if len(results) < phase.least:
            reason = f"{phase.act}: {len(results)} of at least {phase.least} members are there"
            self.note(facts.Voided(turn=run.turn, reason=reason))
        else:
            self.note(facts.Closed(act=phase.act, turn=run.turn, results=results))

    async def _gather(self, asked: facts.Opened, member: int) -> str | None:
        """The digest of a member's result, if there is one in time."""
        standing = self.run.standing(asked.act, member)
        if standing and standing.missed:
            return None
        needs = Requirements(data=self.run.members[member].data)
        job_id = await self._order(asked.act, MEMBER, member_params(self.run, asked.act, member), needs, member)
        view = await self.jobs.until(job_id, EXECUTED | LOST, asked.deadline_ms, is_orphaned)
        if view and view.state in EXECUTED and view.result:
            return view.result
        self.note(Missed(job_id=job_id, reason=reason_of(view)))
        if view is None or view.state not in LOST:
            await self.jobs.withdraw(job_id)
        return None

    async def _join(self) -> None:
        """Have the turn joined, again if it was done falsely. A job that fails voids the turn."""
        needs = Requirements(regions=self.run.plan.regions)
        job_id = await self._order("step", STEP, step_params(self.run), needs, None)
        view = await self.jobs.until(job_id, PROVEN | LOST)
        assert view is not None
        if view.state in LOST or not view.result:
            is_false = any(verdict.outcome == "rejected" for verdict in view.verdicts)
            self._miss_joining(job_id, reason_of(view), is_false)
            return
        try:
            said = said_in(await self.market.read(view.result, self.seal))
        except Refused as refusal:
            if refusal.code not in (UNOPENED, "round.void"):
                raise
            # It is garbled, and no audit may have come upon that.
            self._miss_joining(job_id, f"what it came to, {view.result}, cannot be read", True)
            return
        self.note(facts.Stepped(turn=self.run.turn, round=self.run.round, state=view.result, said=said))

    def _miss_joining(self, job_id: str, reason: str, is_false: bool) -> None:
        """Leave a joining out, and with it the turn unless another may do better."""
        self.note(Missed(job_id=job_id, reason=reason))
        tried = sum(order.part == "step" and order.turn == self.run.turn for order in self.run.orders)
        if tried >= TRIES_MAX or not is_false:
            self.note(facts.Voided(turn=self.run.turn, reason=f"the joining: {reason}"))

    async def _order(
        self, part: Part, kind: str, params: dict[str, Any], needs: Requirements, member: int | None
    ) -> str:
        """The id of the job for a part of the turn: of the one that stands, or of one that is ordered now."""
        plan, turn, standing = self.run.plan, self.run.turn, self.run.standing(part, member)

        def note(job_id: str) -> Run:
            return self.note(facts.Ordered(part=part, turn=turn, member=member, job_id=job_id))

        is_there = standing is not None and not standing.missed
        work = Work(kind, params, needs, plan.price, plan.round_s, self.seal, self.run.made)
        return await self.jobs.order(work, standing.job_id if standing and is_there else None, note)

    async def _held(self) -> dict[str, str]:
        """The data sets of the plan's name that are on offer now: who holds each commitment."""
        while True:
            try:
                providers = (await self.market.network())["providers"]
                break
            except (Retry, Unreachable):
                await asyncio.sleep(self.jobs.pause_s)
        listed = [each for each in providers if each["state"] == "listed"]
        named = [(held, each) for each in listed for held in each["data"] if held["name"] == self.run.plan.data]
        return {held["commitment"]: each["provider"] for held, each in named}


def is_orphaned(view: JobView) -> bool:
    """Whether the holder of the data fell silent over a job, or before it had it: nobody else can do it."""
    is_unheld = bool(view.waiting) and view.waiting.keys() <= {"data.elsewhere", "offers.none"}
    return view.state == "funded" and (is_unheld or any(lease.state == "lapsed" for lease in view.leases))


def reason_of(view: JobView | None) -> str:
    """Why a job came to nothing."""
    if view is None:
        return "the deadline passed"
    return "its provider is gone" if is_orphaned(view) else f"it is {view.state}: {view.reason or ''}"
