"""Pictures as bytes, the same on every machine: tiles of half floats joined to rows, written as OpenEXR and as PNG.

Neither file is compressed, for compressors differ, and a result must be the same bytes wherever it is made. The step
from linear light to sRGB is a table that decimal arithmetic makes. After the OpenEXR file layout and the PNG
specification.
"""

import struct
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

CHANNELS: Final = 3
HALF_BYTES: Final = 2
PIXEL_BYTES: Final = CHANNELS * HALF_BYTES
HEAD_BYTES: Final = 48
"""Before the tiles of a checkpoint stand what it is and which job's; then the size of a tile, and how many."""
STORED_MAX: Final = 65_535
MARK: Final = 0.35
"""How much of its light a stripe of the watermark takes."""
STRIPE: Final = 8


@dataclass(frozen=True)
class Grid:
    """A picture cut into tiles of one size, counted row by row from the upper left."""

    width: int
    height: int
    tile_width: int
    tile_height: int

    @property
    def columns(self) -> int:
        """How many tiles stand side by side."""
        return self.width // self.tile_width

    @property
    def tiles(self) -> int:
        """How many tiles make a picture."""
        return self.columns * (self.height // self.tile_height)

    @property
    def tile_bytes(self) -> int:
        """The bytes of a tile."""
        return self.tile_width * self.tile_height * PIXEL_BYTES

    def corner(self, tile: int) -> tuple[int, int]:
        """Where a tile's upper left pixel is."""
        row, column = divmod(tile % self.tiles, self.columns)
        return column * self.tile_width, row * self.tile_height


def read_tiles(checkpoint: bytes) -> list[bytes]:
    """The tiles so far that a checkpoint of a picture ends in; none where it is no such one."""
    sizes, tiles = checkpoint[HEAD_BYTES : HEAD_BYTES + 8], checkpoint[HEAD_BYTES + 8 :]
    tile_bytes, count = struct.unpack("<II", sizes) if len(sizes) == 8 else (0, 0)
    if not tile_bytes or len(tiles) != tile_bytes * count:
        return []
    return [tiles[at : at + tile_bytes] for at in range(0, len(tiles), tile_bytes)]


def join(grid: Grid, tiles: Sequence[bytes | None]) -> bytes:
    """The pixels of a picture, row by row; a tile that is not there yet is black."""
    pixels = bytearray(grid.width * grid.height * PIXEL_BYTES)
    line, whole = grid.tile_width * PIXEL_BYTES, grid.width * PIXEL_BYTES
    for number, tile in enumerate(tiles):
        x, y = grid.corner(number)
        for row in range(grid.tile_height if tile is not None else 0):
            at = (y + row) * whole + x * PIXEL_BYTES
            assert tile is not None
            pixels[at : at + line] = tile[row * line : (row + 1) * line]
    return bytes(pixels)


def write_exr(width: int, height: int, pixels: bytes) -> bytes:
    """An OpenEXR file of one part, in half floats, lines one by one."""
    channels = b"".join(name + channel() for name in (b"B", b"G", b"R"))
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    fields = {
        "channels": ("chlist", channels + b"\0"),
        "compression": ("compression", b"\0"),
        "dataWindow": ("box2i", box),
        "displayWindow": ("box2i", box),
        "lineOrder": ("lineOrder", b"\0"),
        "pixelAspectRatio": ("float", struct.pack("<f", 1.0)),
        "screenWindowCenter": ("v2f", struct.pack("<2f", 0.0, 0.0)),
        "screenWindowWidth": ("float", struct.pack("<f", 1.0)),
    }
    named = (
        f"{name}\0{kind}\0".encode() + struct.pack("<I", len(value)) + value for name, (kind, value) in fields.items()
    )
    header = struct.pack("<II", 20000630, 2) + b"".join(named) + b"\0"
    size = width * PIXEL_BYTES
    first = len(header) + 8 * height
    offsets = [first + y * (8 + size) for y in range(height)]
    lines = (struct.pack("<II", y, size) + planes(pixels[y * size : (y + 1) * size]) for y in range(height))
    return b"".join((header, struct.pack(f"<{height}Q", *offsets), *lines))


def channel() -> bytes:
    """What follows a channel's name: halves, in every pixel."""
    return b"\0" + struct.pack("<IIII", 1, 0, 1, 1)


def planes(line: bytes) -> bytes:
    """A line of pixels as its blue, then its green, then its red."""
    halves = memoryview(line).cast("H")
    return b"".join(halves[number::CHANNELS].tobytes() for number in (2, 1, 0))


def write_png(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG file of eight bits a channel, in sRGB."""
    table = srgb_of_halves()
    light = bytes(map(table.__getitem__, memoryview(pixels).cast("H")))
    return png_of(width, height, light)


def write_preview(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG file with stripes across it, so that nobody takes it for the result."""
    table = srgb_of_halves()
    dim = bytes(round(value * (1 - MARK)) for value in range(256))
    light = bytearray(map(table.__getitem__, memoryview(pixels).cast("H")))
    for y in range(height):
        for x in range(-(y % (2 * STRIPE)), width, 2 * STRIPE):
            at, end = (CHANNELS * (y * width + min(max(0, edge), width)) for edge in (x, x + STRIPE))
            light[at:end] = light[at:end].translate(dim)
    return png_of(width, height, bytes(light))


def png_of(width: int, height: int, light: bytes) -> bytes:
    """A PNG file of these bytes, three to a pixel."""
    size = width * CHANNELS
    lines = b"".join(b"\0" + light[y * size : (y + 1) * size] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (("IHDR", head), ("sRGB", b"\0"), ("IDAT", stored(lines)), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name.encode(), data) for name, data in parts)


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def stored(data: bytes) -> bytes:
    """Data as a zlib stream that only stores it."""
    blocks = [data[at : at + STORED_MAX] for at in range(0, len(data), STORED_MAX)]
    last = len(blocks) - 1
    framed = (
        struct.pack("<BHH", number == last, len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks)
    )
    return b"\x78\x01" + b"".join(framed) + struct.pack(">I", zlib.adler32(data))


@cache
def srgb_of_halves() -> bytes:
    """The byte in sRGB of each half float by its bits; what is below zero or no number is black."""
    values = struct.unpack("<32768e", array("H", range(32_768)).tobytes())
    limits = [float(linear_of(Decimal(2 * byte - 1) / 510)) for byte in range(1, 256)]
    found, byte = bytearray(65_536), 0
    for bits, value in enumerate(values[:0x7C01]):
        while byte < 255 and value >= limits[byte]:
            byte += 1
        found[bits] = byte
    return bytes(found)


def linear_of(light: Decimal) -> Decimal:
    """The linear light of a value in sRGB."""
    if light <= Decimal("0.04045"):
        return light / Decimal("12.92")
    return ((light + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
