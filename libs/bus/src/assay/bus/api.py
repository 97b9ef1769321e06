"""The JetStream API: JSON requests on `$JS.API`, with its errors told apart."""

import json
from typing import Any, Final

from nats.aio.client import Client

from assay.bus.faults import typed_faults
from assay.schema.errors import Fault

PREFIX: Final = "$JS.API"
API_TIMEOUT_S: Final = 3.0

STREAM_UNKNOWN: Final = 10059
STREAM_FULL: Final = 10077
DUPLICATE_IN_BATCH: Final = 10201


class ServerRefused(Fault):
    """JetStream answered with an error; `err_code` is its own number."""

    code = "bus.refused"
    advice = "See the server's log; docs/guides tells how the streams are made."

    def __init__(self, err_code: int, description: str) -> None:
        self.err_code = err_code
        super().__init__(f"JetStream {err_code}: {description}.")


class StreamFull(ServerRefused):
    """A stream holds all that it may: it takes no more until it may hold more, or its oldest events are too old."""

    code = "bus.full"
    advice = "Raise STREAM_BYTES of all services, and restart them, the gateway first: what waits is published then."


async def request(
    nc: Client, subject: str, data: bytes, headers: dict[str, str] | None = None, timeout_s: float = API_TIMEOUT_S
) -> dict[str, Any]:
    """The JSON that JetStream answers. Raises ServerRefused, Retry (not known whether it was done), Unreachable."""
    with typed_faults(subject):
        answer = await nc.request(subject, data, timeout=timeout_s, headers=headers)
    said: dict[str, Any] = json.loads(answer.data)
    if "error" in said:
        err_code = said["error"].get("err_code", 0)
        refused = StreamFull if err_code == STREAM_FULL else ServerRefused
        raise refused(err_code, said["error"].get("description", ""))
    return said


async def call(nc: Client, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of one API call, such as `STREAM.INFO.JOBS`."""
    return await request(nc, f"{PREFIX}.{name}", json.dumps(body).encode() if body is not None else b"")
