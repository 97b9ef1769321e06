"""Pictures: a scene's tiles given to several providers, and put together."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.client import output, rendering
from assay.client.commands.ordering import DEFAULTS
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.watching import line_of, sentence_of
from assay.schema.values import Requirements


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("render")(render)


def render(
    context: typer.Context,
    scene: Annotated[Path, typer.Argument(help="A tar with scene.xml and its files.")],
    price_limit: Annotated[int, typer.Option(help="Most to pay for all of it, in base units of the stable token.")],
    size: Annotated[str, typer.Option(help="Pixels, WIDTHxHEIGHT.")] = "640x480",
    tile: Annotated[str, typer.Option(help="Pixels of a tile, of which the size is a multiple.")] = "64x48",
    samples: Annotated[int, typer.Option(help="Samples of a pixel.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Another seed is other noise.", min=0)] = 0,
    frames: Annotated[str, typer.Option(help='A JSON list: of each frame what "$name" stands for.')] = "[{}]",
    providers: Annotated[int, typer.Option(help="So many jobs, each to be matched on its own.", min=1)] = 1,
    regions: Annotated[str | None, typer.Option(help="Countries it may run in, e.g. de,fr.")] = None,
    deadline_s: Annotated[int, typer.Option(help="Seconds until it is given up.")] = DEFAULTS["deadline_s"],
    preview: Annotated[Path | None, typer.Option(help="A PNG with stripes, written anew while it grows.")] = None,
    to: Annotated[Path, typer.Option(help="The folder for the frames, as EXR and PNG.")] = Path("frames"),
) -> None:
    """Render SCENE by several providers: submit its tiles, wait, and put the pictures together."""

    async def work(out: Output) -> None:
        asked = asked_of(size, tile, frames) | {"samples": samples, "seed": seed}
        needs = Requirements(regions=tuple(regions.split(",")) if regions else ())
        how = {"price_limit": price_limit, "deadline_s": deadline_s, "requirements": needs, "preview": preview}
        async with Assay.connect(Profile.find(out.profile)) as assay:
            picture = await rendering.order(assay, scene, asked, providers, **how)
            jobs = [part.job_id for part in picture.parts]
            out.show({"jobs": jobs}, lambda: "\n".join(jobs))
            views = await rendering.follow(
                assay, picture, lambda said: out.show(line_of(said), lambda: sentence_of(said))
            )
            files = await rendering.assemble(assay, picture, to)
            paid = sum(view.paid for view in views)
            out.show(
                {"files": files, "paid": paid}, lambda: "\n".join([*map(str, files), f"paid {output.stable(paid)}"])
            )

    output.run(context, work)


def asked_of(size: str, tile: str, frames: str) -> dict[str, Any]:
    """The parameters that the words on the command line stand for. Raises BadSettings."""
    try:
        (width, height), (tile_width, tile_height) = (map(int, text.split("x")) for text in (size, tile))
        values = json.loads(frames)
    except ValueError as error:
        raise BadInput(f"Name pixels as WIDTHxHEIGHT, and frames as a JSON list: {error}.") from None
    if not isinstance(values, list) or not values:
        raise BadInput("Frames are a JSON list with one object of values for each frame, [{}] for a single one.")
    if min(tile_width, tile_height) < 1 or min(width, height) < 1 or width % tile_width or height % tile_height:
        raise BadInput(f"A picture of {size} cannot be cut into tiles of {tile}: name a size and a part of it.")
    return {
        "width": width,
        "height": height,
        "tile_width": tile_width,
        "tile_height": tile_height,
        "frames": values,
    }
