"""What jobs read and make, as the service reads it: what is sealed by keys of the gateway."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from assay.bus.keys import JobBlobs
from assay.bus.port import Bus
from assay.proof.keys import Key


def blobs_of_jobs(bus: Bus) -> JobBlobs:
    """The blobs of jobs; keys travel wrapped for a key of this process alone."""

    async def ask(question: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await bus.ask(f"assay.ask.gateway.{question}", json.dumps(body).encode())
        said: dict[str, Any] = json.loads(answer.data)
        return said

    return JobBlobs(bus.blobs, ask, own_key())


@cache
def own_key() -> Key:
    """The key of this process."""
    return Key.generate()
