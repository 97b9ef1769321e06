"""A job says what of it is sealed, under keys of its requester, and stays where their owner lets the data be.

What a provider says to have forgotten it was given before.
"""

from assay.gateway.claim import Claim, Desk
from assay.schema.errors import Refused
from assay.schema.job import JobSubmitted
from assay.schema.key import KeyForgotten


async def check_keys(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.bad_params, key.unknown, key.foreign, key.destroyed, key.region, key.undrawn."""
    event = claim.event
    if isinstance(event, JobSubmitted) and (event.spec.inputs or event.spec.keys):
        await check_sealed(event, desk)
    if isinstance(event, KeyForgotten) and not await desk.keys.has_had(event.digest, event.provider):
        raise Refused("key.undrawn", f"{event.digest}.")


async def check_sealed(event: JobSubmitted, desk: Desk) -> None:
    """Raises Refused as `check_keys` does of a job."""
    spec, held = event.spec, await desk.keys.relied_on((*event.spec.inputs, *event.spec.keys))
    # A stranger's key opens nothing here, and what the seal opens needs no other: no result that somebody else holds a
    # key of keeps the run from going on.
    own = {digest for digest, key in held.items() if key.owner == event.requester} - set(spec.made)
    if not set(spec.sealed) <= set(spec.inputs) or not own <= set(spec.keys) or spec.seal in spec.inputs:
        raise Refused("job.bad_params", "sealed: it names those inputs whose keys are yours, and no others.")
    if not set(spec.made) <= set(spec.inputs) - set(spec.sealed) or (spec.made and spec.seal is None):
        raise Refused("job.bad_params", "made: it names inputs that the seal opens, and no others.")
    for digest in spec.keys:
        key, regions = held.get(digest), spec.requirements.regions
        if key is None or key.owner != event.requester:
            raise Refused("key.foreign" if key else "key.unknown", f"{digest}.")
        if key.wrapped is None or key.is_leaving:
            raise Refused("key.destroyed", f"{digest}.")
        if key.regions and not (regions and set(regions) <= set(key.regions)):
            raise Refused("key.region", f"requirements.regions: {digest} may be in {', '.join(key.regions)} only.")
