"""Pictures of a scene, tile by tile, by Mitsuba: each tile seeded, so that anybody can render it again and compare."""

from assay.workloads.render.params import RenderParams
from assay.workloads.render.workload import Render

__all__ = ["Render", "RenderParams"]
