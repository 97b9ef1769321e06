"""The holder of keys over real servers: who is given one, who is refused and why, and that it ends."""

import asyncio
import secrets
from io import BytesIO
from typing import Any

import pytest
from services.gateway.tests import test_gateway as running
from services.gateway.tests.conftest import DOMAIN, Person, granted
from services.gateway.tests.test_gateway import World, committed, now_ms, until

from assay.bus import Door
from assay.bus.keys import ask_key, hand_in
from assay.gateway import asks
from assay.proof.eip712 import statement_digest
from assay.proof.job_seal import name_of, seal_job
from assay.proof.keys import Key, recover
from assay.proof.order import sign_order
from assay.proof.sealed import seal_blob, unseal_blob
from assay.proof.wrapped import wrap
from assay.schema.audit import AuditAssigned, AuditLapsed
from assay.schema.errors import Refused
from assay.schema.job import JobExpired, JobFunded, JobRefunded, JobSpec, JobSubmitted
from assay.schema.key import KeyDestroyed, KeyForgotten, KeyReleased
from assay.schema.lease import LeaseGranted, LeaseLapsed
from assay.schema.offer import OfferListed
from assay.schema.values import NO_DIGEST, Capacity, Requirements, Role, derive_id

pytestmark = pytest.mark.server
core, world = running.core, running.world

TEXT = b"nobody's business"
KEY = secrets.token_bytes(32)
BLOB = b"".join(seal_blob(KEY, BytesIO(TEXT), len(TEXT)))
JOB = derive_id("j", 1)
FACT = {"job_id": JOB, "fence": 1}
ROOMY = Requirements(memory_bytes=4 * 2**30)
IN_DE = ROOMY.model_copy(update={"regions": ("de",)})


def spec_of(digest: str, **changes: Any) -> JobSpec:
    params = {"model": NO_DIGEST, "data": digest, "steps": 1, "segment_steps": 1}
    cut = {"inputs": (digest,), "sealed": (digest,), "segments": 1, "segment_units": 256}
    return JobSpec(kind="finetune", params=params, **(cut | {"requirements": IN_DE} | changes))


def order(who: Person, spec: JobSpec, number: int = 1) -> JobSubmitted:
    terms = (derive_id("j", number), who.id, spec, 100, now_ms() + 600_000)
    names = ("job_id", "requester", "spec", "price_limit", "deadline_ms")
    signed = sign_order(who.key, DOMAIN, *terms)
    return JobSubmitted(**dict(zip(names, terms, strict=True)), order_signature=signed)


def offer(provider: Person, region: str) -> OfferListed:
    terms = {
        "kinds": ("finetune",),
        "capacity": Capacity(memory_bytes=1),
        "region": region,
        "reputation": 0,
        "stake": 1,
    }
    offer_id = derive_id("f", provider.id)
    return OfferListed(
        offer_id=offer_id, provider=provider.id, **terms, mega_unit_price=1, expires_ms=2**50, sequence=1
    )


def lease_of(provider: Person, requester: Person, spec: JobSpec) -> LeaseGranted:
    return granted(provider.id, requester.id, 1).model_copy(update={"spec": spec, "job_id": JOB})


def audit_of(verifier: Person, spec: JobSpec) -> AuditAssigned:
    terms = {"segment": 0, "nonce": NO_DIGEST, "fee": 1, "deadline_ms": now_ms() + 600_000}
    return AuditAssigned(audit_id=derive_id("a", 1), verifier=verifier.id, spec=spec, **terms)


async def refusal(door: Door, who: Person, digest: str) -> str:
    """The code with which a key is refused."""
    with pytest.raises(Refused) as refused:
        await ask_key(door.ask, who.key, digest)
    return refused.value.code


async def given(door: Door, who: Person, digest: str) -> bytes:
    """The key, once the gateway has heard of what gives a right to it."""

    async def ask() -> bytes | None:
        try:
            return await ask_key(door.ask, who.key, digest)
        except Refused as refused:
            assert refused.code in ("key.undrawn", "key.region")
            return None

    key: bytes = await until(ask)
    return key


async def heard(world: World, kind: type) -> list[Any]:
    """What was said of this kind, once there is any."""

    async def look() -> list[Any]:
        return [said.event for said in world.said if isinstance(said.event, kind)]

    return list(await until(look))


async def test_a_key_goes_to_whom_the_work_needs_and_to_nobody_once_it_is_destroyed(
    world: World, requester: Person, provider: Person, rival: Person
) -> None:
    verifier, undrawn = Person("val", Role.VERIFIER), Person("una", Role.VERIFIER)
    ann, bob, eve, val, una = [await world.grant(p) for p in (requester, provider, rival, verifier, undrawn)]
    digest = await ann.blobs.put(BLOB)
    await hand_in(ann.ask, digest, KEY, ["de"])
    await hand_in(ann.ask, digest, KEY, ["de"])
    spec = spec_of(digest)
    await world.says("discovery", offer(provider, "de"), offer(rival, "us"))
    lease = lease_of(provider, requester, spec)
    await ann.tell(requester.sign(order(requester, spec), now_ms()))
    assert await refusal(val, verifier, digest) == "key.undrawn"
    await world.says("matching", lease)
    assert unseal_blob(await given(bob, provider, digest), await bob.blobs.get(digest)) == TEXT
    assert await given(bob, provider, digest) == KEY
    assert await refusal(eve, rival, digest) == "key.region"
    with pytest.raises(Refused, match=r"event\.forged"):
        await ask_key(eve.ask, provider.key, digest)
    assert await ask_key(ann.ask, requester.key, digest) == KEY
    await audited(world, val, verifier, una, undrawn, digest)
    await bob.tell(provider.sign(KeyForgotten(digest=digest, provider=provider.id), now_ms()))
    with pytest.raises(Refused, match=r"key\.undrawn"):
        await eve.tell(rival.sign(KeyForgotten(digest=digest, provider=rival.id), now_ms()))
    assert await ann.ask("forget", {"digest": digest}) == {"digest": digest, "destroyed": False, "jobs": [JOB]}
    with pytest.raises(Refused, match=r"key\.destroyed"):
        await ann.tell(requester.sign(order(requester, spec, 2), now_ms()))
    assert await given(bob, provider, digest) == KEY
    await ended(world, lease, requester)
    (destroyed,) = await heard(world, KeyDestroyed)
    assert [await refusal(*who, digest) for who in ((bob, provider), (val, verifier))] == ["key.destroyed"] * 2
    said = statement_digest(DOMAIN, destroyed.type, digest, destroyed.holder, destroyed.destroyed_ms, b"")
    assert recover(said, destroyed.signature) == destroyed.holder
    with pytest.raises(Refused, match=r"key\.destroyed"):
        await hand_in(ann.ask, digest, KEY, ["de"])


async def audited(world: World, val: Door, verifier: Person, una: Door, undrawn: Person, digest: str) -> None:
    """A drawn verifier is given the key, and named once its audit is over; the service that replays is at once."""
    audit = audit_of(verifier, spec_of(digest))
    await world.says("verification", audit)
    assert await given(val, verifier, digest) == KEY
    assert await refusal(una, undrawn, digest) == "key.undrawn"
    held = (await heard(world, KeyReleased))[0]
    assert (held.reader, held.job_id) != (verifier.id, None) and len(await heard(world, KeyReleased)) == 1
    service = Key.generate()
    body = b'{"digest": "%s", "public": "%s"}' % (digest.encode(), service.public.encode())
    await world.core.ask("assay.ask.gateway.key", body)
    await world.says("verification", AuditLapsed(audit_id=audit.audit_id, verifier=verifier.id, code="audit.late"))

    async def all_told() -> set[str]:
        readers = {event.reader for event in await heard(world, KeyReleased)}
        return readers if verifier.id in readers else set()

    assert await until(all_told) == {held.reader, verifier.id, "verification"}
    assert await refusal(val, verifier, digest) == "key.ended"


async def ended(world: World, lease: LeaseGranted, requester: Person) -> None:
    """The job is given up, and its money goes back."""
    fact = {"lease_id": lease.lease_id, "provider": lease.provider, "job_id": lease.job_id, "fence": 1}
    whose = {"job_id": lease.job_id, "requester": requester.id}
    await world.says("settlement", JobFunded(**whose, amount=1))
    await world.says("matching", LeaseLapsed(**fact, code="lease.silent", reason="It was silent."))
    await world.says("matching", JobExpired(**whose))
    await world.says("settlement", JobRefunded(**whose, refunded=1, receipt=NO_DIGEST))


async def test_a_strangers_key_opens_no_job_of_ones_own(
    world: World, requester: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    joe = Person("joe", Role.REQUESTER)
    ann, thief = await world.grant(requester), await world.grant(joe)
    digest = await ann.blobs.put(BLOB)
    with pytest.raises(Refused, match=r"blob\.missing"):
        await hand_in(thief.ask, digest, KEY, [])
    await hand_in(ann.ask, digest, KEY, ["de"])
    # It has the sealed bytes, and even the key would be held for their owner.
    await thief.blobs.put(BLOB)
    for attempt in (hand_in(thief.ask, digest, KEY, []), thief.ask("forget", {"digest": digest})):
        with pytest.raises(Refused, match=r"key\.foreign"):
            await attempt
    refused = [
        (thief, joe, spec_of(digest), "key.foreign"),
        (ann, requester, spec_of(digest, sealed=()), "job.bad_params"),
        (ann, requester, spec_of(digest, requirements=ROOMY), "key.region"),
        (
            ann,
            requester,
            spec_of(digest, requirements=ROOMY.model_copy(update={"regions": ("de", "us")})),
            "key.region",
        ),
    ]
    for number, (door, who, spec, code) in enumerate(refused):
        with pytest.raises(Refused) as refusal:
            await door.tell(who.sign(order(who, spec, number), now_ms()))
        assert refusal.value.code == code
    # Naming a key without the input would give it to whoever runs a job that reads nothing.
    reads_nothing = JobSpec(kind="noop", params={"segments": 1}, segments=1, segment_units=1, sealed=(digest,))
    with pytest.raises(Refused, match=r"job\.bad_params"):
        await thief.tell(joe.sign(order(joe, reads_nothing, len(refused)), now_ms()))
    plan = await ann.ask("plan", {"kind": "finetune", "params": spec_of(digest).params})
    assert (plan["sealed"], plan["regions"]) == ([digest], ["de"])
    assert plan["requirements"]["input_bytes"] == 0
    monkeypatch.setattr(asks, "INPUT_BYTES_ANY", 1)
    # How large a blob is that one may not read is told to nobody.
    eve = await world.grant(Person("eve", Role.REQUESTER))
    for door, size in ((ann, len(BLOB)), (eve, 0)):
        plan = await door.ask("plan", {"kind": "finetune", "params": spec_of(digest).params})
        assert plan["requirements"]["input_bytes"] == size


async def test_a_key_that_is_not_the_blobs_own_is_not_held(world: World, requester: Person) -> None:
    ann = await world.grant(requester)
    digest, plain = await ann.blobs.put(BLOB), await ann.blobs.put(b"nothing sealed")
    for name in (digest, plain):
        with pytest.raises(Refused, match="not sealed under this key"):
            await hand_in(ann.ask, name, bytes(32), [])
    public = (await ann.ask("holder", {}))["public"]
    other = wrap(KEY, public, plain, Key.generate())
    with pytest.raises(Refused, match=r"key\.malformed"):
        await ann.ask("hold", {"digest": digest, "wrapped": other})
    with pytest.raises(Refused, match=r"key\.unknown"):
        await ann.ask("forget", {"digest": digest})
    assert not await rows(world, "select 1 from gateway.data_key")


async def test_tables_and_events_hold_no_key_and_a_lease_that_committed_needs_it_after_it_lapsed(
    world: World, requester: Person, provider: Person
) -> None:
    ann, bob = await world.grant(requester), await world.grant(provider)
    digest = await ann.blobs.put(BLOB)
    await hand_in(ann.ask, digest, KEY, [])
    (held,) = await rows(world, "select wrapped, owner from gateway.data_key")
    assert KEY.hex() not in str(held) and held["owner"] == requester.id
    lease = lease_of(provider, requester, spec_of(digest))
    await world.says("matching", lease)
    assert await given(bob, provider, digest) == KEY
    fact = {"lease_id": lease.lease_id, "provider": lease.provider, **FACT}
    await world.says(provider.id, committed(lease, 0))
    await world.says("matching", LeaseLapsed(**fact, code="lease.silent", reason="It was silent."))
    await asyncio.gather(*(given(bob, provider, digest) for _ in range(5)))
    assert len(await heard(world, KeyReleased)) == 1
    assert all(KEY.hex().encode() not in said.data for said in world.said)


async def test_the_key_of_what_a_job_makes_goes_by_the_same_rights_and_to_its_owner(
    world: World, requester: Person, provider: Person, rival: Person
) -> None:
    joe = Person("joe", Role.REQUESTER)
    ann, bob, eve, thief = [await world.grant(each) for each in (requester, provider, rival, joe)]
    seal, cut = name_of(KEY), {"segments": 1, "segment_units": 1, "requirements": IN_DE}
    spec = JobSpec(kind="noop", params={"segments": 1}, seal=seal, **cut)
    with pytest.raises(Refused, match=r"key\.unknown"):
        await ann.tell(requester.sign(order(requester, spec), now_ms()))
    with pytest.raises(Refused, match=r"blob\.missing"):
        await hand_in(ann.ask, name_of(bytes(32)), KEY, ["de"])
    await hand_in(ann.ask, seal, KEY, ["de"])
    # Who has been given it makes it no key of its own.
    for attempt in (hand_in(thief.ask, seal, KEY, []), thief.tell(joe.sign(order(joe, spec), now_ms()))):
        with pytest.raises(Refused, match=r"key\.foreign"):
            await attempt
    with pytest.raises(Refused, match=r"key\.region"):
        wide = spec.model_copy(update={"requirements": ROOMY})
        await ann.tell(requester.sign(order(requester, wide, 2), now_ms()))
    await ann.tell(requester.sign(order(requester, spec), now_ms()))
    await world.says("discovery", offer(provider, "de"), offer(rival, "us"))
    await world.says("matching", lease := lease_of(provider, requester, spec))
    assert await given(bob, provider, seal) == KEY == await ask_key(ann.ask, requester.key, seal)
    assert [await refusal(*who, seal) for who in ((eve, rival), (thief, joe))] == ["key.region", "key.undrawn"]
    assert {event.reader for event in await heard(world, KeyReleased)} == {provider.id}
    assert await ann.ask("forget", {"digest": seal}) == {"digest": seal, "destroyed": False, "jobs": [JOB]}
    await ended(world, lease, requester)
    assert [event.digest for event in await heard(world, KeyDestroyed)] == [seal]
    assert await refusal(ann, requester, seal) == "key.destroyed"


async def test_jobs_of_one_seal_read_what_others_of_it_made_and_its_key_lasts_for_the_last_of_them(
    world: World, requester: Person, provider: Person, rival: Person
) -> None:
    ann, bob, eve = [await world.grant(each) for each in (requester, provider, rival)]
    seal, made = name_of(KEY), await ann.blobs.put(seal_job(KEY, TEXT))
    await hand_in(ann.ask, seal, KEY, [])
    first = spec_of(await ann.blobs.put(TEXT), sealed=(), seal=seal)
    later = spec_of(made, sealed=(), seal=seal, made=(made,))
    refused = [
        later.model_copy(update={"seal": None}),
        first.model_copy(update={"made": (made,)}),
        spec_of(sealed := await ann.blobs.put(BLOB), seal=seal, made=(sealed,)),
    ]
    await hand_in(ann.ask, sealed, KEY, [])
    for number, spec in enumerate(refused, 3):
        with pytest.raises(Refused, match=r"job\.bad_params.*made"):
            await ann.tell(requester.sign(order(requester, spec, number), now_ms()))
    leases = [
        lease_of(provider, requester, first),
        granted(rival.id, requester.id, 2).model_copy(update={"spec": later, "job_id": derive_id("j", 2)}),
    ]
    for number, (spec, lease) in enumerate(zip((first, later), leases, strict=True), 1):
        await ann.tell(requester.sign(order(requester, spec, number), now_ms()))
        await world.says("matching", lease)
    assert await given(bob, provider, seal) == await given(eve, rival, seal) == KEY

    async def is_said() -> bool:
        released = {(event.reader, event.basis) for event in await heard(world, KeyReleased)}
        return released == {(lease.provider, lease.lease_id) for lease in leases}

    assert await until(is_said)
    await ended(world, leases[0], requester)

    async def waits_for_the_last() -> bool:
        said = await ann.ask("forget", {"digest": seal})
        return said == {"digest": seal, "destroyed": False, "jobs": [leases[1].job_id]}

    assert await until(waits_for_the_last) and await ask_key(eve.ask, rival.key, seal) == KEY
    await ended(world, leases[1], requester)
    assert [event.digest for event in await heard(world, KeyDestroyed)] == [seal]
    assert [await refusal(*who, seal) for who in ((bob, provider), (eve, rival))] == ["key.destroyed"] * 2


async def test_a_result_of_which_a_stranger_holds_a_key_does_not_keep_the_jobs_of_a_seal_from_going_on(
    world: World, requester: Person
) -> None:
    joe, secret = Person("joe", Role.REQUESTER), secrets.token_bytes(32)
    ann, thief = await world.grant(requester), await world.grant(joe)
    # The provider of a member is in league with somebody: its result is a blob of which that one holds a key.
    garbled = await thief.blobs.put(blob := b"".join(seal_blob(secret, BytesIO(TEXT), len(TEXT))))
    await hand_in(thief.ask, garbled, secret, ["zz"])
    assert await ann.blobs.put(blob) == garbled
    await hand_in(ann.ask, seal := name_of(KEY), KEY, [])
    # Or it is a sealed input of the requester's own.
    await hand_in(ann.ask, own := await ann.blobs.put(BLOB), KEY, ["de"])
    for number, digest in enumerate((garbled, own)):
        spec = spec_of(digest, sealed=(), seal=seal, made=(digest,))
        await ann.tell(requester.sign(order(requester, spec, number), now_ms()))
    plan = await ann.ask("plan", {"kind": "finetune", "params": spec_of(garbled).params})
    assert (plan["sealed"], plan["regions"]) == ([], [])


async def rows(world: World, query: str) -> list[Any]:
    """What a table of the gateway holds."""
    import asyncpg

    connection = await asyncpg.connect(world.dsn)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
