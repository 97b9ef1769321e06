"""Logs are lines of JSON by which a job or a lease is found again."""

import json
import logging

from libs.runtime.tests.toy import PROVIDER, committed

from assay.runtime.logs import JsonLines, fields_of
from assay.schema import Envelope


def test_a_line_holds_the_ids_and_the_whole_error() -> None:
    said = Envelope.wrap(committed(1, 0), PROVIDER, 1)
    record = logging.makeLogRecord({"name": "assay.x", "msg": "sent %s", "args": ("back",), "levelname": "INFO"})
    vars(record).update(fields_of(said))
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = json.loads(JsonLines("matching").format(record))
    assert (line["say"], line["level"], line["service"]) == ("sent back", "info", "matching")
    assert (line["job"], line["lease"], line["event"]) == (said.event.job_id, said.event.lease_id, "lease.committed")
    assert "ZeroDivisionError: a bug" in line["trace"]
