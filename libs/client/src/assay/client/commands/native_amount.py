"""Amounts of the native token as people write them."""

from typing import Annotated

import typer

from assay.client.commands.units import whole

UNIT = 10**18


def base_units(text: str) -> int:
    """An amount of native tokens in base units. Raises BadParameter."""
    try:
        units = whole(text, UNIT)
    except ValueError:
        units = 0
    if units <= 0:
        raise typer.BadParameter(f"{text!r} is no amount of tokens above zero with up to 18 decimals.")
    return units


Amount = Annotated[int, typer.Argument(help="In native tokens, such as 300 or 0.5.", parser=base_units)]
