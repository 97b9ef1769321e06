"""The few calls of the Kubernetes API that a worker needs: make a Pod, see what becomes of it, remove it."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import httpx2

from assay.workloads.pods.errors import NoPod
from assay.workloads.pods.manifest import OWNER, Site

CALL_S: Final = 30.0
WATCH_S: Final = 60
"""After so long a watch is begun anew, so that a connection that says nothing any more is noticed."""
AGAIN_S: Final = 1.0
TRIES: Final = 5
LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of an API server that may be another one next time."""
SAID_BYTES: Final = 300


class Busy(Exception):
    """The API server could not be reached, or has no time now."""


class Cluster:
    """The Pods of one namespace, by the worker's own account; its token is read anew each time, for it changes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        authority = site.account / "ca.crt"
        is_held = site.api.startswith("https:") and authority.exists()
        context = ssl.create_default_context(cafile=authority) if is_held else ssl.create_default_context()
        # An HTTP proxy of the environment is none for the cluster's own API.
        self._http = httpx2.AsyncClient(base_url=site.api, verify=context, timeout=CALL_S, trust_env=False)
        self._path = f"/api/v1/namespaces/{site.namespace}/pods"

    async def create(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Return a Pod as it was made. Raises NoPod, whose words are the cluster's.

        A server that has no time is asked again; if it has made the Pod all the same, it says so by a refusal.
        """
        said = ""
        for _ in range(TRIES):
            try:
                return await self._said("POST", self._path, json=pod)
            except Busy as error:
                said = str(error)
                await asyncio.sleep(AGAIN_S)
        raise NoPod(f"The API server did not answer: {said}.")

    async def delete(self, name: str) -> bool:
        """Have a Pod removed at once, and say whether the cluster knows it."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        for _ in range(TRIES):
            try:
                answer = await self._call("DELETE", f"{self._path}/{name}", json=body)
                return answer.is_success or answer.status_code == httpx2.codes.NOT_FOUND
            except Busy:
                await asyncio.sleep(AGAIN_S)
        return False

    async def names(self) -> list[str]:
        """Return the Pods that this worker has made and that are there yet. Raises NoPod."""
        try:
            found = await self._said("GET", self._path, params={"labelSelector": f"{OWNER}={self._site.worker}"})
        except Busy as error:
            raise NoPod(f"The API server did not answer: {error}.") from error
        return [str(pod["metadata"]["name"]) for pod in found["items"]]

    async def seen(self, name: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yield a Pod as it is, and anew whenever it changes, until it is gone. Raises NoPod.

        A server that is away for a while ends nothing: what is to be in time is for the caller to bound.
        """
        while True:
            try:
                listed = await self._said("GET", self._path, params={"fieldSelector": f"metadata.name={name}"})
                if not listed["items"]:
                    return
                yield listed["items"][0]
                async with aclosing(self._changes(name, listed["metadata"]["resourceVersion"])) as changes:
                    async for change in changes:
                        if change["type"] == "DELETED":
                            return
                        if change["type"] not in ("ADDED", "MODIFIED"):
                            # What was changed in between is forgotten there: it is looked at anew.
                            break
                        yield change["object"]
            except Busy:
                pass
            # A server that ends each watch at once is not asked without a pause.
            await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def _changes(self, name: str, since: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what a watch says until it ends. Raises Busy, NoPod."""
        wanted = {"fieldSelector": f"metadata.name={name}", "resourceVersion": since, "watch": "true"}
        wanted["timeoutSeconds"] = str(WATCH_S)
        request = self._http.build_request(
            "GET", self._path, params=wanted, headers=self._headers(), timeout=WATCH_S + CALL_S
        )
        try:
            answer = await self._http.send(request, stream=True)
            try:
                if answer.status_code == httpx2.codes.GONE:
                    return
                if answer.is_error:
                    await answer.aread()
                    raise refused(answer)
                async for line in answer.aiter_lines():
                    yield json.loads(line)
            finally:
                await answer.aclose()
        except (httpx2.HTTPError, ValueError) as error:
            raise Busy(type(error).__name__) from error

    async def _said(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        answer = await self._call(method, path, **given)
        if answer.is_error:
            raise refused(answer)
        try:
            return dict(answer.json())
        except (ValueError, TypeError):
            raise NoPod(f"What answers as the API server says no object of JSON ({answer.status_code}).") from None

    async def _call(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            answer = await self._http.request(method, path, headers=self._headers(), **given)
        except httpx2.HTTPError as error:
            raise Busy(type(error).__name__) from error
        if answer.status_code in LATER:
            raise Busy(f"{answer.status_code} {words_of(answer)}")
        return answer

    def _headers(self) -> dict[str, str]:
        try:
            return {"Authorization": f"Bearer {(self._site.account / 'token').read_text().strip()}"}
        except OSError as error:
            raise NoPod(f"The worker has no token for the cluster: {error}.") from error


def refused(answer: httpx2.Response) -> Exception:
    """Return what a refusal means: another answer may come later, or never."""
    if answer.status_code in LATER:
        return Busy(str(answer.status_code))
    return NoPod(f"The API server refuses with {answer.status_code}: {words_of(answer)}")


def words_of(answer: httpx2.Response) -> str:
    """Return the message of a Status, as the API says it."""
    try:
        return str(answer.json().get("message"))[:SAID_BYTES]
    except (ValueError, AttributeError):
        return answer.text[:SAID_BYTES]
