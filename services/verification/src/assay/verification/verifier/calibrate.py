"""The command by which a verifier measures how far apart honest work ends between classes of machines, and signs it."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.bus.keyfile import load_key
from assay.client import output
from assay.client.asked import Asked, read_asked
from assay.client.commands.ordering import DEFAULTS
from assay.client.output import Output
from assay.client.profile import Profile
from assay.proof.calibration import Calibration, calibrate_pair, seal_calibration
from assay.proof.digest import blob_digest
from assay.schema.errors import BadSettings

if TYPE_CHECKING:
    from assay.workloads.calibrate import Measured, Work

DAY_MS = 86_400_000
DTYPE = "float32"


def calibrate(
    context: typer.Context,
    out_file: Annotated[Path, typer.Option("--out", help="The signed records are added to this file, one a line.")],
    file: Annotated[Path | None, typer.Argument(help="A JSON file as `assay submit` takes it.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of work.")] = None,
    param: Annotated[list[str] | None, typer.Option("-p", "--param", help="NAME=VALUE; VALUE is JSON or text.")] = None,
    input_file: Annotated[list[str] | None, typer.Option("--input", help="NAME=FILE.")] = None,
    models_dir: Annotated[Path, typer.Option(help="The model store.")] = Path("var/models"),
    threads: Annotated[list[int] | None, typer.Option(help="Threads to measure with; may be repeated.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE,... for one setting; the first measured is none at all.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long the records hold.", min=1, max=3650)] = 90,
) -> None:
    """Run a job's segments under several settings of this machine and sign how far apart they end. Asks no network."""
    from assay.workloads.calibrate import SETTINGS, calibrate_threads

    async def work(out: Output) -> None:
        profile = Profile.find(out.profile)
        if profile.key_file is None:
            raise BadSettings("The profile has no key: add key_file.")
        key = load_key(profile.key_file)
        asked = read_asked(file, param or [], input_file or [], {"kind": kind}, DEFAULTS | {"price_limit": 0})
        settings = [{}, *map(variables, setting)] if setting else SETTINGS
        with tempfile.TemporaryDirectory() as folder:
            measured = calibrate_threads(work_of(asked, models_dir), settings, threads or [1, 2], Path(folder))
        records = list(records_of(asked.kind, measured, int(time.time() * 1000), days * DAY_MS))
        with out_file.open("a", encoding="utf-8") as lines:
            lines.writelines(seal_calibration(record, key) + "\n" for record in records)
        body = {"signer": key.address, "records": [body_of(record) for record in records]}
        out.show(body, lambda: output.table(f"signed by {key.address}", COLUMNS, map(cells, records)))

    output.run(context, work)


COLUMNS = ("class", "class ", "runs", "worst", "tolerance", "")


def variables(text: str) -> dict[str, str]:
    """The environment variables of one setting. Raises BadSettings."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(name and sign for name, sign, _ in pairs):
        raise BadSettings(f"The setting {text!r} is not NAME=VALUE,NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def work_of(asked: Asked, models_dir: Path) -> "Work":
    """What is run: every segment of the job."""
    from assay.workloads import read_params, workload
    from assay.workloads.calibrate import Work

    digests = {name: blob_digest(read_input(source)) for name, source in asked.files.items()}
    params = asked.params | digests
    segments = len(workload(asked.kind).plan(read_params(asked.kind, params)))
    inputs = {digests[name]: source for name, source in asked.files.items()}
    return Work(kind=asked.kind, params=params, inputs=inputs, models=str(models_dir), segments=segments)


def read_input(source: str) -> bytes:
    """A file's content. Raises BadSettings for what is none on this machine."""
    try:
        return Path(source).read_bytes()
    except OSError:
        raise BadSettings(f"The input {source} is no file: bring it here first.") from None


def records_of(kind: str, measured: "list[Measured]", now_ms: int, valid_ms: int) -> Iterator[Calibration]:
    """A record for each two classes; settings that are one class are told apart by nothing, and need none."""
    for each in measured:
        pair = each.one.class_id, each.other.class_id
        if pair[0] != pair[1]:
            yield calibrate_pair(*pair, DTYPE, kind, each.distances, now_ms, valid_ms)


def body_of(record: Calibration) -> dict[str, Any]:
    """One record for scripts."""
    found = {"tolerance": record.tolerance, "separates": record.separates}
    return record.model_dump(mode="json", include={"classes", "dtype", "workload", "runs", "worst"}) | found


def cells(record: Calibration) -> tuple[str, ...]:
    """One record as cells."""
    one, other = (each[:12] for each in record.classes)
    taken = "" if record.separates else "too wide: no verifier takes it"
    return one, other, str(record.runs), f"{record.worst:.2e}", f"{record.tolerance:.2e}", taken
