"""One object of S3, or of what speaks like it, as a file: endpoint and keys by the usual AWS_* variables."""

from pathlib import Path

from assay.schema.errors import BadSettings, Unreachable


async def save_object(url: str, path: Path) -> None:
    """Write the object at `s3://bucket/name` to a file, piece by piece. Raises BadSettings, Unreachable."""
    try:
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError:
        raise BadSettings("S3 is not spoken here: install assay[bus].") from None
    parent, _, name = url.rpartition("/")
    try:
        answer = await obstore.get_async(from_url(parent), name)
        with path.open("wb") as file:
            async for piece in answer.stream():
                file.write(piece)
    except (BaseError, OSError, ValueError) as error:
        raise Unreachable(f"{url}: {error}.") from error
