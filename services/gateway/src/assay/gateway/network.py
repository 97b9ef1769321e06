"""A provider as the network is shown. Pure."""

from collections.abc import Mapping
from typing import Any

from assay.schema.offer import OfferListed


def provider_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One provider: its offer, what it claims and costs, and how many leases it runs."""
    offer = OfferListed.model_validate_json(row["terms"])
    return {
        "provider": offer.provider,
        "state": "listed" if row["is_listed"] else "delisted",
        "reason": row["reason"],
        "offer_id": offer.offer_id,
        "kinds": list(offer.kinds),
        "region": offer.region,
        "slots": offer.capacity.slots,
        "units_per_s": offer.capacity.units_per_s,
        "measured": offer.measured.model_dump(mode="json") if offer.measured else None,
        "leases": row["leases"],
        "memory_bytes": offer.capacity.memory_bytes,
        "input_bytes": offer.capacity.input_bytes,
        "gpu": offer.capacity.gpu,
        "price": offer.mega_unit_price,
        "reputation": offer.reputation,
        "stake": offer.stake,
        "attestation": offer.attestation.model_dump(mode="json") if offer.attestation else None,
        "data": [held.model_dump(mode="json") for held in offer.data],
        "expires_ms": offer.expires_ms,
    }
