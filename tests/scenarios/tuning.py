"""The fine-tuning job that scenarios share: small, real, and long enough to be interrupted."""

from dataclasses import dataclass
from typing import Any, Final

from tests.network import PRICE, Net

TEXT: Final = b"the quick brown fox jumps over the lazy dog, again and again; " * 40
SIZES: Final = {"segment_steps": 10, "sequence_tokens": 32, "batch": 4, "lora_rank": 2, "threads": 1}
SEGMENTS: Final = 8


@dataclass(frozen=True)
class Tuned:
    """A settled fine-tuning job, and what it was made of."""

    job_id: str
    params: dict[str, Any]
    text: bytes


def tuning(model: str) -> dict[str, Any]:
    """The parameters of the job, without its data."""
    steps = SEGMENTS * SIZES["segment_steps"]
    return {"model": model, "steps": steps, "learning_rate": 0.01, "heldout_share": 0.1, **SIZES}


async def order_tuning(net: Net, model: str, text: bytes, *regions: str) -> str:
    """The id of such a job on a text, for the whole of which the price limit is enough at the steady price."""
    params = tuning(model)
    units = params["steps"] * params["batch"] * params["sequence_tokens"]
    whole = params | {"data": await net.assay.upload(text)}
    return await net.order("finetune", whole, regions, price_limit=units * PRICE // 1_000_000)
