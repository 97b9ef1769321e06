"""Pictures are the same bytes everywhere, and what other programs read in them is what was drawn."""

import struct
import zlib

from assay.proof.picture import Grid, join, read_tiles, srgb_of_halves, write_exr, write_png, write_preview

GRID = Grid(width=6, height=4, tile_width=3, tile_height=2)


def half(value: float) -> bytes:
    return struct.pack("<e", value)


def tile(value: float) -> bytes:
    return half(value) * (GRID.tile_bytes // 2)


def test_tiles_stand_where_they_were_cut_and_a_missing_one_is_black() -> None:
    pixels = join(GRID, [tile(0.25), tile(0.5), None, tile(1.0)])
    line = 6 * 6
    assert pixels[:line] == half(0.25) * 9 + half(0.5) * 9
    assert pixels[3 * line :] == bytes(18) + half(1.0) * 9
    assert [GRID.corner(number) for number in range(5)] == [(0, 0), (3, 0), (0, 2), (3, 2), (0, 0)]


def test_light_becomes_srgb_by_a_table() -> None:
    table = srgb_of_halves()
    of = {value: table[struct.unpack("<H", half(value))[0]] for value in (0.0, 0.0031308, 0.18, 0.5, 1.0, 7.0, -1.0)}
    assert of == {0.0: 0, 0.0031308: 10, 0.18: 118, 0.5: 188, 1.0: 255, 7.0: 255, -1.0: 0}
    assert table[0x7C00] == 255 and table[0x7E00] == 0, "infinite light is white, no number is black"


def test_a_png_holds_the_pixels_and_a_preview_is_darker_in_stripes() -> None:
    pixels = join(GRID, [tile(1.0)] * 4)
    light, marked = (lines_of(write(6, 4, pixels)) for write in (write_png, write_preview))
    assert light == [b"\xff" * 18] * 4
    assert marked != light and set(b"".join(marked)) == {0xFF, round(255 * 0.65)}


def lines_of(png: bytes) -> list[bytes]:
    at = png.index(b"IDAT")
    (size,) = struct.unpack(">I", png[at - 4 : at])
    data = zlib.decompress(png[at + 4 : at + 4 + size])
    return [data[y * 19 + 1 : (y + 1) * 19] for y in range(4)]


def test_an_exr_names_each_lines_place_and_keeps_channels_apart() -> None:
    pixels = (half(0.25) + half(0.5) + half(1.0)) * 24
    exr = write_exr(6, 4, pixels)
    assert exr[:4] == b"\x76\x2f\x31\x01"
    line = struct.pack("<II", 3, 36) + half(1.0) * 6 + half(0.5) * 6 + half(0.25) * 6
    assert exr.endswith(line) and struct.pack("<Q", len(exr) - len(line)) in exr


def test_what_is_no_checkpoint_of_a_picture_has_no_tiles() -> None:
    head = bytes(48)
    assert read_tiles(head + struct.pack("<II", 4, 2) + b"aaaabbbb") == [b"aaaa", b"bbbb"]
    for data in (b"", head, head + struct.pack("<II", 4, 3) + b"aaaabbbb", head + struct.pack("<II", 0, 0)):
        assert read_tiles(data) == []
