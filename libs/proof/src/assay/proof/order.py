"""The requester's order: the signature that lets Payment charge at most a price limit for one very spec."""

import json

from assay.proof.digest import blake3_hex
from assay.proof.eip712 import Domain, JobOrder, order_digest
from assay.proof.keys import BadSignature, Key, recover
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.values import address_of


def spec_digest(spec: JobSpec) -> str:
    """The digest of a spec's canonical JSON: keys in order, defaults left out, no spaces.

    Defaults are left out so that a field added later does not change the digest of what was signed before it.
    """
    plain = spec.model_dump(mode="json", exclude_defaults=True)
    return blake3_hex(json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def order_of(job_id: str, requester: str, spec: JobSpec, price_limit: int, deadline_ms: int) -> JobOrder:
    """The order as the contracts read it; its deadline is in whole seconds, rounded down."""
    return JobOrder(job_id, address_of(requester), price_limit, deadline_ms // 1000, spec_digest(spec))


def sign_order(
    key: Key, domain: Domain, job_id: str, requester: str, spec: JobSpec, price_limit: int, deadline_ms: int
) -> str:
    """The signature that goes into `job.submitted` as `order_signature`."""
    return key.sign(order_digest(domain, order_of(job_id, requester, spec, price_limit, deadline_ms)))


def check_order(event: JobSubmitted, domain: Domain) -> None:
    """Nothing, if the requester signed the order of this very job. Raises Refused: job.bad_order."""
    try:
        order = order_of(event.job_id, event.requester, event.spec, event.price_limit, event.deadline_ms)
        signer = recover(order_digest(domain, order), event.order_signature)
    except BadSignature as error:
        raise Refused("job.bad_order", error.detail) from None
    if signer != order.requester_address:
        raise Refused("job.bad_order", "The order was signed with another key, or for other terms.")
