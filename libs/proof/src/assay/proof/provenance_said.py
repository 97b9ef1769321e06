"""One signed statement in a receipt, as it was said."""

import base64
from typing import Any

from assay.proof.provenance import Part
from assay.schema.errors import Reject
from assay.schema.event import PREFIX, Envelope, to_rfc3339
from assay.schema.values import Millis, Signature


class SaidPart(Part):
    """One signed statement as it was said; `data` is base64."""

    type: str
    id: str
    source: str
    time_ms: Millis
    data: str
    signature: Signature

    @classmethod
    def of(cls, said: Envelope[Any]) -> "SaidPart":
        """The statement in an envelope. Raises Reject if it is unsigned."""
        if not said.signature:
            raise Reject(f"The statement {said.id} carries no signature.")
        data = base64.b64encode(said.data).decode()
        return cls(
            type=said.event.type,
            id=said.id,
            source=said.source,
            time_ms=said.time_ms,
            data=data,
            signature=said.signature,
        )

    def headers(self) -> dict[str, str]:
        """The statement's headers, as it was sent."""
        return {
            "ce-id": self.id,
            "ce-type": f"{PREFIX}.{self.type}",
            "ce-source": self.source,
            "ce-time": to_rfc3339(self.time_ms),
            "ce-signature": self.signature,
        }
