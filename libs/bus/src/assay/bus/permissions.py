"""Who may publish and hear what in the core account, derived from the registry of events and what a service declares.

A service may publish the events that it declares, under its own name; the gateway passes on what participants say,
under theirs. It may read its own durable consumers and nothing else; nobody may delete or purge a stream of events, and
only the gateway blobs, for their owners let them go through it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from assay.bus.accounts import LOST, SERVERS
from assay.bus.api import PREFIX as API
from assay.bus.connection import inbox_prefix
from assay.bus.streams import BUCKET, LANE_STREAMS
from assay.schema.event import PREFIX, REGISTRY, Event
from assay.schema.streams import STREAMS, durable_of, stream_of
from assay.schema.values import PARTICIPANTS, Role

BEATS: Final = f"{PREFIX}.beat.*"
LOST_LINES: Final = f"{PREFIX}.lost.*"

# What each role says and hears outside of the streams.
SAYS: Final[dict[Role, tuple[str, ...]]] = {
    Role.GATEWAY: ("cmd.*.feed", BEATS, LOST_LINES, f"{PREFIX}.ask.*.*"),
    Role.DISCOVERY: (f"{PREFIX}.ask.*.*",),
    Role.MATCHING: (f"{PREFIX}.ask.*.*",),
    Role.VERIFICATION: (f"{PREFIX}.ask.*.*",),
    Role.SETTLEMENT: (f"{PREFIX}.ask.*.*",),
}
HEARS: Final[dict[Role, tuple[str, ...]]] = {
    Role.GATEWAY: ("ingest.*.>", "ask.*.>", LOST, BEATS),
    Role.DISCOVERY: (BEATS,),
    Role.MATCHING: (BEATS, LOST_LINES),
}
BLOB_READERS: Final = frozenset({Role.GATEWAY, Role.VERIFICATION, Role.SETTLEMENT})


@dataclass(frozen=True, slots=True)
class Permissions:
    """The subjects that a service's user may publish and subscribe; everything else is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def permissions_of(role: Role, consumes: Iterable[type[Event]], publishes: Iterable[type[Event]]) -> Permissions:
    """What the user of a service needs, and no more. Raises ValueError for an event that is not the role's to say."""
    read = sorted({stream_of(event).name for event in consumes})
    publish = [
        *_said(role, publishes),
        f"{PREFIX}.dead.{role}.>",
        *SAYS.get(role, ()),
        *_api(role, read),
        *(_blobs() if role in BLOB_READERS else ()),
        *(f"{API}.STREAM.PURGE.{name}" for name in LANE_STREAMS if role is Role.GATEWAY),
        SERVERS,
    ]
    subscribe = [f"{PREFIX}.ask.{role}.*", *HEARS.get(role, ()), f"{inbox_prefix(role)}.>"]
    return Permissions(tuple(sorted(set(publish))), tuple(sorted(set(subscribe))))


def public_subjects() -> tuple[str, ...]:
    """What every participant may read live: whole entities where all their events are public, else one by one."""
    entities = sorted({event.entity() for event in REGISTRY.values()})
    return tuple(subject for entity in entities for subject in _public_of(entity))


def _public_of(entity: str) -> list[str]:
    events = [event for event in REGISTRY.values() if event.entity() == entity]
    if all(event.public for event in events):
        return [f"{PREFIX}.{entity}.>"]
    return sorted(event.subjects() for event in events if event.public)


def _said(role: Role, publishes: Iterable[type[Event]]) -> list[str]:
    declared = set(publishes)
    if foreign := sorted(event.type for event in declared if event.by is not role):
        raise ValueError(f"{role} may not say {', '.join(foreign)}")
    relayed = [event.subjects() for event in REGISTRY.values() if role is Role.GATEWAY and event.by in PARTICIPANTS]
    return [*(event.subjects(actor=role) for event in declared), *relayed]


def _api(role: Role, read: list[str]) -> list[str]:
    """Making the streams is every service's, so that they start in any order; changing one is the gateway's."""
    names = [*(stream.name for stream in STREAMS), *LANE_STREAMS]
    verbs = ("CREATE", "UPDATE") if role is Role.GATEWAY else ("CREATE",)
    subjects = [f"{API}.STREAM.INFO.*", *(f"{API}.STREAM.{verb}.{name}" for verb in verbs for name in names)]
    for stream in read:
        durable = durable_of(role, stream)
        subjects += [
            f"{API}.CONSUMER.CREATE.{stream}.{durable}",
            f"{API}.CONSUMER.INFO.{stream}.{durable}",
            f"{API}.CONSUMER.MSG.NEXT.{stream}.{durable}",
            f"$JS.ACK.{stream}.{durable}.>",
        ]
    return subjects


def _blobs() -> list[str]:
    return [
        f"$O.{BUCKET}.C.>",
        f"$O.{BUCKET}.M.*",
        f"$O.{BUCKET}.P.>",
        *(f"{API}.DIRECT.GET.{name}.>" for name in LANE_STREAMS),
        *(f"{API}.STREAM.MSG.GET.{name}" for name in LANE_STREAMS),
    ]
