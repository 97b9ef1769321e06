"""What happened: the envelope (CloudEvents 1.0, NATS binary mode), the subject grammar and the registry of events.

A subject is `assay.<entity>.<event>.<actor>.<id>`: what happened, who says so, to which one. The class statement of an
event registers it; streams, permissions, durables and documents are derived from the registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

from pydantic import ValidationError

from assay.schema.errors import Refused
from assay.schema.values import Role, Value, derive_id

PREFIX: Final = "assay"
EVENT_BYTES_MAX: Final = 64 * 1024

REGISTRY: dict[str, type["Event"]] = {}


class Event(Value):
    """A fact in the past tense. Subclasses say `type`, who may say it, and whom it is told to.

    `public` events may be read by every observer. `tells` names the fields that hold the ids of the participants
    whose feed gets the event. `key` is the field that holds the aggregate's id.
    """

    type: ClassVar[str]
    by: ClassVar[Role]
    public: ClassVar[bool]
    tells: ClassVar[tuple[str, ...]]
    key: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(  # type: ignore[override]
        cls, *, type: str, by: Role, public: bool = True, tells: tuple[str, ...] = (), key: str = "", **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if type in REGISTRY and REGISTRY[type].__qualname__ != cls.__qualname__:
            raise TypeError(f"two events are called {type}")
        cls.type, cls.by, cls.public, cls.tells = type, by, public, tells
        cls.key = key or f"{type.partition('.')[0]}_id"
        REGISTRY[type] = cls

    @classmethod
    def entity(cls) -> str:
        """The noun: `job` of `job.submitted`."""
        return cls.type.partition(".")[0]

    @property
    def about(self) -> str:
        """The id of the aggregate that the event is about."""
        value = getattr(self, self.key)
        assert isinstance(value, str)
        return value

    @classmethod
    def subjects(cls, actor: str = "*", about: str = "*") -> str:
        """The subject filter of this event, for one actor or all."""
        return f"{PREFIX}.{cls.type}.{actor}.{about}"


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Envelope(Generic[E]):
    """An event with who said it, when, why, and under which signature.

    `data` is the wire form as it was signed; it is kept as it came, so that a signature outlives every re-encoding.
    `stored_ms` is when the bus took it in, by the bus's clock: 0 of what came off no stream.
    """

    id: str
    source: str
    time_ms: int
    event: E
    data: bytes
    cause: str | None = None
    traceparent: str | None = None
    signature: str | None = None
    stored_ms: int = field(default=0, compare=False)

    @classmethod
    def wrap(
        cls,
        event: E,
        source: str,
        time_ms: int,
        cause: str | None = None,
        traceparent: str | None = None,
        turn: int = 0,
    ) -> Self:
        """`event` in an envelope whose id follows from cause, source and content: said twice, it is one event.

        `turn` tells apart equal facts that one cause leads to.
        """
        data = event.model_dump_json(exclude_defaults=True).encode()
        basis = (cause, source, turn) if cause else (time_ms, source, turn)
        return cls(derive_id("e", *basis, event.type, data.decode()), source, time_ms, event, data, cause, traceparent)

    @property
    def subject(self) -> str:
        """The subject it is published on."""
        return f"{PREFIX}.{self.event.type}.{self.source}.{self.event.about}"

    def headers(self) -> dict[str, str]:
        """The CloudEvents attributes as NATS headers; `Nats-Msg-Id` lets the server drop an early repeat."""
        optional = {"ce-cause": self.cause, "ce-signature": self.signature, "traceparent": self.traceparent}
        return {
            "Nats-Msg-Id": self.id,
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-type": f"{PREFIX}.{self.event.type}",
            "ce-source": self.source,
            "ce-subject": self.event.about,
            "ce-time": to_rfc3339(self.time_ms),
            "content-type": "application/json",
        } | {key: value for key, value in optional.items() if value}


def decode(headers: Mapping[str, str], data: bytes, stored_ms: int = 0) -> Envelope[Event]:
    """The envelope of a message. Raises Refused: event.oversized, event.unknown, event.malformed."""
    if len(data) > EVENT_BYTES_MAX:
        raise Refused("event.oversized", f"{len(data)} of at most {EVENT_BYTES_MAX} bytes.")
    event_class = event_class_of(headers.get("ce-type", "").removeprefix(f"{PREFIX}."))
    try:
        event = event_class.model_validate_json(data)
        return Envelope(
            id=headers["ce-id"],
            source=headers["ce-source"],
            time_ms=from_rfc3339(headers["ce-time"]),
            event=event,
            data=data,
            cause=headers.get("ce-cause"),
            traceparent=headers.get("traceparent"),
            signature=headers.get("ce-signature"),
            stored_ms=stored_ms,
        )
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
    except (KeyError, ValueError) as error:
        raise Refused("event.malformed", f"header: {error}.") from None


def event_class_of(event_type: str) -> type[Event]:
    """The class of `job.submitted` and its like. Raises Refused: event.unknown."""
    try:
        return REGISTRY[event_type]
    except KeyError:
        raise Refused("event.unknown", f"{event_type[:80]!r}.") from None


def first_problem(error: ValidationError) -> str:
    """The first field that does not fit, and why, in one line."""
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}."


def to_rfc3339(time_ms: int) -> str:
    """Milliseconds since 1970 as CloudEvents writes a time."""
    seconds, ms = divmod(time_ms, 1000)
    return f"{_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=64)  # most of what is told was said within the same few seconds
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def from_rfc3339(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time. Raises ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
