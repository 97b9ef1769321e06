"""A model that comes with its job: the same bits as from a store; if it is another, its requester's fault."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from libs.workloads.tests.test_model_files import sharded

from assay.proof.digest import blob_digest
from assay.workloads import BadParams, ModelStore, SegmentResult, read_params, workload
from assay.workloads.base_model import adapt
from assay.workloads.child import run_task
from assay.workloads.given import FILES_MAX, given_root
from assay.workloads.models import folder_digest
from assay.workloads.pace import Pace
from assay.workloads.task import Failed, Finished, Job, Read, ReadingDone, Said, SegmentDone, Show, Task, Warm

CUT: Final = {"strategy": "LongestFirst", "direction": "Right"}


class Brought:
    """A job whose model is in no store, and its inputs as a worker lays them down."""

    def __init__(self, bench: Any, folder: Path, source: Path, model: str) -> None:
        self.folder, self.inputs = folder, dict[str, str]()
        files = {file.name: self.lay(file.read_bytes()) for file in sorted(source.iterdir())}
        self.params = bench.raw(model=model, model_files=files)
        self.lay(bench.text)

    def lay(self, content: bytes) -> str:
        digest = blob_digest(content)
        path = self.folder / digest
        path.write_bytes(content)
        self.inputs[digest] = str(path)
        return digest

    def done(self, form: type[Task] | type[Warm] = Task, **changes: Any) -> list[Said]:
        """What a child says of the first segment, with an empty store."""
        rest = {"first": 0, "last": 1, "wants_result": False} if form is Task else {}
        return self.said(form, kind="finetune", params=self.params | changes, **rest)

    def said(self, form: type[Job], **fields: Any) -> list[Said]:
        """What a child says of any task, with an empty store."""
        said: list[Said] = []
        places = {"models": str(self.folder / "none"), "folder": str(self.folder), "inputs": self.inputs}
        run_task(form.model_validate(places | fields), said.append, Pace())
        return said


@pytest.fixture
def brought(bench: Any, tmp_path: Path) -> Brought:
    return Brought(bench, tmp_path, bench.store.path(bench.model), bench.model)


@pytest.fixture
def source(bench: Any, tmp_path: Path) -> Path:
    """A copy of a model, to be altered."""
    return Path(shutil.copytree(bench.store.path(bench.model), tmp_path / "source"))


def left_over() -> list[Path]:
    return [file for file in given_root().rglob("*") if file.is_file()]


def test_a_model_that_comes_with_its_job_trains_to_the_bits_of_one_in_a_store(
    brought: Brought, chain: list[SegmentResult]
) -> None:
    *_, closed, finished = brought.done()
    assert isinstance(closed, SegmentDone) and isinstance(finished, Finished)
    assert closed.state_digest == chain[0].state_digest
    assert left_over() == []


def test_a_model_in_several_files_comes_with_its_job(bench: Any, tmp_path: Path, chain: list[SegmentResult]) -> None:
    source = ModelStore(tmp_path / "store").root / "made"
    source.mkdir(parents=True)
    for file in bench.store.path(bench.model).iterdir():
        (source / file.name).write_bytes(file.read_bytes())
    sharded(source)
    store = ModelStore(tmp_path / "other")
    job = Brought(bench, tmp_path, source, store.add(source))
    closed = next(said for said in job.done() if isinstance(said, SegmentDone))
    assert closed.state_digest == chain[0].state_digest


def test_files_that_are_another_model_fail_the_job_and_blame_no_machine(brought: Brought) -> None:
    swapped = dict(brought.params["model_files"]) | {"config.json": brought.lay(b"{}")}
    (failed,) = brought.done(model_files=swapped)
    assert isinstance(failed, Failed) and not failed.fault
    assert failed.code == "workload.model_unsupported" and brought.params["model"] in failed.detail
    assert left_over() == []


@pytest.mark.parametrize(
    "name",
    ["../config.json", "a/b.json", ".hidden", "", "x" * 200 + ".json", "c\u00f6nfig.json", "modeling.py", "model.bin"],
)
def test_a_file_that_would_lie_elsewhere_or_be_executed_is_refused(brought: Brought, name: str) -> None:
    with pytest.raises(BadParams, match="model_files"):
        read_params("finetune", brought.params | {"model_files": {name: "a" * 64}})


def failed_of(brought: Brought, source: Path, **changes: Any) -> Failed:
    """What a child says of a job whose model is what lies in a folder now."""
    files = {file.name: brought.lay(file.read_bytes()) for file in sorted(source.iterdir())}
    (*_, failed) = brought.done(model=folder_digest(source), model_files=files, **changes)
    assert isinstance(failed, Failed)
    return failed


def test_a_model_without_weights_blames_no_machine(brought: Brought, source: Path) -> None:
    (source / "model.safetensors").unlink()
    failed = failed_of(brought, source)
    assert (failed.code, failed.fault) == ("workload.model_unsupported", False)


def test_a_model_that_is_larger_than_its_job_says_is_refused(brought: Brought, source: Path) -> None:
    failed = failed_of(brought, source, model_parameters=1)
    assert (failed.code, failed.fault) == ("workload.bad_params", False)


def test_a_tokenizer_too_large_to_read_is_refused_before_it_is_copied(
    brought: Brought, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.workloads.given.WORDS_BYTES_MAX", (source / "tokenizer.json").stat().st_size - 1)
    failed = failed_of(brought, source)
    assert (failed.code, failed.fault) == ("workload.model_unsupported", False)
    assert "tokenizer.json" in failed.detail


@pytest.mark.parametrize(
    ("name", "change"),
    [
        # Read by the library, which gives up over the first text.
        ("tokenizer.json", {"truncation": {"max_length": 2, "stride": 5, **CUT}}),
        ("tokenizer.json", {"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}}),
        ("config.json", {"hidden_size": "x"}),
        ("config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}}),
    ],
    ids=["a stride", "a table that is none", "a type", "a form of few machines"],
)
def test_a_model_over_which_a_library_gives_up_blames_no_machine(
    brought: Brought, source: Path, name: str, change: dict[str, Any]
) -> None:
    (source / name).write_text(json.dumps(json.loads((source / name).read_text()) | change))
    failed = failed_of(brought, source)
    assert (failed.code, failed.fault) == ("workload.model_unsupported", False)


def test_more_files_than_a_job_may_name_are_refused(brought: Brought) -> None:
    files = {f"{number}.json": "a" * 64 for number in range(FILES_MAX + 1)}
    with pytest.raises(BadParams, match="model_files"):
        read_params("finetune", brought.params | {"model_files": files})


def test_the_files_of_a_model_are_inputs_of_its_job(brought: Brought) -> None:
    for kind, own in (
        ("finetune", brought.params),
        ("generate", {"prompts": "e" * 64, "requests": 2, "segment_requests": 1, "max_tokens": 1}),
    ):
        raw = own | {name: brought.params[name] for name in ("model", "model_files")}
        files = set(brought.params["model_files"].values())
        assert files < set(workload(kind).inputs(read_params(kind, raw)))


def test_a_process_that_was_warmed_holds_the_model_when_its_files_come_again(brought: Brought) -> None:
    adapt.cache_clear()
    assert brought.done(Warm) == [Finished()]
    brought.done()
    assert adapt.cache_info().misses == 1


def test_text_of_a_model_that_comes_with_its_job_is_written_shown_falsely_and_read(brought: Brought) -> None:
    prompts = brought.lay(b'{"prompt": "one"}\n{"prompt": "two"}\n')
    params = {name: brought.params[name] for name in ("model", "model_files")} | {"prompts": prompts, "threads": 1}
    job = {"kind": "generate", "params": params | {"requests": 2, "segment_requests": 2, "max_tokens": 4}}
    closed = next(
        said for said in brought.said(Task, **job, first=0, last=1, wants_result=False) if isinstance(said, SegmentDone)
    )
    look = {"segment": 0, "seed": "5" * 64}
    (shown,) = brought.said(Show, **job, **look, state=closed.path, spoil="6" * 64)
    assert isinstance(shown, Finished) and shown.result
    reading, finished = brought.said(Read, **job, **look, shown=shown.result)
    assert isinstance(reading, ReadingDone) and finished == Finished()
    assert left_over() == []
