"""What may be asked of discovery."""

from typing import Any, Final

from assay.runtime import Context
from assay.schema.errors import Refused


async def network(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """How many providers are known, how many are listed, and their stake together."""
    async with context.unit() as unit:
        counts: dict[str, Any] = await unit.ports.registry.network()
        return counts


async def provider(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """What is known of one provider. Raises Refused: speaker.unknown."""
    async with context.unit() as unit:
        known: dict[str, Any] | None = await unit.ports.registry.provider(str(body.get("provider", "")))
    if known is None:
        raise Refused("speaker.unknown", "No such provider.")
    return known


QUESTIONS: Final = {"network": network, "provider": provider}
