"""Pictures good, odd and broken, made on the spot: `cases()` gives several hundred, with what has to come of each.

`python tests/corpus.py FOLDER` writes them out to be looked at.
"""

import io
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from helpers.png import chunk, png_claiming
from PIL import Image, ImageCms

Image.init()
FORMATS = {
    "PNG": {},
    "JPEG": {"quality": 95},
    "GIF": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "BMP": {},
    "PPM": {},
    "JPEG2000": {},
    "ICO": {},
    "AVIF": {"quality": 95},
}
FORMATS = {kind: options for kind, options in FORMATS.items() if kind in Image.SAVE}  # not every Pillow has AVIF
SIDE = 32


class Case(NamedTuple):
    name: str  # of the file too
    data: bytes
    pixels: np.ndarray | None  # (H, W, 3) in [0, 1]: what has to be seen; None where it shall be refused, or may be
    rule: str  # "shown": exactly these pixels; "refused"; "shown or refused"; "any": some whole picture or a refusal


def painting(height: int = SIDE, width: int = SIDE) -> Image.Image:
    """Smooth, so that lossy formats keep it, and without any symmetry."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return Image.fromarray((255 * np.dstack([x, y, (x * y + 0.2) / 1.2])).round().astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **FORMATS.get(kind, {}) | ({"sizes": [image.size]} if kind == "ICO" else {}) | options)
    return stream.getvalue()


def cases() -> Iterator[Case]:
    for family in (modes, orientations, extensions, shapes, cut_files, flipped_files, strangers):
        yield from family()


def modes() -> Iterator[Case]:
    """Each mode of Pillow in each format that takes it."""
    for mode in (
        "1",
        "L",
        "LA",
        "P",
        "PA",
        "RGB",
        "RGBA",
        "RGBX",
        "CMYK",
        "YCbCr",
        "LAB",
        "HSV",
        "I",
        "F",
        "I;16",
        "I;16B",
    ):
        for kind in FORMATS:
            image = in_mode(mode)
            try:
                data = encoded(image, kind)
            except (OSError, ValueError, KeyError, SystemError):  # a format without this mode
                continue
            name = f"mode {mode.replace(';', '-')}.{kind.lower()}"
            if mode in (
                "I",
                "F",
                "I;16",
                "I;16B",
            ):  # deep grey: as it is in the file, 65535 white; a format of 8 bits keeps less of it
                grey = np.asarray(painting().convert("L")) / 255
                yield Case(name, data, np.dstack([grey] * 3), "shown" if kind in ("PNG", "TIFF") else "any")
            else:
                yield Case(name, data, on_white(Image.open(io.BytesIO(data))), "shown")


def in_mode(mode: str) -> Image.Image:
    if mode in ("I", "F", "I;16", "I;16B"):
        grey = np.asarray(painting().convert("L"))
        values = {"I": grey.astype(np.int32) * 257, "F": (grey / 255).astype(np.float32)}.get(
            mode, grey.astype(np.uint16) * 257
        )
        if mode == "I;16B":
            return Image.frombytes(mode, grey.shape[::-1], values.astype(">u2").tobytes())
        return Image.fromarray(values)
    if mode in ("LA", "PA", "RGBA"):
        image = painting().convert("RGBA")
        image.putalpha(Image.linear_gradient("L").resize((SIDE, SIDE)))
        return image.convert(mode)
    if mode == "LAB":
        profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        return ImageCms.profileToProfile(painting(), *profiles, outputMode="LAB")
    return painting().convert(mode)


def on_white(image: Image.Image) -> np.ndarray:
    """By Pillow alone, in another way than nstlib's: paste over a white sheet."""
    if image.mode == "LAB":
        profiles = [ImageCms.createProfile(name) for name in ("LAB", "sRGB")]
        return np.asarray(ImageCms.profileToProfile(image, *profiles, outputMode="RGB")) / 255
    sheet = Image.new("RGBA", image.size, "white")
    sheet.alpha_composite(image.convert("RGBA"))
    return np.asarray(sheet.convert("RGB")) / 255


def orientations() -> Iterator[Case]:
    """EXIF's eight, and a few that do not exist."""
    upright = np.asarray(painting(SIDE, SIDE // 2))
    stored = {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
        0: upright,
        9: upright,
        65535: upright,
    }
    for number, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = number
        exif[0x010E] = "<script>alert('a description')</script>"
        for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
            yield Case(
                f"turned {number}.{kind.lower()}",
                encoded(Image.fromarray(pixels.copy()), kind, exif=exif),
                upright / 255,
                "shown",
            )


def extensions() -> Iterator[Case]:
    """A name that says another format than the bytes do: the bytes count."""
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        data = encoded(painting(), kind)
        for suffix in (".png", ".jpg", ".gif", ".webp", ".heic", ".txt", "", ".tar.gz"):
            yield Case(f"really {kind}{suffix}", data, on_white(Image.open(io.BytesIO(data))), "shown")


def shapes() -> Iterator[Case]:
    for height, width in ((1, 1), (1, 5000), (5000, 1), (2, 3), (16, 16), (1, 2), (700, 20)):
        for kind in ("PNG", "TIFF", "BMP"):
            image = painting(height, width)
            yield Case(f"{width} by {height}.{kind.lower()}", encoded(image, kind), np.asarray(image) / 255, "shown")


def cut_files() -> Iterator[Case]:
    """Cut at every tenth: refused, unless all pixels were there already."""
    versions = {kind: encoded(painting(), kind) for kind in FORMATS}
    versions["progressive JPEG"] = encoded(painting(), "JPEG", progressive=True)
    versions["interlaced-like GIF"] = encoded(painting(), "GIF", interlace=True)
    for kind, data in versions.items():
        pixels = on_white(Image.open(io.BytesIO(data)))
        for tenth in range(10):
            place = len(data) * tenth // 10 if tenth else len(data) - 1
            yield Case(f"{kind} cut at {place} of {len(data)}", data[:place], pixels, "shown or refused")


def flipped_files() -> Iterator[Case]:
    """One to four bits turned over; most formats cannot know it."""
    rng = random.Random(7)
    for kind in FORMATS:
        data = encoded(painting(), kind)
        for trial in range(12):
            raw = bytearray(data)
            for _ in range(1 + trial // 3):
                raw[rng.randrange(len(raw) if trial % 2 else min(len(raw), 64))] ^= 1 << rng.randrange(8)
            yield Case(f"{kind} flipped {trial}", bytes(raw), None, "any")


def strangers() -> Iterator[Case]:
    """What is no picture, or none that may be opened."""
    png = encoded(painting(), "PNG")
    for name, data in {
        "empty.jpg": b"",
        "one byte.png": b"\x89",
        "only zeros.jpg": b"\0" * 5000,
        "signature alone.png": png[:8],
        "diary.txt": b"Dear diary, today I took a photograph of the sea.\n" * 20,
        "page.jpg": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
        "drawing.svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>',
        "photo.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 999,
        "photo.jpg": b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + b"\0" * 99,
        "film.mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 999,
        "archive.zip": b"PK\3\4" + b"\0" * 400,
        "document.pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n",
        "raw.dng": b"II*\0\x08\0\0\0\0\0" + b"\0" * 99,
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(ran) print (/tmp/ran) (w) file closefile showpage\n%%EOF\n",
        "pickle.pth": b"\x80\x02cposix\nsystem\nX\x09\0\0\0touch ran\x85R.",
        "numpy.npy": b"\x93NUMPY\x01\0" + b"\0" * 200,
        "bomb.png": png_claiming(30000, 30000),
        "bomb 2.png": png_claiming(2**31 - 1, 2**31 - 1),
        "100 megapixels.png": png_claiming(11600, 8700),
        "bomb.gif": b"GIF89a"
        + struct.pack("<HH", 65535, 65535)
        + b"\xf0\0\0"
        + b"\0" * 6
        + b",\0\0\0\0\xff\xff\xff\xff\0\2\0;",
        "bomb.ppm": b"P6 30000 30000 255\n" + b"\0" * 100,
        "bomb.bmp": bmp_header(30000, 30000),
        "bomb.jpg": jpeg_size(65500, 65500),
        "bomb.tif": tiff_size(30000, 30000),
        "text bomb.png": png_text_bomb(),
        "no pixels.png": png_claiming(0, 0),
        "negative.bmp": bmp_header(-5, 9),
    }.items():
        yield Case(name, data, None, "any" if name == "text bomb.png" else "refused")


def png_text_bomb() -> bytes:
    """100 MB of text in a comment of 100 kB."""
    png = encoded(painting(), "PNG")
    return png[:33] + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 100_000_000, 9)) + png[33:]


def bmp_header(width: int, height: int) -> bytes:
    data = encoded(painting(), "BMP")
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


def jpeg_size(width: int, height: int) -> bytes:
    data = encoded(painting(), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def tiff_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(painting(), "TIFF"))
    start = struct.unpack("<I", data[4:8])[0] + 2
    for place in range(start, len(data) - 12, 12):
        tag = struct.unpack("<H", data[place : place + 2])[0]
        if tag in (256, 257):
            data[place + 2 : place + 12] = struct.pack("<HII", 4, 1, width if tag == 256 else height)
        if tag == 257:
            break
    return bytes(data)


if __name__ == "__main__":
    for case in cases():
        (Path(sys.argv[1]) / case.name).write_bytes(case.data)
