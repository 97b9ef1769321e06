"""What a party puts before the door, byte by byte, and what the door says."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import nats
from tests.network import Net

from assay.proof.eip712 import statement_digest
from assay.proof.keys import Key
from assay.schema.event import to_rfc3339
from assay.schema.values import NO_DIGEST, derive_id


@dataclass(frozen=True)
class Claim:
    """Bytes and headers as a party puts them before the door; all that is not changed is right."""

    party: str
    type: str
    about: str
    data: bytes
    signer: Key
    source: str
    time_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    is_signed: bool = True

    @property
    def id(self) -> str:
        """The id of the statement."""
        return derive_id("e", self.time_ms, self.source, 0, self.type, self.data.decode())

    def headers(self, net: Net) -> dict[str, str]:
        """The CloudEvents headers, with the signature."""
        digest = statement_digest(net.assay.domain, self.type, self.id, self.source, self.time_ms, self.data)
        said = {"ce-type": f"assay.{self.type}", "ce-id": self.id, "ce-source": self.source, "ce-specversion": "1.0"}
        said |= {"ce-time": to_rfc3339(self.time_ms)}
        return said | ({"ce-signature": self.signer.sign(digest)} if self.is_signed else {})


def claim(net: Net, party: str, event_type: str, about: str, data: bytes) -> Claim:
    """What a party says in its own name."""
    who = net.party(party)
    return Claim(party, event_type, about, data, who.key, who.id)


def commitment(net: Net, lease: Any, party: str, **changes: Any) -> Claim:
    """A commitment to the first segment of a lease, as it would be let in but for the changes."""
    digests = dict.fromkeys(("state_in", "state_out", "checkpoint", "previous", "commitment"), NO_DIGEST)
    fact = {"lease_id": lease.lease_id, "job_id": lease.job_id, "provider": net.party(party).id, "fence": lease.fence}
    body = {**fact, **digests, "segment": 0, "units": 1, "compute_ms": 0, **changes}
    return claim(net, party, "lease.committed", lease.lease_id, encoded(body))


def encoded(body: dict[str, Any]) -> bytes:
    """A body as JSON, and with the numbers that JSON lacks."""
    return json.dumps(body).encode()


async def knock(net: Net, said: Claim) -> str | None:
    """The code with which the door refuses; None if it lets it in."""
    party = net.party(said.party)
    connection = await nats.connect(net.devnet.servers.nats_url, user_credentials=str(party.creds_file))
    try:
        subject = f"ingest.{said.type}.{said.about}"
        answer = await connection.request(subject, said.data, timeout=60, headers=said.headers(net))
        return (answer.headers or {}).get("assay-error")
    finally:
        await connection.close()
