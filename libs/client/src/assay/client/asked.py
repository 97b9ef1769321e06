"""What a person asks for with `assay submit`: a JSON file, options that overrule it, or both."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from assay.client.ordered import DEADLINE_S_MAX, PRICE_LIMIT_MAX
from assay.schema.errors import Refused
from assay.schema.event import first_problem
from assay.schema.values import Policy, Region


class Asked(BaseModel):
    """A job before it is planned and signed. Each of `files` is uploaded; its parameter gets the digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    price_limit: Annotated[int, Field(ge=0, le=PRICE_LIMIT_MAX)]
    params: dict[str, JsonValue] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    deadline_s: Annotated[int, Field(ge=1, le=DEADLINE_S_MAX)]
    regions: tuple[Region, ...] = ()
    audit_segments: Annotated[int, Field(ge=1)]
    method: Literal["replication", "trace"] | None = None
    replicas: int = Policy().replicas
    spares: int = 0
    haste: bool = False
    seal: bool | None = None

    @property
    def policy(self) -> Policy:
        """What is demanded of the proof. Raises Refused: job.bad_params."""
        try:
            names = ("audit_segments", "method", "replicas", "spares", "haste")
            return Policy.model_validate({name: getattr(self, name) for name in names})
        except ValidationError as error:
            raise Refused("job.bad_params", first_problem(error)) from None


def read_asked(
    file: Path | None, params: Iterable[str], files: Iterable[str], options: dict[str, Any], defaults: dict[str, Any]
) -> Asked:
    """What is asked: `defaults`, then the file, then the options that are not None.

    Raises Refused: job.bad_params, naming what is missing or wrong.
    """
    asked = defaults | (read_file(file) if file else {}) | {k: v for k, v in options.items() if v is not None}
    asked["params"] = asked.get("params", {}) | dict(read_param(pair) for pair in params)
    asked["files"] = asked.get("files", {}) | dict(split_pair(pair) for pair in files)
    try:
        found = Asked.model_validate(asked)
    except ValidationError as error:
        raise Refused("job.bad_params", first_problem(error)) from None
    missing = [source for source in found.files.values() if "://" not in source and not Path(source).is_file()]
    if missing:
        raise Refused("job.bad_params", f"There is no file {missing[0]}.")
    return found


def read_file(file: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises Refused: job.bad_params."""
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise Refused("job.bad_params", f"There is no file {file}.") from None
    except OSError as error:
        raise Refused("job.bad_params", f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise Refused("job.bad_params", f"{file} is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Refused("job.bad_params", f"{file} holds no JSON object.")
    return found


def read_param(pair: str) -> tuple[str, Any]:
    """NAME and value of NAME=VALUE; a VALUE that is no JSON is text. Raises Refused: job.bad_params."""
    name, text = split_pair(pair)
    try:
        return name, json.loads(text)
    except json.JSONDecodeError:
        return name, text


def split_pair(pair: str) -> tuple[str, str]:
    """NAME and VALUE of NAME=VALUE. Raises Refused: job.bad_params."""
    name, sign, text = pair.partition("=")
    if not sign:
        raise Refused("job.bad_params", f"{pair!r} is not NAME=VALUE.")
    return name, text
