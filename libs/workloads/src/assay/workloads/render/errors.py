"""What can go wrong with a picture, and whose fault it is."""

from assay.workloads.errors import WorkloadError


class BadScene(WorkloadError):
    """A scene is not one that is rendered here."""

    code = "render.bad_scene"
    advice = "Pack scene.xml with its files into one tar; see docs/guides/render.md for what it may hold."


class NoRenderer(WorkloadError):
    """This machine has no renderer."""

    code = "render.no_renderer"
    advice = "Install the extra `render`, or do not offer pictures."
