"""The lines of a segment: each request as it was signed, and what was answered, as one object of JSON."""

import json
from collections.abc import Sequence

from blake3 import blake3
from pydantic import ValidationError

from assay.schema.served import Request
from assay.workloads.generate.answers import Answer
from assay.workloads.generate.errors import BadOpening
from assay.workloads.generate.state import Checkpoint
from assay.workloads.serve.params import ServeParams

START = b"assay.served.1"


def start_of(params: ServeParams) -> Checkpoint:
    """Return the checkpoint before the first segment, bound to the job's parameters."""
    plain = json.dumps(params.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return Checkpoint(blake3(START + plain.encode()).digest())


def write_line(request: Request, answer: Answer, text: str, ends: Sequence[int]) -> bytes:
    """Return the line of one request and its answer."""
    finish = "stop" if int(answer.tokens[-1]) in ends else "length"
    answered = {"completion": text, "tokens": len(answer.tokens), "finish": finish}
    return json.dumps(request.model_dump() | answered, ensure_ascii=False).encode() + b"\n"


def read_requests(lines: bytes, numbers: range) -> list[Request]:
    """Return the requests that the lines of a segment name, which must have these numbers. Raises BadOpening."""
    found = lines.splitlines()
    if len(found) != len(numbers):
        raise BadOpening(f"There are {len(found)} lines for {len(numbers)} requests.")
    try:
        requests = [Request.model_validate_json(line) for line in found]
    except ValidationError as error:
        raise BadOpening(f"A line has no request: {error.errors()[0]['msg']}.") from None
    if [request.number for request in requests] != list(numbers):
        raise BadOpening("The requests are not those of this segment.")
    return requests
