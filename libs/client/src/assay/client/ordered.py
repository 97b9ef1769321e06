"""A requester's signed order for a job: bounded, so that whoever asks too much is told so before a key is used."""

from collections.abc import Mapping
from typing import Any, Final

from assay.client.errors import typed
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.order import sign_order
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.values import Policy, Requirements

PRICE_LIMIT_MAX: Final = 2**128 - 1
"""The most that an event can name."""
DEADLINE_S_MAX: Final = 30 * 86_400


def ordered(
    key: Key, domain: Domain, requester: str, spec: JobSpec, price_limit: int, now_ms: int, deadline_s: int, job_id: str
) -> JobSubmitted:
    """The order, signed. Raises Refused: job.bad_params, job.distant_deadline; BadInput."""
    if not 0 <= price_limit <= PRICE_LIMIT_MAX:
        raise Refused("job.bad_params", f"price_limit: it is from 0 to {PRICE_LIMIT_MAX}.")
    if deadline_s > DEADLINE_S_MAX:
        raise Refused("job.distant_deadline", f"deadline_s: it is at most {DEADLINE_S_MAX}.")
    deadline_ms = now_ms + deadline_s * 1000
    with typed():
        signature = sign_order(key, domain, job_id, requester, spec, price_limit, deadline_ms)
        return JobSubmitted(
            job_id=job_id,
            requester=requester,
            spec=spec,
            price_limit=price_limit,
            deadline_ms=deadline_ms,
            order_signature=signature,
        )


def spec_of(
    kind: str, params: Mapping[str, Any], plan: Mapping[str, Any], needs: Requirements, policy: Policy
) -> JobSpec:
    """A job's spec as the network cuts it; it stays where the owner of sealed inputs lets them be."""
    asked = plan["requirements"]
    more = {
        "memory_bytes": max(needs.memory_bytes, asked.get("memory_bytes", 0)),
        "input_bytes": max(needs.input_bytes, asked.get("input_bytes", 0)),
        "gpu": needs.gpu or bool(asked.get("gpu")),
        "regions": needs.regions or tuple(plan["regions"]),
    }
    names = ("inputs", "segments", "segment_units", "sealed")
    cut = {name: plan[name] for name in names}
    return JobSpec(kind=kind, params=dict(params), requirements=needs.model_copy(update=more), policy=policy, **cut)
