"""What the tests of observability see a running network with: HTTP, an OTLP receiver, its files."""

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from assay.devnet.devnet import Devnet


@dataclass(frozen=True)
class Span:
    """One span as it was exported."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, str]


@dataclass
class Collector:
    """An OTLP/HTTP receiver on loopback."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def of(self, trace: str) -> list[Span]:
        """The spans of one trace."""
        return [span for span in self.spans if span.trace == trace]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A receiver, for as long as the block."""

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.spans += spans_of(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    collector = Collector(f"http://127.0.0.1:{server.server_port}/v1/traces")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    """The spans of one export."""
    found = []
    for resource in request.resource_spans:
        service = attributes_of(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                found.append(
                    Span(
                        service,
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        tuple(link.trace_id.hex() for link in span.links),
                        attributes_of(span.attributes),
                    )
                )
    return found


def attributes_of(pairs: Any) -> dict[str, str]:
    """OTLP's attributes as text."""
    return {pair.key: pair.value.string_value or str(pair.value.int_value) for pair in pairs}


def port_of(devnet: Devnet, service: str) -> int:
    """The port of a service's probes and metrics."""
    return int(devnet.supervisor.tasks[service].process.env[f"ASSAY_{service.upper()}_HTTP_PORT"])


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of an address on loopback; status 0 if nobody answers."""

    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    return await asyncio.to_thread(ask)


async def get_json(url: str) -> Any:
    """What an address on loopback says."""
    _, _, rest = url.partition("://127.0.0.1:")
    port, _, path = rest.partition("/")
    return json.loads((await get(int(port), f"/{path}"))[1])


async def until(is_so: Callable[[], Awaitable[Any]], what: str, within_s: float = 60.0) -> Any:
    """What `is_so` gives once it is true; fails with `what` was awaited."""
    try:
        async with asyncio.timeout(within_s):
            while not (found := await is_so()):
                await asyncio.sleep(0.1)
            return found
    except TimeoutError:
        pytest.fail(f"not within {within_s:g} s: {what}")


def log_files(devnet: Devnet) -> list[Path]:
    """Every log of the network, those of child processes too."""
    data = devnet.places.data
    return sorted([*data.glob("log/*.log"), *data.glob("**/child*.log")])
