"""What jobs read, as the service reads it to replay starts and results: sealed ones by keys of the gateway."""

import json
from collections.abc import Mapping
from typing import Any

from assay.bus.keys import Inputs
from assay.bus.port import Bus
from assay.proof.keys import Key


def inputs_of(bus: Bus) -> Inputs:
    """The inputs of jobs; keys travel wrapped for a key of this process alone."""

    async def ask(question: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await bus.ask(f"assay.ask.gateway.{question}", json.dumps(body).encode())
        said: dict[str, Any] = json.loads(answer.data)
        return said

    return Inputs(bus.blobs, ask, Key.generate())
