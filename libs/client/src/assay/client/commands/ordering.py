"""The options by which work is ordered, and asked what it would cost."""

from typing import Annotated, Final

import typer

from assay.client.sdk import DEADLINE_S
from assay.schema.values import Policy

DEFAULTS: Final = {"deadline_s": DEADLINE_S, "audit_segments": Policy().audit_segments}
Kind = Annotated[
    str | None, typer.Option(help="Kind of work: noop, finetune, generate, serve, render, command, or a plug-in's.")
]
Params = Annotated[list[str] | None, typer.Option("-p", "--param", help="NAME=VALUE; VALUE is JSON or text.")]
Segments = Annotated[
    int | None,
    typer.Option(help="Segments drawn from this job besides its provider's epoch, and paid by you (from 3 on)."),
]
Method = Annotated[str | None, typer.Option(help="replication: several answer at once, you pay; trace: of tuning.")]
Spares = Annotated[int | None, typer.Option(help="1: another provider keeps warm, to carry on should this one fall.")]
Haste = Annotated[
    bool | None, typer.Option("--haste", help="Have it proven soon: its provider's epoch stays open for no more work.")
]
Seal = Annotated[
    bool | None,
    typer.Option("--seal/--no-seal", help="Have what is made for it sealed (default: if an input is)."),
]
Replicas = Annotated[int | None, typer.Option(help="So many of them: 3, or a larger odd number.")]
