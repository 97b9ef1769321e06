"""What the door forgets, over real Postgres."""

from pathlib import Path

import pytest
from services.gateway.tests.conftest import Person
from tests import desk
from tests.servers import MakeSchema

from assay.gateway.main import service
from assay.gateway.prune import KEPT_MS
from assay.gateway.settings import Settings
from assay.schema.challenge import ChallengeCalled
from assay.schema.job import JobSpec
from assay.schema.spare import SpareGranted
from assay.schema.values import derive_id

pytestmark = pytest.mark.server

NOW_MS = 1_800_000_000_000


async def test_challenges_and_spares_are_forgotten_a_week_after_their_time(
    make_schema: MakeSchema, provider: Person, tmp_path: Path
) -> None:
    database = await make_schema("gateway", service().migrations)
    settings = Settings(postgres_dsn=database, deployment_file=tmp_path / "none.json")
    door = await desk.Desk.of(service(), settings, NOW_MS)
    try:
        for number, due_ms in enumerate((NOW_MS - KEPT_MS - 1, NOW_MS - KEPT_MS, NOW_MS + 1)):
            fields = {"block": 7, "block_hash": "7" * 64, "nonce": "8" * 64, "window_ms": 1_000, "due_ms": due_ms}
            whose = {"job_id": derive_id("j", number), "provider": provider.id, "deadline_ms": due_ms}
            spec = JobSpec(kind="noop", segments=3, segment_units=1)
            await door.tell(
                ChallengeCalled(challenge_id=derive_id("h", number), provider=provider.id, **fields),
                SpareGranted(spare_id=derive_id("k", number), spec=spec, **whose),
            )
        assert await door.tick("prune") == []
        kept = [(derive_id("h", number),) for number in (1, 2)], [(derive_id("k", number),) for number in (1, 2)]
        assert sorted(await door.rows("select challenge_id from challenge")) == sorted(kept[0])
        assert sorted(await door.rows("select spare_id from spare")) == sorted(kept[1])
    finally:
        await door.close()
