"""A scene with distrust: an archive of plain files, and an XML of which every element is one that only describes.

What a stranger's scene may name is a list: kinds of plug-ins that draw and read nothing but the archive's own files.
No inclusion, no search path, no default, no integrator, film or sampler of its own: these are the job's.
"""

import io
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from assay.workloads.render.errors import BadScene

SCENE: Final = "scene.xml"
SCENE_BYTES_MAX: Final = 512 << 20
XML_BYTES_MAX: Final = 8 << 20
FILES_MAX: Final = 4096
DEPTH_MAX: Final = 64
"""Elements in one another; whoever writes them out calls itself for each."""
PLUGINS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(types.split())
    for name, types in {
        "sensor": "perspective thinlens orthographic",
        "shape": "sphere rectangle cube disk cylinder obj ply serialized instance shapegroup merge",
        "bsdf": "diffuse dielectric thindielectric roughdielectric conductor roughconductor plastic roughplastic"
        " principled principledthin twosided mask bumpmap normalmap blendbsdf null",
        "emitter": "area point constant envmap directional spot",
        "texture": "bitmap checkerboard mesh_attribute volume",
        "spectrum": "uniform regular irregular blackbody",
        "medium": "homogeneous heterogeneous",
        "phase": "isotropic hg",
        "volume": "constvolume gridvolume",
    }.items()
}
VALUES: Final = frozenset(
    {
        *("scene", "ref", "float", "integer", "boolean", "string", "rgb", "point", "vector", "transform", "translate"),
        *("rotate", "scale", "lookat", "look_at", "matrix"),
    }
)
SUFFIXES: Final = (".obj", ".ply", ".serialized", ".png", ".jpg", ".jpeg", ".exr", ".hdr", ".vol")
OWN: Final = ("integrator", "film", "sampler")
NAME_MAX: Final = 255
NAME: Final = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
BROKEN: Final = (
    *(tarfile.TarError, ValueError, EOFError),
    *(FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError),
)
"""What an archive is read by that is none, or puts a file in the place of a folder."""
VARIABLE: Final = re.compile(r"\$([A-Za-z0-9_]*)")


def unpack(archive: bytes, folder: Path) -> str:
    """Return the text of a scene whose files are in `folder` now. Raises BadScene."""
    left = SCENE_BYTES_MAX
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as packed:
            for number, member in enumerate(packed):
                name = "/".join(part for part in PurePosixPath(member.name).parts if part != ".")
                left -= member.size
                if number >= FILES_MAX or left < 0 or member.size < 0:
                    raise BadScene(f"It holds more than {FILES_MAX} files or {SCENE_BYTES_MAX} bytes.")
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse() or not NAME.match(name) or len(name) > NAME_MAX:
                    raise BadScene(f"{member.name[:80]!r} is no plain file of a plain name.")
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                source = packed.extractfile(member)
                assert source is not None
                path.write_bytes(source.read())
        text = (folder / SCENE).read_bytes()[: XML_BYTES_MAX + 1]
    except BROKEN as e:
        raise BadScene(f"The archive cannot be read, or holds no {SCENE}: {e}.") from None
    return decoded(text)


def decoded(text: bytes) -> str:
    """Return a scene's text. Raises BadScene."""
    if len(text) > XML_BYTES_MAX:
        raise BadScene(f"{SCENE} is larger than {XML_BYTES_MAX} bytes.")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise BadScene(f"{SCENE} is not UTF-8.") from None


def describe(text: str, folder: Path, values: Mapping[str, float]) -> Element:
    """Return a scene's element for one frame, each of its names checked. Raises BadScene."""
    if declares(text) or "<?" in text.removeprefix("<?xml"):
        raise BadScene("It declares entities or instructions.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadScene(f"{SCENE} is no XML: {error}.") from None
    if depth_of(root) > DEPTH_MAX:
        raise BadScene(f"Its elements lie more than {DEPTH_MAX} deep in one another.")
    if root.tag != "scene" or len(root.findall("sensor")) != 1:
        raise BadScene("It is a <scene> with one <sensor>.")
    for parent in [root, *root.iter("sensor")]:
        for own in [child for child in parent if child.tag in OWN]:
            parent.remove(own)
    for element in root.iter():
        check(element, folder)
        for key, value in element.attrib.items():
            element.set(key, VARIABLE.sub(lambda found: value_of(found.group(1), values), value))
    return root


def declares(text: str) -> bool:
    """Whether `<!` stands anywhere but at the begin of a comment."""
    at = text.find("<!")
    while at >= 0:
        end = text.find("-->", at + 4) if text.startswith("<!--", at) else -1
        if end < 0:
            return True
        at = text.find("<!", end + 3)
    return False


def depth_of(root: Element) -> int:
    """Return how deep elements lie in one another, as far as it is within bounds."""
    row, depth = [root], 0
    while row and depth <= DEPTH_MAX:
        row, depth = [child for element in row for child in element], depth + 1
    return depth


def check(element: Element, folder: Path) -> None:
    """Raise BadScene for an element that does more than describe."""
    known = PLUGINS.get(element.tag)
    if known is None and element.tag not in VALUES:
        raise BadScene(f"<{element.tag[:40]}> is none of the elements of a scene.")
    if known is not None and element.get("type") not in known:
        raise BadScene(f"<{element.tag}> is not of the type {str(element.get('type'))[:40]!r} here.")
    value = element.get("value", "")
    if element.tag == "string" and (element.get("name") == "filename" or "/" in value or looks_like_file(value)):
        if not NAME.match(value) or not value.lower().endswith(SUFFIXES) or not (folder / value).is_file():
            raise BadScene(f"{value[:80]!r} is no file of the archive that a scene reads.")
        element.set("value", str(folder / value))


def looks_like_file(value: str) -> bool:
    """Whether a text names a file, as far as its end says."""
    return value.lower().endswith((*SUFFIXES, ".xml", ".spd", ".so", ".bsdf"))


def value_of(name: str, values: Mapping[str, float]) -> str:
    """Return what a name stands for in a frame. Raises BadScene."""
    if name not in values:
        raise BadScene(f"${name[:40]} is no value of this frame.")
    return repr(float(values[name]))


def complete(root: Element, fields: Mapping[str, int], depth: int) -> str:
    """Return the text of a scene with the job's own integrator, film and sampler."""
    integrator = SubElement(root, "integrator", type="path")
    # Samples are drawn block by block, and how large a block is would else follow from the number of threads.
    for name, value in {"max_depth": depth, "block_size": 16}.items():
        SubElement(integrator, "integer", name=name, value=str(value))
    (sensor,) = root.findall("sensor")
    SubElement(sensor, "sampler", type="independent")
    film = SubElement(sensor, "film", type="hdrfilm")
    for name, value in fields.items():
        SubElement(film, "integer", name=name, value=str(value))
    for name, word in {"pixel_format": "rgb", "component_format": "float32"}.items():
        SubElement(film, "string", name=name, value=word)
    # No pixel takes light from beyond its tile.
    SubElement(film, "rfilter", type="box")
    return ElementTree.tostring(root, encoding="unicode")
