"""A model's folder on its way in: what of it travels, what is refused, and how an order brings it along."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.bus import Message
from assay.bus.blob_door import DoorBlobs, give_part, take_part
from assay.bus.memory import MemoryBus
from assay.bus.parts import BLOB_BYTES_MAX, PART_BYTES
from assay.client import models
from assay.client.errors import BadInput
from assay.client.models import add_model, brought, files_of, noted, untold
from assay.proof.digest import blob_digest, folder_digest
from assay.schema.errors import Refused

SHAPES = {"model.embed.weight": [512, 1024], "model.norm.weight": [7]}


class Line:
    """A gateway that keeps what it is given, and may go away after some parts."""

    def __init__(self) -> None:
        self.store, self.taken, self.parts_left = MemoryBus().blobs, list[str](), 10**9

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, timeout_s: float = 1
    ) -> Any:
        if subject == "ask.blob":
            return said(await give_part(self.store, "A1", json.loads(data), True))
        if not self.parts_left:
            raise Refused("speaker.revoked")
        self.parts_left -= 1
        self.taken.append(subject)
        digest = subject.rsplit(".", 1)[1]
        return said(await take_part(self.store, "A1", digest, Message(subject, headers or {}, data)))


def said(answer: Any) -> Message:
    headers, data = answer if isinstance(answer, tuple) else ({}, answer)
    return Message("", headers, data)


def safetensors(shapes: dict[str, list[int]]) -> bytes:
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(at)


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(models, "NOTES", tmp_path / "notes")
    yield tmp_path / "notes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (made / name).write_text("{}")
    for name in (".gitattributes", "README.md", "modeling.py", "pytorch_model.bin"):
        (made / name).write_text("no part of it")
    (made / "model.safetensors").write_bytes(safetensors(SHAPES))
    return made


async def test_what_is_a_model_travels_and_nothing_else_of_its_folder(folder: Path) -> None:
    line, heard = Line(), list[tuple[str, int, int]]()
    own = await add_model(DoorBlobs(line), folder, lambda *far: heard.append(far))
    files = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors", "tokenizer.json")}
    assert own.model_files == {name: blob_digest(data) for name, data in files.items()}
    assert own.model_parameters == 512 * 1024 + 7
    hashed = [(name, len(data), bytes.fromhex(blob_digest(data))) for name, data in files.items()]
    assert own.model == folder_digest(hashed)
    for digest, data in zip(own.model_files.values(), files.values(), strict=True):
        assert await line.store.get(digest) == data
    size = len(files["model.safetensors"])
    steps = [far for name, far, _ in heard if name == "model.safetensors"]
    assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == size and PART_BYTES in steps


async def test_a_broken_upload_goes_on_where_it_ended(folder: Path) -> None:
    line = Line()
    line.parts_left = 3
    with pytest.raises(Refused):
        await add_model(DoorBlobs(line), folder, untold)
    assert noted() == []
    line.parts_left, line.taken = 10**9, []
    own = await add_model(DoorBlobs(line), folder, untold)
    weights = own.model_files["model.safetensors"]
    parts = -(-(folder / "model.safetensors").stat().st_size // PART_BYTES)
    assert 0 < sum(subject.endswith(weights) for subject in line.taken) < parts


async def test_an_order_that_names_a_model_that_was_added_brings_it_along(folder: Path) -> None:
    own = await add_model(DoorBlobs(Line()), folder, untold)
    assert noted() == [own]
    asked = {"model": own.model, "steps": 3}
    found = brought("finetune", asked)
    assert found == asked | {"model_files": own.model_files, "model_parameters": own.model_parameters}
    assert brought("finetune", asked | {"model_files": {}}) == asked | {"model_files": {}}
    assert brought("diloco", asked) == asked
    for other in ("0" * 64, "../" + own.model, None):
        assert brought("finetune", {"model": other}) == {"model": other}


@pytest.mark.parametrize("lacking", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_is_no_model_is_refused(folder: Path, lacking: str) -> None:
    (folder / lacking).unlink()
    with pytest.raises(BadInput, match="has no"):
        files_of(folder)


def test_what_no_blob_could_hold_or_no_job_could_name_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        files_of(folder / "nowhere")
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(BLOB_BYTES_MAX + 1)
    with pytest.raises(BadInput, match="max_shard_size"):
        files_of(folder)
    (folder / "model.safetensors").write_bytes(b"")
    for number in range(models.FILES_MAX):
        (folder / f"{number}.json").write_text("{}")
    with pytest.raises(BadInput, match="at most"):
        files_of(folder)


@pytest.mark.parametrize("content", [b"", (1 << 40).to_bytes(8, "little") + b"{}", b"\x02" + bytes(7) + b"[]"])
async def test_weights_that_are_none_never_travel(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    line = Line()
    with pytest.raises(BadInput, match="no safetensors file"):
        await add_model(DoorBlobs(line), folder, untold)
    assert line.taken == []
