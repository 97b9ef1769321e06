"""The checks at the door, in the order in which every claim meets them; one file each.

The order is part of the defence: what is cheap and what authenticates comes first, and nothing of a claim is parsed
before it is known to be signed by somebody who has access.
"""

from collections.abc import Awaitable, Callable

from assay.gateway.checks.audit import check_audit
from assay.gateway.checks.beacon import check_beacon
from assay.gateway.checks.blobs import check_blobs
from assay.gateway.checks.challenge import check_challenge
from assay.gateway.checks.checkers import check_checkers
from assay.gateway.checks.dispute import check_dispute
from assay.gateway.checks.epoch import check_epoch
from assay.gateway.checks.fence import check_fence
from assay.gateway.checks.keys import check_keys
from assay.gateway.checks.nonce import check_nonce
from assay.gateway.checks.order import check_order_signed
from assay.gateway.checks.rate import check_rate
from assay.gateway.checks.role import check_role
from assay.gateway.checks.schema import check_schema
from assay.gateway.checks.signature import check_signature
from assay.gateway.checks.size import check_size
from assay.gateway.checks.spare import check_spare
from assay.gateway.checks.standing import check_standing
from assay.gateway.checks.status import check_status
from assay.gateway.checks.terms import check_terms
from assay.gateway.checks.work import check_work
from assay.gateway.claim import Claim, Desk

Check = Callable[[Claim, Desk], Awaitable[None]]
"""Returns if the claim may pass. Raises Refused."""

CHECKS: tuple[Check, ...] = (
    check_size,
    check_signature,
    check_status,
    check_nonce,
    check_fence,
    check_rate,
    check_schema,
    check_role,
    check_standing,
    check_spare,
    check_audit,
    check_beacon,
    check_challenge,
    check_dispute,
    check_epoch,
    check_terms,
    check_work,
    check_order_signed,
    check_checkers,
    check_blobs,
    check_keys,
)
