"""A worker whose commands a cluster runs: a lease of Pods to its end, and no other way where there are none."""

import os
import tarfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from libs.workloads.tests.pods.cluster import TOKEN, Cluster, running
from services.execution.tests.test_worker import DOMAIN, KEY, PROVIDER, granted
from tests.played import Machine, PlayedDoor, until

from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.schema.dispute import DisputeLodged
from assay.schema.errors import BadSettings
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseExecuted
from assay.store.journal import Journal
from assay.workloads import workload
from assay.workloads.command.params import CommandParams
from assay.workloads.pods.errors import NoPod
from assay.workloads.runner import Runner
from assay.workloads.sandbox import box

IMAGE = "registry.example/assay/execution@sha256:" + "0" * 64
JOB: dict[str, Any] = {"command": ["sh", "-c", "echo part $ASSAY_SEGMENT"], "segments": 2, "time_s": 20}


class Site(Machine):
    """A provider's machine beside a cluster."""

    cluster: Cluster
    pod_class = "gvisor"

    def start(self) -> None:
        account = self.folder / "account"
        account.mkdir(exist_ok=True)
        (account / "token").write_text(TOKEN)
        files = {"key_file": self.folder / "key", "deployment_file": self.folder / "deployment"}
        settings = Settings(
            **files,
            data_dir=self.folder,
            models_dir=self.folder,
            preload=False,
            kinds=("noop", "command"),
            pod_class=self.pod_class,
            pod_image=IMAGE,
            pod_api=self.cluster.url,
            pod_account_dir=account,
        )
        self.journal = Journal(self.folder / "journal.sqlite")
        self.worker = Worker(settings, KEY, DOMAIN, self.door, self.journal, self.now)
        self.run()

    def runners(self) -> list[Runner]:
        return [run._runner for run in self.worker._runs.values() if run._runner]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    if not box.can_be():
        pytest.skip("the kubelet of this test needs boxes")
    (tmp_path / "nodes").mkdir()
    async with running(tmp_path / "nodes") as cluster:
        site = Site(tmp_path, PlayedDoor())
        site.cluster = cluster
        yield site


def units_of(job: dict[str, Any]) -> int:
    """What a segment costs."""
    return workload("command").plan(CommandParams.model_validate(job))[0]


async def test_a_lease_of_a_command_is_worked_in_pods_to_its_end_and_none_is_left(site: Site) -> None:
    left = {"metadata": {"name": "command-left", "labels": {"assay/worker": PROVIDER}}}
    site.cluster.pods["command-left"] = left
    site.start()
    spec = JobSpec(kind="command", params=JOB, segments=2, segment_units=units_of(JOB))
    await site.door.say(granted(2, spec=spec), "matching")
    await until(lambda: site.door.said(LeaseExecuted))
    (executed,) = site.door.said(LeaseExecuted)
    with tarfile.open(fileobj=BytesIO(site.door.held[executed.result])) as archive:
        assert archive.extractfile("1/stdout").read() == b"part 1\n"
    trial, *own = site.cluster.made
    assert len(own) == 2 and site.cluster.pods == {}, "one a segment, and what an earlier worker has left is gone too"
    assert trial["metadata"]["labels"]["assay/worker"] == PROVIDER
    await site.crash()


async def test_a_command_that_is_doubted_is_run_again_in_a_pod_and_nowhere_else(site: Site) -> None:
    site.start()
    spec = JobSpec(kind="command", params=JOB, segments=2, segment_units=units_of(JOB))
    lease = granted(2, spec=spec)
    await site.door.say(lease, "matching")
    await until(lambda: site.door.said(LeaseExecuted))
    commits = {each.segment: each for each in site.journal.committed(lease.lease_id)}
    named = {"lease_id": lease.lease_id, "segment": 1, "claimed": commits[1].state_out}
    before = len(site.cluster.made)
    assert await site.worker._past.confirms(DisputeLodged.model_construct(**named))
    assert not await site.worker._past.confirms(DisputeLodged.model_construct(**named | {"claimed": "d" * 64}))
    assert len(site.cluster.made) == before + 2 and site.cluster.pods == {}
    await site.crash()


async def test_a_worker_whose_cluster_lacks_the_class_does_not_start(site: Site) -> None:
    site.pod_class = "kata"
    site.start()
    assert site.task is not None
    with pytest.raises(NoPod, match="kata"):
        await site.task
    assert site.door.told == [] and site.cluster.made == []
    site.journal.close()


@pytest.mark.parametrize(
    "given",
    [
        {"POD_CLASS": "gvisor"},
        {"POD_IMAGE": IMAGE},
        {"POD_CLASS": "gvisor", "POD_IMAGE": "assay/execution:0.1.0"},
        {"POD_CLASS": "gvisor", "POD_IMAGE": IMAGE, "EGRESS": "true"},
    ],
)
def test_settings_that_would_weaken_a_pod_are_refused(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY_FILE", "DEPLOYMENT_FILE", "DATA_DIR", "MODELS_DIR"):
        monkeypatch.setenv(f"ASSAY_EXECUTION_{name}", "/nowhere")
    Settings.parse(os.environ)
    for name, value in given.items():
        monkeypatch.setenv(f"ASSAY_EXECUTION_{name}", value)
    with pytest.raises(BadSettings, match="POD"):
        Settings.parse(os.environ)
