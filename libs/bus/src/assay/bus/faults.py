"""nats-py's errors as the typed ones: what may be tried again, and what ends the process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from nats.errors import (
    ConnectionClosedError,
    ConnectionDrainingError,
    MaxPayloadError,
    NoRespondersError,
    OutboundBufferLimitError,
)
from nats.errors import TimeoutError as NatsTimeout

from assay.schema.errors import Refused, Retry, Unreachable

RETRY_S = 1.0


@contextmanager
def typed_faults(what: str) -> Iterator[None]:
    """Turns the errors of one exchange with the server into Retry (unknown whether it was done), Unreachable (nobody
    is there, or the connection was closed for good) and Refused (event.oversized).

    nats-py waits by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes with the answer; it is
    raised again here (https://github.com/python/cpython/issues/86296)."""
    before = _cancellations()
    try:
        yield
    except NoRespondersError:
        raise Unreachable(f"Nobody answers on {what}.") from None
    except NatsTimeout:
        raise Retry(f"No answer on {what} in time.", RETRY_S) from None
    except OutboundBufferLimitError:
        raise Retry(f"{what} was not sent: the connection is down.", RETRY_S) from None
    except MaxPayloadError:
        raise Refused("event.oversized", f"It does not fit a message on {what}.") from None
    except (ConnectionClosedError, ConnectionDrainingError):
        # Closed here, or by a server that took the access away: no reconnect follows either.
        raise Unreachable("The NATS connection is closed.") from None
    finally:
        if _cancellations() > before:
            raise asyncio.CancelledError


def _cancellations() -> int:
    """How often the running task was told to end, and did not say that it will go on."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0
