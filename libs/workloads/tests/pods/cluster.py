"""A cluster of one namespace on this machine: the API's own words over a real socket, and a kubelet that runs steps.

Every Pod that is asked for is held against the schemas of Kubernetes. What a node does to it is told by `fate`.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import kubernetes_validate
from aiohttp import web

VERSION = "1.36"
TOKEN = "of-the-worker"
STEP = """
import pathlib, sys
from assay.workloads.pods.step import main
main(pathlib.Path(sys.argv[1]), (sys.argv[2], 7000))
"""
ADDRESSES = itertools.count(2)
Document = dict[str, Any]


def terminated(reason: str, code: int, phase: str = "Failed") -> Document:
    """The status of a Pod whose container has ended."""
    return {"phase": phase, "containerStatuses": [{"state": {"terminated": {"reason": reason, "exitCode": code}}}]}


class Cluster:
    """What the API server holds. `fate` is what becomes of a Pod once it runs, `before` what does instead of it.

    `busy` is how many Pods it has no time to make, `drops` how many watches it ends, `asked` how often it was.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.classes, self.url = folder, {"gvisor"}, ""
        self.pods: dict[str, Document] = {}
        self.made: list[Document] = []
        self.fate: Document | None = None
        self.before: Document | None = None
        self.busy = 0
        self.drops, self.asked = 0, 0
        self._version = 100
        self._changes: list[tuple[int, str, Document]] = []
        self._changed = asyncio.Condition()
        self._kubelets: dict[str, asyncio.Task[None]] = {}

    async def tell(self, kind: str, pod: Document) -> None:
        """Let those who watch know."""
        async with self._changed:
            self._version += 1
            pod["metadata"]["resourceVersion"] = str(self._version)
            self._changes.append((self._version, kind, json.loads(json.dumps(pod))))
            self._changed.notify_all()

    async def set_status(self, name: str, status: Document) -> None:
        if pod := self.pods.get(name):
            pod["status"] = status
            await self.tell("MODIFIED", pod)

    async def create(self, request: web.Request) -> web.Response:
        if self.busy:
            self.busy -= 1
            return status_of(429, "too many requests")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return status_of(401, "Unauthorized")
        pod = await request.json()
        kubernetes_validate.validate(pod, VERSION, strict=True)
        name, wanted = pod["metadata"]["name"], pod["spec"]["runtimeClassName"]
        if wanted not in self.classes:
            said = f'pods "{name}" is forbidden: pod rejected: RuntimeClass "{wanted}" not found'
            return status_of(403, said)
        made = self.changed(json.loads(json.dumps(pod)))
        self.pods[name] = made
        self.made.append(pod)
        await self.tell("ADDED", made)
        self._kubelets[name] = asyncio.create_task(self._kubelet(name, made))
        return web.json_response(made, status=201)

    def changed(self, pod: Document) -> Document:
        """The Pod as admission leaves it."""
        return pod

    async def listed(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        found = [pod for pod in self.pods.values() if chosen(pod, request.query)]
        if request.query.get("watch") != "true":
            return web.json_response({"metadata": {"resourceVersion": str(self._version)}, "items": found})
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        since = int(request.query["resourceVersion"])
        if self.drops:
            self.drops -= 1
            gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
            await answer.write(json.dumps(gone).encode() + b"\n")
            return answer
        while request.transport and not request.transport.is_closing():
            for version, kind, pod in self._changes:
                if version > since and chosen(pod, request.query):
                    await answer.write(json.dumps({"type": kind, "object": pod}).encode() + b"\n")
            since = self._version
            async with self._changed:
                if self._version == since:
                    await self._changed.wait()
        return answer

    async def delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.pods:
            return status_of(404, f'pods "{name}" not found')
        await self.end(name)
        pod = self.pods.pop(name)
        await self.tell("DELETED", pod)
        return web.json_response(pod)

    async def end(self, name: str) -> None:
        """Kill what runs in a Pod."""
        if kubelet := self._kubelets.pop(name, None):
            kubelet.cancel()
            with suppress(asyncio.CancelledError):
                await kubelet

    async def _kubelet(self, name: str, pod: Document) -> None:
        if self.before:
            await self.set_status(name, self.before)
            return
        address = f"127.0.7.{next(ADDRESSES)}"
        work = self.folder / name
        work.mkdir()
        (container,) = pod["spec"]["containers"]
        env = os.environ | {each["name"]: each["value"] for each in container["env"]} | {"HOME": str(work)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", STEP, str(work), address, env=env, start_new_session=True
        )
        try:
            running = {"phase": "Running", "podIP": address, "containerStatuses": [{"state": {"running": {}}}]}
            await self.set_status(name, running)
            if self.fate:
                await asyncio.sleep(0.5)
                os.killpg(process.pid, signal.SIGKILL)
                await self.set_status(name, self.fate)
            code = await process.wait()
            if not self.fate:
                phase = "Failed" if code else "Succeeded"
                await self.set_status(name, terminated("Error" if code else "Completed", code, phase))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def chosen(pod: Document, query: Any) -> bool:
    """Whether a selector of the query means this Pod."""
    field, label = query.get("fieldSelector", ""), query.get("labelSelector", "")
    key, _, value = label.partition("=")
    is_field = not field or field == f"metadata.name={pod['metadata']['name']}"
    return is_field and (not label or pod["metadata"]["labels"].get(key) == value)


def status_of(code: int, message: str) -> web.Response:
    """A refusal in the API's form."""
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    return web.json_response(said, status=code)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Cluster]:
    """A cluster that answers on this machine until the block ends."""
    cluster = Cluster(folder)
    app = web.Application()
    path = "/api/v1/namespaces/assay-commands/pods"
    app.add_routes(
        [web.post(path, cluster.create), web.get(path, cluster.listed), web.delete(path + "/{name}", cluster.delete)]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    cluster.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield cluster
    finally:
        for name in list(cluster._kubelets):
            await cluster.end(name)
        await runner.cleanup()
