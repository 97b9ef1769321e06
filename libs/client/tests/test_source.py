"""Data from the web: a server that breaks off, one that changes its mind, and places that are none."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.client import source
from assay.client.asked import read_asked
from assay.client.commands.plans import params_of
from assay.client.source import had
from assay.proof.digest import blob_digest
from assay.schema.errors import BadSettings, Refused

DATA = bytes(range(256)) * 40
OTHER = DATA[::-1]
HALF = len(DATA) // 2


class Breaking(BaseHTTPRequestHandler):
    """Gives half of what is asked for the first time, the rest the second; may have something else by then."""

    asked: list[str | None]
    later: bytes

    def do_GET(self) -> None:
        begun = self.headers.get("Range")
        self.asked.append(begun)
        data = DATA if len(self.asked) == 1 else self.later
        tag = f'"{hash(data)}"'
        is_rest = begun and self.headers.get("If-Range") == tag
        rest = data[int(begun[6:-1]) :] if is_rest and begun else data
        self.send_response(206 if is_rest else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[:HALF] if len(self.asked) == 1 else rest)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(source, "AGAIN_S", 0.0)
    Breaking.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}/data?signed=1"
        made.shutdown()


@pytest.mark.parametrize("later", [DATA, OTHER], ids=["the same", "another"])
async def test_a_download_that_broke_goes_on_if_the_thing_is_the_same(
    server: str, later: bytes, tmp_path: Path
) -> None:
    Breaking.later = later
    async with had(server, tmp_path / "downloads") as path:
        assert path.read_bytes() == later
    assert Breaking.asked == [None, f"bytes={HALF}-"]
    assert list((tmp_path / "downloads").iterdir()) == []


class Chunked(BaseHTTPRequestHandler):
    """Breaks off in the middle of a chunk for the first time, and gives the whole, or the rest, the second."""

    protocol_version = "HTTP/1.1"
    asked: list[str | None]

    def do_GET(self) -> None:
        begun = self.headers.get("Range")
        self.asked.append(begun)
        rest = DATA[int(begun[6:-1]) :] if begun else DATA
        self.send_response(206 if begun else 200)
        self.send_header("ETag", '"a"')
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n" % len(rest) + (rest[:HALF] if len(self.asked) == 1 else rest))
        if len(self.asked) > 1:
            self.wfile.write(b"\r\n0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


async def test_a_chunk_that_broke_off_goes_on_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(source, "AGAIN_S", 0.0)
    Chunked.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Chunked) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        async with had(f"http://127.0.0.1:{made.server_port}/data", tmp_path / "downloads") as path:
            assert path.read_bytes() == DATA
        made.shutdown()
    assert len(Chunked.asked) == 2


NO_PLACES = (
    *("no such file", "ftp://host/file", "file:///etc/hostname"),
    *("http://127.0.0.1:1/a b", "http://host:port/", "http://[::1/a", "http://a\n.b/"),
)


@pytest.mark.parametrize("place", NO_PLACES)
async def test_what_is_no_place_of_data_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings):
        async with had(place, tmp_path):
            pytest.fail("it was had")


def test_a_plan_knows_the_digest_of_a_file_and_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    options = {"kind": "noop", "price_limit": 1, "audit_segments": 1, "deadline_s": 60}
    assert params_of(read_asked(None, [], [f"data={tmp_path / 'data'}"], options, {})) == {"data": blob_digest(DATA)}
    asked = read_asked(None, [], ["data=https://host/data"], options, {})
    with pytest.raises(Refused, match="assay data add"):
        params_of(asked)
    with pytest.raises(Refused, match="no file"):
        read_asked(None, [], ["data=not-there"], options, {})
