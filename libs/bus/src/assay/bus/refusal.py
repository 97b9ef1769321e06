"""How a typed error crosses the bus: the header `assay-error` holds its code, the body the Refusal."""

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from assay.schema.errors import REFUSALS, AssayError, Refusal, Refused, Reject, Retry, Unreachable

HEADER: Final = "assay-error"


def refuse(error: AssayError) -> tuple[Mapping[str, str], bytes]:
    """The answer that carries the error."""
    said = Refusal.of(error)
    if isinstance(error, Retry):
        said = said.model_copy(update={"retry_after_s": error.delay_s})
    return {HEADER: said.code}, said.model_dump_json(exclude_none=True).encode()


def raise_refusal(headers: Mapping[str, str], data: bytes) -> None:
    """Raises what the other side raised, if it is a refusal: Refused, Retry, Unreachable, or Reject."""
    if (code := headers.get(HEADER)) is None:
        return
    try:
        said = Refusal.model_validate_json(data)
    except ValidationError:
        raise Reject(f"{code}: the answer holds no refusal.") from None
    if said.code == Retry.code:
        raise Retry(said.detail, said.retry_after_s or 1.0)
    if said.code == Unreachable.code:
        raise Unreachable(said.detail)
    if said.code in REFUSALS:
        raise Refused(said.code, said.detail, retry_after_s=said.retry_after_s)
    raise Reject(f"{said.code}: {said.detail} {said.advice}")
