"""nats-py's errors as the typed ones: what may be tried again, and what ends the process."""

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
    is there, or the connection was closed for good) and Refused (event.oversized)."""
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
