"""Where data comes from: a file, an address of HTTP(S), or an object of S3; each is had as a file on this disk.

A download that broke goes on where it ended, if the other side still has the very thing (its ETag is the same). What
came is named by its digest, so whoever knows that beforehand is served nothing else.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.client import HTTPException, InvalidURL
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from blake3 import blake3

from assay.client.errors import BadInput
from assay.schema.errors import Retry, Unreachable

ANSWER_S: Final = 60.0
TRIES: Final = 5
AGAIN_S: Final = 1.0
READ_BYTES: Final = 2**20
NOT_THERE: Final = 416
FINAL: Final = (400, 401, 403, 404, 405, 410, 414, 451)
"""What the other side says to whoever asks again, too."""
WEB: Final = ("http", "https")


@asynccontextmanager
async def had(source: str, folder: Path) -> AsyncIterator[Path]:
    """The file that a source is; what had to be fetched lies in `folder`, and goes when all went well.

    Raises BadSettings, Unreachable.
    """
    scheme, sign, _ = source.partition("://")
    if not sign:
        path = Path(source)
        if not path.is_file():
            raise BadInput(f"There is no file {path}.")
        yield path
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / blake3(source.encode()).hexdigest()
    if scheme in WEB:
        await fetch(source, path)
    elif scheme == "s3":
        from assay.bus.remote import save_object

        await save_object(source, path)
    else:
        raise BadInput(f"{scheme}:// is no place to take data from: use a file, http(s):// or s3://.")
    yield path
    for done in (path, tag_of(path)):
        done.unlink(missing_ok=True)


async def fetch(url: str, path: Path) -> None:
    """Have a file of the web on disk. Raises BadInput for what is no address, Unreachable."""
    try:
        Request(url)
        urlsplit(url).port  # noqa: B018 - reading it is the check
    except ValueError as error:
        raise BadInput(f"{url[:200]} is no address: {error}.") from None
    for left in reversed(range(TRIES)):
        try:
            return await asyncio.to_thread(download, url, path)
        except (InvalidURL, UnicodeError) as error:
            raise BadInput(f"{url[:200]} is no address: {error}.") from None
        except (OSError, HTTPException, Retry) as error:
            is_final = isinstance(error, HTTPError) and error.code in FINAL
            if not left or is_final:
                raise Unreachable(f"{url}: {error}.") from error
            await asyncio.sleep(AGAIN_S)


def download(url: str, path: Path) -> None:
    """Have the rest of a file that was begun, or all of it. Raises Retry if it ended early, OSError."""
    tag = tag_of(path)
    begun = path.stat().st_size if path.exists() and tag.exists() else 0
    asked = {"Range": f"bytes={begun}-", "If-Range": tag.read_text()} if begun else {}
    try:
        answer = urlopen(Request(url, headers=asked), timeout=ANSWER_S)
    except HTTPError as error:
        if error.code == NOT_THERE:
            path.unlink(missing_ok=True)
        raise
    with answer, path.open("ab" if answer.status == 206 else "wb") as file:
        note(tag, answer.headers.get("ETag", ""))
        before = file.tell()
        shutil.copyfileobj(answer, file, READ_BYTES)
        came, said = file.tell() - before, answer.headers.get("Content-Length")
    if said is not None and came != int(said):
        raise Retry(f"{came} of {said} bytes came.", AGAIN_S)


def tag_of(path: Path) -> Path:
    """The file beside a download that says what was begun."""
    return path.with_suffix(".etag")


def note(tag: Path, etag: str) -> None:
    """Remember what is downloaded, if it can be told from another: a weak ETag names things that are only alike."""
    if etag.startswith('"'):
        tag.write_text(etag)
    else:
        tag.unlink(missing_ok=True)


def placed(params: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, Any]:
    """The parameters with the digests of files in their places: by name, or by `name.entry` within one."""
    whole = dict(params)
    for place, digest in digests.items():
        name, dot, entry = place.partition(".")
        whole[name] = {**whole.get(name, {}), entry: digest} if dot else digest
    return whole
