"""The keeper of rounds: opens each with a roster and a deadline, orders its jobs, and builds on what is proven.

Every job is a plain one: leased, verified, paid, and carried on elsewhere when its provider dies. The keeper trusts
what verification passed, and in a hurry (`early`) also members' results that no audit has looked at yet, which the rule
of the outer step then has to bear. Whoever has no result at the deadline is left out of the round, and the job is
withdrawn. What the keeper knows is in its journal: it may be ended at any moment and taken up again.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from assay.client.rounds import facts
from assay.client.rounds.course import (
    MEMBER,
    OUTER,
    STORY,
    TRIES_MAX,
    Run,
    member_params,
    next_part,
    outer_params,
    outer_regions,
)
from assay.client.rounds.facts import AnyFact, Outcome, Part
from assay.client.rounds.jobs import EXECUTED, LOST, POLL_S, PROVEN, Market, Work
from assay.client.rounds.keeping import Keeping
from assay.proof.job_seal import UNOPENED
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.values import Region, Requirements

PROOF_S: Final = 1_800
"""A round waits for the proof of what came in time for as long as it was open, or for so long."""


class Keeper(Keeping[Run, Market]):
    """Keeps the rounds of one run."""

    story = STORY

    async def keep(self) -> Run:
        """The run once its model is made. Raises Refused, Unreachable."""
        if not self.run.orders:
            await self.settle([await self._spec_of(self.run, member) for member in self.run.members])
        while (part := next_part(self.run)) is not None:
            await (self._hold_round() if part == "member" else self._make(part))
        return self.run

    async def join(self, data: str, regions: tuple[Region, ...] = ()) -> Run:
        """The run with a member more, from the next round on. Raises Refused where its data would come to light."""
        joined = facts.Joined(member=self.run.joined, data=data, regions=regions or self._bounds)
        if self._bounds and not set(joined.regions) <= set(self._bounds):
            raise Refused("key.region", f"regions: what the run makes may be in {', '.join(self._bounds)} only.")
        ahead = self.story.after(self.run, joined)
        is_open = ahead.orders and not ahead.sealed and ahead.plan.seal is None
        if is_open and (await self._spec_of(ahead, joined.member)).sealed:
            raise Refused("job.bad_params", "Its data are sealed, and what the run makes is not: begin another run.")
        return self.note(joined)

    @property
    def _bounds(self) -> tuple[Region, ...]:
        return self.run.sealed.regions if self.run.sealed else ()

    async def _spec_of(self, run: Run, member: int) -> JobSpec:
        """A member's next job as the network plans it."""
        needs = Requirements(regions=run.members[member].regions)
        return await self.market.spec(MEMBER, member_params(run, member), requirements=needs)

    async def _hold_round(self) -> None:
        """Open a round if none is, order what its roster lacks, and close it at its deadline at the latest."""
        run = self.run
        if run.opened is None:
            if run.voids >= TRIES_MAX or not run.members:
                raise Refused(
                    "round.void", f"Round {run.round} was held {run.voids} times, with {len(run.members)} in."
                )
            deadline_ms = self.now_ms() + run.plan.round_s * 1000
            run = self.note(facts.Opened(round=run.round, roster=tuple(run.members), deadline_ms=deadline_ms))
        assert run.opened is not None
        gathering = [self._gather(member, run.opened.deadline_ms) for member in run.opened.roster]
        found = dict(zip(run.opened.roster, await asyncio.gather(*gathering), strict=True))
        results = {member: digest for member, digest in found.items() if digest}
        if len(results) < run.plan.quorum:
            self.note(facts.Voided(round=run.round))
        else:
            self.note(facts.Closed(round=run.round, results=results))

    async def _gather(self, member: int, deadline_ms: int) -> str | None:
        """The digest of a member's result, if there is one in time."""
        if any(order.missed for order in self.run.ordered("member", member)):
            return None
        params, regions = member_params(self.run, member), self.run.members[member].regions
        job_id = await self._ordered("member", MEMBER, params, member, regions)
        view = await self.jobs.until(job_id, EXECUTED | LOST, deadline_ms)
        if view is None:
            await self._leave_out(job_id)
            return None
        if view.state in EXECUTED and not self.run.plan.early:
            proof_ms = 1000 * max(self.run.plan.round_s, PROOF_S)
            view = await self.jobs.until(job_id, PROVEN | LOST, deadline_ms + proof_ms)
        if view is None:
            self.note(facts.Missed(job_id=job_id, reason="it was not proven in time"))
            return None
        # What a member brought is read as that, and never by the run's seal.
        is_made = view.result not in {each.data for each in self.run.members.values()}
        if view.state in EXECUTED and view.result and is_made:
            return view.result
        reason = f"it is {view.state}: {view.reason or ''}" if is_made else "its result is what a member brought"
        self.note(facts.Missed(job_id=job_id, reason=reason))
        return None

    async def _leave_out(self, job_id: str) -> None:
        """Leave a member out that was too slow: its job counts for nothing here."""
        self.note(facts.Missed(job_id=job_id, reason="the deadline of the round passed"))
        await self.jobs.withdraw(job_id)

    async def _make(self, part: Part) -> None:
        """Have an outer job done, and write down what it came to. Raises Refused if it fails too often."""
        if sum(order.missed is not None for order in self.run.ordered(part)) >= TRIES_MAX:
            raise Refused("round.void", f"The {part} of round {self.run.round} failed {TRIES_MAX} times.")
        job_id = await self._ordered(part, OUTER, outer_params(self.run, part), None, outer_regions(self.run))
        view = await self.jobs.until(job_id, PROVEN | LOST)
        assert view is not None
        if view.state in LOST or not view.result:
            self.note(facts.Missed(job_id=job_id, reason=f"it is {view.state}: {view.reason or ''}"))
            return
        said = await self._said(part, view.result)
        self.note(said or facts.Missed(job_id=job_id, reason=f"what it came to, {view.result}, cannot be read"))

    async def _said(self, part: Part, digest: str) -> AnyFact | None:
        """What a proven outer job says, as a fact; none if it is garbled, which no audit may have come upon."""
        if part == "keyframe":
            return facts.Framed(round=self.run.round, keyframe=digest)
        if part == "model":
            return facts.Ended(result=digest)
        try:
            outcome = Outcome.model_validate_json(await self.market.read(digest, self.seal))
        except ValidationError:
            return None
        except Refused as refusal:
            if refusal.code != UNOPENED:
                raise
            return None
        # Later jobs read what counted: nothing but results of the round can.
        if self.run.closed is None or not set(outcome.counted) <= set(self.run.closed.results.values()):
            return None
        return facts.Judged(round=self.run.round, **outcome.model_dump())

    async def _ordered(
        self, part: Part, kind: str, params: Mapping[str, Any], member: int | None, regions: tuple[Region, ...]
    ) -> str:
        """The id of the job for a part of this round: of the one that stands, or of one that is ordered now."""
        plan, standing = self.run.plan, self.run.standing(part, member)
        needs = Requirements(regions=regions)
        work = Work(kind, params, needs, plan.price, plan.round_s, self.seal, self.run.made)

        def note(job_id: str) -> Run:
            return self.note(facts.Ordered(round=self.run.round, part=part, member=member, job_id=job_id))

        self.jobs.pause_s = POLL_S * (1 + len(self.run.members) // 4)
        return await self.jobs.order(work, standing.job_id if standing else None, note)
