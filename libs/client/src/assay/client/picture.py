"""A job's curves as a picture, by matplotlib: an extra of its own, for most who use the client draw nothing."""

from pathlib import Path

from assay.client.curve import SHOWN, Curve
from assay.client.errors import ExtraMissing
from assay.schema.errors import Refused

INCHES = (8.0, 4.5)
DPI = 150


def write_picture(curve: Curve, title: str, target: Path) -> Path:
    """Return the PNG that shows a job's losses. Raises ExtraMissing without matplotlib, Refused without any loss."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ExtraMissing(
            "A plot is drawn by matplotlib, which is not installed: pip install 'assay[plot]'."
        ) from None
    drawn = {label: points for name, label in SHOWN.items() if (points := curve.points(name))}
    if not drawn:
        raise Refused("job.unmeasured")
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for label, points in drawn.items():
        axes.plot(*zip(*points, strict=True), label=label, marker="." if len(points) < 50 else "")
    axes.set(title=title, xlabel="segments", ylabel="nats per token")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(target, format="png")
    return target
