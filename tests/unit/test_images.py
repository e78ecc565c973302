"""nstlib.images: every good input by its values, every bad one by its message; whole files; checked downloads.

The corpus is made on the spot in tmp_path; nothing here needs a network beyond this machine's loopback.
"""

import errno
import hashlib
import io
import json
import os
import random
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.png import png_claiming
from helpers.server import Quiet, closed_port, serving
from PIL import Image, ImageCms

from nstlib import images
from nstlib.images import fetch_picture, load_image, picture_info, picture_names, registry, resize_image, save_image


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    """No test reads or fills the user's cache, or goes through a proxy."""
    monkeypatch.setenv("NSTLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def rows(image):
    """(1, 3, H, W) as H rows of W rounded (red, green, blue) triples."""
    assert image.dtype == torch.float32 and image.ndim == 4 and image.shape[:2] == (1, 3)
    return [[tuple(round(v, 3) for v in pixel) for pixel in row] for row in image[0].permute(1, 2, 0).tolist()]


def noise(height=64, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def refused(source, *words, kind=ValueError, **options):
    """The message of a refusal: one sentence on one line, with these words and without a decoder's own."""
    with pytest.raises(kind) as caught:
        load_image(source, **options)
    message = str(caught.value)
    assert type(caught.value) is kind and "\n" not in message and 20 < len(message) < 600, message
    assert ";" in message, f"does not say what to do: {message}"
    assert not re.search(r"Traceback|BytesIO|0x[0-9a-f]+|PIL\.|cannot identify|image file|Errno|<_", message), message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "shows a second traceback"
    for word in words:
        assert word in message, message
    return message


# ---- modes, by value ---------------------------------------------------------------------------------------------

RED, BLUE, WHITE, BLACK, GREY = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0,) * 3, (0.0,) * 3, (0.502,) * 3


def two_pixels(mode, left, right):
    image = Image.new(mode, (2, 1))
    image.putpixel((0, 0), left)
    image.putpixel((1, 0), right)
    return image


def palette(*, transparency=None):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


def with_info(image, **info):
    image.info.update(info)
    return image


def red_and_blue():
    return two_pixels("RGB", (255, 0, 0), (0, 0, 255))


MODES = {
    "RGB": (red_and_blue(), "PNG", [RED, BLUE]),
    "RGB, a colour key": (with_info(red_and_blue(), transparency=(255, 0, 0)), "PNG", [WHITE, BLUE]),
    "RGBA": (two_pixels("RGBA", (0, 0, 0, 128), (0, 0, 255, 255)), "PNG", [(0.498,) * 3, BLUE]),
    "RGBA, nothing there": (two_pixels("RGBA", (9, 9, 9, 0), (255, 0, 0, 0)), "PNG", [WHITE, WHITE]),
    "RGBa": (two_pixels("RGBa", (128, 0, 0, 128), (0, 0, 255, 255)), None, [(1.0, 0.498, 0.498), BLUE]),
    "RGBX": (two_pixels("RGBX", (255, 0, 0, 0), (0, 0, 255, 7)), None, [RED, BLUE]),
    "LA": (two_pixels("LA", (0, 128), (128, 255)), "PNG", [(0.498,) * 3, GREY]),
    "La": (two_pixels("La", (0, 128), (128, 255)), None, [(0.498,) * 3, GREY]),
    "L": (two_pixels("L", 0, 128), "PNG", [BLACK, GREY]),
    "L, a grey key": (with_info(two_pixels("L", 0, 128), transparency=0), "PNG", [WHITE, GREY]),
    "1": (two_pixels("1", 0, 1), "PNG", [BLACK, WHITE]),
    "P": (palette(), "PNG", [RED, BLUE]),
    "P, one index clear": (palette(transparency=0), "PNG", [WHITE, BLUE]),
    "P, half clear": (palette(transparency=bytes([128, 255])), "PNG", [(1.0, 0.498, 0.498), BLUE]),
    "PA": (palette().convert("PA"), None, [RED, BLUE]),
    "P in a GIF": (palette(), "GIF", [RED, BLUE]),
    "CMYK": (two_pixels("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "TIFF", [RED, BLUE]),
    "CMYK black": (two_pixels("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)), "TIFF", [BLACK, WHITE]),
    "I;16": (two_pixels("I;16", 32768, 65535), "PNG", [(0.5,) * 3, WHITE]),
    "I;16 in a TIFF": (two_pixels("I;16", 32768, 13107), "TIFF", [(0.5,) * 3, (0.2,) * 3]),
    "I;16B": (two_pixels("I;16B", 32768, 13107), None, [(0.5,) * 3, (0.2,) * 3]),
    "I": (two_pixels("I", 32768, 65535), "TIFF", [(0.5,) * 3, WHITE]),
    "F": (two_pixels("F", 0.25, 1.0), "TIFF", [(0.25,) * 3, WHITE]),
    "HSV": (two_pixels("HSV", (0, 255, 255), (0, 0, 0)), None, [RED, BLACK]),
    "YCbCr": (two_pixels("YCbCr", (255, 128, 128), (0, 128, 128)), None, [WHITE, BLACK]),
    "WebP": (red_and_blue(), ("WEBP", {"lossless": True}), [RED, BLUE]),
    "BMP": (red_and_blue(), "BMP", [RED, BLUE]),
}


SEEN_THROUGH = {"RGB, a colour key", "RGBA", "RGBA, nothing there", "RGBa", "LA", "La", "L, a grey key"}
SEEN_THROUGH |= {"P, one index clear", "P, half clear"}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_by_its_values(mode, tmp_path):
    image, kind, expected = MODES[mode]

    def load(source, label):
        """Says, at the caller's line, that transparency is dropped, and only where there is some."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            pixels = rows(load_image(source))
        wanted = [f"{label} is transparent in places; white is put there"] if mode in SEEN_THROUGH else []
        assert [str(w.message) for w in said] == wanted and all(w.filename == __file__ for w in said)
        return pixels

    before = image.tobytes()
    assert load(image, "the PIL image") == [expected]
    assert image.tobytes() == before, "the caller's picture was changed"
    if kind is not None:
        kind, options = kind if isinstance(kind, tuple) else (kind, {})
        raw = encoded(image, kind, **options, **{k: v for k, v in image.info.items() if k == "transparency"})
        (tmp_path / "picture").write_bytes(raw)
        assert load(raw, "this picture (bytes)") == [expected], "from bytes"
        assert load(tmp_path / "picture", "'picture'") == [expected], "from a file"


def test_cmyk_jpeg_is_red():
    raw = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert torch.allclose(load_image(raw).mean((0, 2, 3)), torch.tensor(RED), atol=0.02)


def test_deep_grey_beyond_16_bits_is_refused_not_clipped():
    refused(Image.new("I", (2, 1), 70000), "int32", "uint8")
    refused(Image.new("F", (2, 1), 128.0), "128", "divide by 255")


# ---- EXIF, ICC, animation ----------------------------------------------------------------------------------------

SHOWN = {  # EXIF 2.3, tag 0x0112: where the stored row 0 and column 0 belong
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.swapaxes(0, 1), 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", SHOWN)
def test_exif_orientation(orientation):
    stored = noise(2, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = load_image(SHOWN[orientation](stored).copy())
    assert torch.equal(load_image(encoded(Image.fromarray(stored), "PNG", exif=exif)), expected)
    wide = Image.fromarray(np.repeat(np.repeat(stored, 16, 0), 16, 1))
    jpeg = load_image(encoded(wide, "JPEG", exif=exif, quality=100, subsampling=0))
    assert jpeg.shape[-2:] == tuple(16 * side for side in expected.shape[-2:])
    assert torch.allclose(jpeg[..., 8::16, 8::16], expected, atol=0.03)


def test_broken_exif_harms_nothing():
    raw = encoded(Image.fromarray(noise()), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f garbage")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.equal(load_image(raw), load_image(noise()))
    # Pillow cannot even begin to read it
    headless = encoded(Image.fromarray(noise()), "PNG", exif=b"Exif\0\0no header at all")
    assert torch.equal(load_image(headless), load_image(noise()))


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile():
    """sRGB with its red and blue primaries exchanged: the converted picture must show them exchanged."""
    icc = SRGB.replace(b"rXYZ", b"----", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"----", b"bXYZ", 1)
    return icc.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def linear_grey_profile():
    """The smallest ICC profile: a grey whose values are proportional to light."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)  # no entries: the identity
    name = b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + b"\0" * 79
    table, body = b"", b""
    for signature, data in ((b"desc", name), (b"wtpt", white), (b"kTRC", curve)):
        table += signature + struct.pack(">II", 128 + 4 + 3 * 12 + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = 128 + 4 + len(table) + len(body)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x3i", size, 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"acsp", 63190, 65536, 54061
    )
    return header.ljust(128, b"\0") + struct.pack(">I", 3) + table + body


SWAPPED, LINEAR = swapped_profile(), linear_grey_profile()
HALF = 1.055 * (128 / 255) ** (1 / 2.4) - 0.055  # half of the light on the sRGB curve: 0.737


@pytest.mark.filterwarnings("ignore:.* is transparent in places:UserWarning")
@pytest.mark.parametrize(
    "image, icc, expected",
    [
        (red_and_blue(), SWAPPED, [BLUE, RED]),
        (red_and_blue().convert("RGBA"), SWAPPED, [BLUE, RED]),
        (palette(), SWAPPED, [BLUE, RED]),
        (two_pixels("L", 128, 255), LINEAR, [(HALF,) * 3, WHITE]),
        (two_pixels("LA", (128, 255), (128, 128)), LINEAR, [(HALF,) * 3, (HALF / 2 + 0.498,) * 3]),
        *(
            (red_and_blue(), icc, [RED, BLUE]) for icc in (SRGB, b"no profile", SWAPPED[:200], LINEAR)
        ),  # the last is for grey
        (two_pixels("L", 0, 128), SWAPPED, [BLACK, GREY]),
    ],
)
def test_icc_profile_becomes_srgb_where_it_is_whole_and_fits(image, icc, expected):
    shown = load_image(encoded(image, "PNG", icc_profile=icc))[0].permute(1, 2, 0)
    assert torch.allclose(shown, torch.tensor([expected]), atol=0.012)


@pytest.mark.parametrize("kind, options", [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_animation_gives_its_first_frame_and_says_so(kind, options, tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "white")]
    path = tmp_path / f"moving.{kind.lower()}"
    path.write_bytes(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    with pytest.warns(UserWarning, match=f"'{path.name}' has 3 frames; only the first is used") as caught:
        assert rows(load_image(path))[0][0] == RED
    assert len(caught) == 1 and caught[0].filename == __file__, "the warning points at the caller's line"


def test_a_camera_s_mpo_file_is_no_animation():
    photograph, preview = Image.fromarray(noise()), Image.new("RGB", (8, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_image(encoded(photograph, "MPO", save_all=True, append_images=[preview])).shape == (1, 3, 64, 64)


# ---- arrays and tensors ------------------------------------------------------------------------------------------

GRID = np.array([[0, 51], [102, 255]], dtype=np.uint8)
COLOUR = noise(2, 5)
FIRST = COLOUR.transpose(2, 0, 1)
OPAQUE = np.dstack([COLOUR, np.full((2, 5), 255, np.uint8)])


@pytest.mark.parametrize(
    "array, expected",
    [
        *(
            (a, np.stack([GRID] * 3))
            for a in (GRID, GRID[..., None], GRID[None], GRID[None, None], np.dstack([GRID] * 3))
        ),
        *((array, FIRST) for array in (COLOUR, COLOUR[None], FIRST, FIRST[None], OPAQUE)),
    ],
)
def test_array_layouts(array, expected):
    for source in (array, torch.from_numpy(array.copy())):
        assert torch.allclose(load_image(source), torch.from_numpy(expected / np.float32(255))[None])


def test_where_two_layouts_fit_arrays_end_and_tensors_begin_with_the_channels():
    assert load_image(np.zeros((3, 7, 3))).shape == (1, 3, 3, 7)
    assert load_image(torch.zeros(3, 7, 3)).shape == (1, 3, 7, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_array_types(dtype):
    array = np.full((2, 2), {np.uint8: 128, np.uint16: 32768}.get(dtype, 0.5), dtype)
    for source in (array, torch.from_numpy(array)):
        assert torch.allclose(load_image(source), torch.full((1, 3, 2, 2), 0.5), atol=0.002)
    assert rows(load_image(np.array([[True, False]]))) == [[WHITE, BLACK]]
    assert rows(load_image(torch.tensor([[0.5]], dtype=torch.bfloat16, requires_grad=True))) == [[(0.5,) * 3]]
    half = np.array([[[0, 0, 0, 0.5], [1, 0, 0, 1]]])
    for source in (half, torch.from_numpy(half.transpose(2, 0, 1))):
        with pytest.warns(UserWarning, match="the array is transparent in places; white is put there") as said:
            assert rows(load_image(source)) == [[(0.5,) * 3, RED]]
        assert len(said) == 1 and said[0].filename == __file__


def test_the_result_shares_no_memory():
    for source in (np.zeros((1, 3, 2, 2), np.float32), torch.zeros(1, 3, 2, 2)):
        load_image(source).fill_(1)
        assert source.sum() == 0


@pytest.mark.parametrize(
    "array, words",
    [
        (np.zeros(5), ["(5,)", "(H, W)"]),
        (np.zeros((2, 5, 7)), ["(2, 5, 7)", "C = 1, 3 or 4"]),
        (np.zeros((2, 3, 5, 7)), ["(2, 3, 5, 7)", "one picture"]),
        (np.zeros((0, 4)), ["(0, 4)", "at least one"]),
        (np.zeros((0, 4, 3)), ["(0, 4, 3)", "at least one"]),
        (np.zeros((1, 3, 4, 0)), ["(1, 3, 4, 0)", "at least one"]),
        (np.full((4, 4), 255.0), ["from 255 to 255", "divide by 255"]),
        (np.full((4, 4), -0.5), ["-0.5", "wanted 0 to 1"]),
        (np.full((4, 4), np.nan), ["NaN"]),
        (np.array([[0, np.inf]]), ["infinite"]),
        (np.zeros((4, 4), np.int64), ["int64", "uint8"]),
        (np.zeros((4, 4), complex), ["complex128", "float"]),
        (np.array([["a"]]), ["float"]),
    ],
)
def test_bad_arrays(array, words):
    refused(array, *words)
    if array.dtype.kind in "fic":
        refused(torch.from_numpy(array), *words)


@pytest.mark.parametrize("thing", [None, 7, [[0, 1]], io.StringIO("x")])
def test_other_things_are_refused(thing):
    refused(thing, f"got a {type(thing).__name__}, wanted a path, a picture's name")


# ---- bad files ---------------------------------------------------------------------------------------------------


def test_colours_of_16_bits():
    assert rows(load_image(png_claiming(1, 1, 16, b"\0" + struct.pack(">3H", 65535, 0, 32896)))) == [
        [(1.0, 0.0, 0.502)]
    ]


PICTURE = Image.fromarray(noise())
BAD_FILES = {
    "empty": (b"", ["is empty (0 bytes)", "get the picture again"]),
    "text": (b"Dear diary, today I took a photograph.", ["is not a picture", "PNG or JPEG"]),
    "web page": (b"<!DOCTYPE html><html>404</html>", ["is text (a web page?", "save the picture itself"]),
    "noise": (random.Random(0).randbytes(5000), ["is not a picture"]),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, ["HEIC", "convert it to JPEG"]),
    "heif": (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + b"\0" * 99, ["HEIC", "convert it to JPEG"]),
    "heic, a list of brands": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf" + b"\0" * 99, ["HEIC", "convert it to JPEG"]),
    "heic, a sequence": (b"\0\0\0\x14ftypmsf1\0\0\0\0hevc" + b"\0" * 99, ["HEIC", "convert it to JPEG"]),
    "avif": (b"\0\0\0\x1cftypavif\0\0\0\0mif1miafMA1B" + b"\0" * 99, ["AVIF", "save it as PNG"]),
    "video": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"\0" * 99, ["is a video", "save one picture of it"]),
    "raw": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + b"\0" * 99, ["a camera's raw file"]),
    "bomb": (png_claiming(30000, 30000), ["over 89 million pixels", "make it smaller"]),
    "small bomb": (png_claiming(10000, 10000), ["over 89 million pixels", "make it smaller"]),
    "no pixels": (png_claiming(0, 0), ["damaged", "get it again"]),
    "no height": (png_claiming(5, 0), ["damaged", "get it again"]),
    "GIF of nothing": (b"GIF89a\0\0\0\0\0\0\0;", ["damaged", "get it again"]),
    "cut PNG": (encoded(PICTURE, "PNG")[:3000], ["cut short", "get it again"]),
    "cut JPEG": (encoded(PICTURE, "JPEG")[:2000], ["cut short", "get it again"]),
    "cut WebP": (encoded(PICTURE, "WEBP")[:2000], ["damaged"]),
    "cut TIFF": (encoded(PICTURE, "TIFF")[:3000], ["damaged"]),
    "cut BMP": (encoded(PICTURE, "BMP")[:3000], ["cut short"]),
    "cut GIF": (encoded(PICTURE, "GIF")[:2000], ["cut short"]),
    "header alone": (encoded(PICTURE, "JPEG")[:20], ["damaged"]),
}


@pytest.mark.parametrize("raw, words", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files(raw, words, tmp_path):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(raw)
    refused(path, "'holiday.jpg'", *words)
    refused(str(path), "'holiday.jpg'", *words)
    refused(raw, "this picture (bytes)", *words)


def test_bad_pil_images(tmp_path):
    refused(Image.new("RGB", (0, 4)), "0 x 4 pixels", "at least one")
    closed = Image.open(io.BytesIO(encoded(PICTURE, "PNG")))
    closed.close()
    refused(closed, "the PIL image", "get it again")
    refused(Image.open(io.BytesIO(encoded(PICTURE, "PNG")[:3000])), "the PIL image is cut short")


def test_damage_anywhere_gives_a_picture_or_one_sentence():
    rng = random.Random(0)
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = encoded(Image.fromarray(noise(16, 16)), kind)
        for trial in range(40):
            raw = bytearray(whole)
            if trial % 2:
                del raw[rng.randrange(len(raw)) :]
            for _ in range(trial // 2):
                if raw:
                    raw[rng.randrange(len(raw))] = rng.randrange(256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    image = load_image(bytes(raw))
                except ValueError as error:
                    assert str(error).startswith("this picture (bytes) "), error
                else:
                    assert image.shape[1] == 3 and 0 <= image.min() <= image.max() <= 1


def test_folders_devices_addresses(tmp_path):
    refused(tmp_path, "is a folder", "one picture")
    refused(".", "is a folder")
    if os.path.exists("/dev/null"):
        refused("/dev/null", "is no file")
    refused("https://example.org/cat.jpg", "is an address", "save the picture", kind=ValueError)


def test_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(PICTURE, "PNG"))

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # chmod would not stop a test that runs as root
    refused(path, "secret.png", "Permission denied", "check its permissions")


@pytest.mark.parametrize(
    "typed, words",
    [
        ("nosuch.jpg", ["no file 'nosuch.jpg' in ", "picture_names()"]),
        ("nihgt_swirls", ["did you mean 'night_swirls'?"]),
        ("Night Swirls", ["did you mean 'night_swirls'?"]),
        ("starry-night.jpg", ["did you mean 'starry_night'?"]),
        ("astronout", ["did you mean 'astronaut'?"]),
        ("holidy.jpg", ["did you mean 'holiday.jpg'?"]),
        ("nowhere/holiday.jpg", ["there is no folder ", "nowhere"]),
        ("", ["no file '' in ", "picture_names()"]),
        ("x" * 300, ["picture_names()"]),
        ("a\0b", ["picture_names()"]),
    ],
)
def test_missing_file_suggests_the_nearest(typed, words, tmp_path, monkeypatch):
    (tmp_path / "holiday.jpg").write_bytes(encoded(PICTURE, "JPEG"))
    monkeypatch.chdir(tmp_path)
    refused(typed, *words, kind=FileNotFoundError)


def test_a_file_wins_over_a_name_and_a_name_over_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("coffee").write_bytes(encoded(red_and_blue(), "PNG"))
    Path("cat").mkdir()
    assert rows(load_image("coffee")) == [[RED, BLUE]]
    assert load_image("cat").shape == (1, 3, 300, 451)
    assert load_image(Path("cat")).shape == (1, 3, 300, 451)


def test_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert save_image(torch.zeros(1, 3, 2, 2), "~/black.png") == tmp_path / "black.png"
    assert load_image("~/black.png").shape == (1, 3, 2, 2)


# ---- sizes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "height, width, size, expected",
    [
        (300, 400, 200, (150, 200)),
        (400, 300, 200, (200, 150)),
        (50, 50, 7, (7, 7)),
        (10, 20, 40, (20, 40)),
        (3, 400, 40, (1, 40)),
        (1, 1000, 10, (1, 10)),
        (33, 100, 50, (16, 50)),
        (30, 40, 40, (30, 40)),
    ],
)
def test_size_is_the_longer_side(height, width, size, expected):
    image = load_image(noise(height, width), size=size)
    assert image.shape[-2:] == expected and 0 <= image.min() <= image.max() <= 1
    assert torch.equal(image, resize_image(load_image(noise(height, width)), size))


def test_resizing_is_antialiased_and_stays_in_range():
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert torch.allclose(load_image(board, size=8), torch.full((1, 3, 8, 8), 0.5), atol=0.02)
    assert torch.allclose(resize_image(torch.full((1, 3, 30, 40), 0.3), 17), torch.full((1, 3, 13, 17), 0.3), atol=1e-6)
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    assert resize_image(edge, 32).min() == 0 and resize_image(edge, 32).max() == 1  # bicubic alone gives -0.07 and 1.07


def test_resizing_to_a_pair_keeps_type_and_gradient():
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        small = resize_image(torch.zeros(1, 3, 30, 40, dtype=dtype), (5, 60))
        assert small.dtype == dtype and small.shape == (1, 3, 5, 60)
    leaf = torch.rand(1, 3, 8, 8, requires_grad=True)
    assert resize_image(leaf, 8) is leaf
    resize_image(leaf, 4).sum().backward()
    assert leaf.grad.abs().sum() > 0


@pytest.mark.parametrize("size", [0, -5, 2.5, "big", (10,), (10, 0), (10, 2.5), (10, 20, 30), (), None, float("nan")])
def test_bad_sizes(size):
    with pytest.raises(ValueError, match=r"wanted the longer side in pixels or a pair \(H, W\); for example 384"):
        resize_image(torch.zeros(1, 3, 4, 4), size)
    if size is not None:
        refused(np.zeros((4, 4)), repr(size), "wanted the longer side in pixels", size=size)


def test_a_size_beyond_memory():
    refused(np.zeros((4, 4)), "1000000 x 1000000, over 89 million pixels", "ask for less", size=10**6)


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(3, 4, 4),
        torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
        np.zeros((1, 3, 4, 4)),
        torch.zeros(1, 3, 0, 4),
    ],
)
def test_resize_wants_an_image(image):
    with pytest.raises(ValueError, match=r"resize_image got a .*, wanted floats \(B, C, H, W\)"):
        resize_image(image, 8)


# ---- saving ------------------------------------------------------------------------------------------------------


def test_png_is_exact(tmp_path):
    image = load_image(noise(7, 9))
    for source in (image, image[0], image.double(), image.clone().requires_grad_()):
        path = save_image(source, tmp_path / "out.png")
        assert path == tmp_path / "out.png" and torch.equal(load_image(path), image)
    rounded = torch.tensor([-1e-5, 0.0, 0.1, 1.0, 1 + 1e-5]).expand(3, 1, 5)
    with Image.open(save_image(rounded, path)) as file:
        assert np.asarray(file)[0, :, 0].tolist() == [0, 0, 26, 255, 255]


@pytest.mark.parametrize("suffix, kind", [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG"), (".webp", "WEBP")])
def test_suffix_chooses_the_format(suffix, kind, tmp_path):
    image = resize_image(torch.rand(1, 3, 8, 8), 64)
    path = save_image(image, tmp_path / ("out" + suffix))
    with Image.open(path) as file:
        assert file.format == kind
    assert (load_image(path) - image).abs().mean() < 0.02
    assert os.listdir(tmp_path) == ["out" + suffix]


@pytest.mark.parametrize(
    "image, name, words",
    [
        (torch.full((1, 3, 2, 2), float("nan")), "a.png", "NaN or infinite values and was not saved"),
        (torch.full((1, 3, 2, 2), float("inf")), "a.png", "NaN or infinite values and was not saved"),
        (torch.full((1, 3, 2, 2), 255.0), "a.png", "values from 255 to 255, wanted 0 to 1; image / 255 rescales them"),
        (
            torch.full((1, 3, 2, 2), -0.5),
            "a.png",
            "from -0.5 to -0.5, wanted 0 to 1; image.clamp(0, 1) cuts off what is",
        ),
        (torch.zeros(1, 3, 2, 2), "a.tga", "'a.tga' does not say its format; let it end in one of .png, .jpg, .jpeg, "),
        (torch.zeros(1, 3, 2, 2), "a", "'a' does not say its format; let it end in one of .png"),
        (
            torch.zeros(2, 3, 2, 2),
            "a.png",
            "save_image got a tensor (2, 3, 2, 2) of torch.float32, wanted a float image",
        ),
        (torch.zeros(2, 2, 3), "a.png", "save_image got a tensor (2, 2, 3)"),
        (torch.zeros(3, 0, 2), "a.png", "save_image got a tensor (3, 0, 2)"),
        (torch.zeros(1, 3, 2, 2, dtype=torch.uint8), "a.png", "of torch.uint8"),
        (np.zeros((1, 3, 2, 2)), "a.png", "save_image got a ndarray"),
        (torch.zeros(1, 3, 1, 70000), "a.jpg", "70000 x 1 pixels cannot be written as JPEG; let it end in .png"),
        (torch.zeros(1, 3, 1, 70000), "a.webp", "70000 x 1 pixels cannot be written as WEBP; let it end in .png"),
    ],
)
def test_bad_images_are_not_saved(image, name, words, tmp_path):
    with pytest.raises(ValueError, match=re.escape(words)):
        save_image(image, tmp_path / "folder" / name)
    assert os.listdir(tmp_path) == []


def test_missing_folders_are_made_and_links_followed(tmp_path):
    path = save_image(torch.zeros(1, 3, 2, 2), tmp_path / "new" / "folder" / "a.png")
    assert path.is_file()
    link = tmp_path / "link.png"
    try:
        link.symlink_to(path)
    except OSError:
        pytest.skip("no symbolic links here")
    save_image(torch.ones(1, 3, 2, 2), link)
    assert link.is_symlink() and load_image(path).min() == 1


def test_impossible_places_are_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    for place in ("file/a.png", "folder.png"):
        with pytest.raises(OSError, match=r"could not be written \(.+\); save to another place"):
            save_image(torch.zeros(1, 3, 2, 2), tmp_path / place)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
@pytest.mark.parametrize("moment", ["in the middle of writing", "between writing and renaming"])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(failure, moment, tmp_path, monkeypatch):
    path = save_image(torch.zeros(1, 3, 64, 64), tmp_path / "out.png")
    old = path.read_bytes()

    def half_write(self, data, write=Path.write_bytes):
        write(self, data[: len(data) // 2])
        raise failure

    def no_rename(*_):
        assert len(os.listdir(tmp_path)) == 2, "the new file stands complete beside the old one"
        raise failure

    with monkeypatch.context() as patch:
        if moment.startswith("in"):
            patch.setattr(Path, "write_bytes", half_write)
        else:
            patch.setattr(os, "replace", no_rename)
        with pytest.raises(type(failure)) as caught:
            save_image(torch.ones(1, 3, 64, 64), path)
    if isinstance(failure, OSError):
        assert "out.png' could not be written (No space left on device)" in str(caught.value)
    assert os.listdir(tmp_path) == ["out.png"] and path.read_bytes() == old
    save_image(torch.ones(1, 3, 64, 64), path)
    assert load_image(path).min() == 1


# ---- pictures by name --------------------------------------------------------------------------------------------


def test_the_registry_is_complete():
    text = (images.DATA / "registry.json").read_text(encoding="utf-8")
    pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    assert len(dict(pairs)) == len(pairs), "a name twice"
    for name, entry in json.loads(text).items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert entry["kind"] in ("content", "style") and entry["source"] in ("shipped", "scikit-image", "download")
        assert entry["title"] and entry["author"] and entry["licence"]
        assert entry["year"] is None or 1400 < entry["year"] < 2100
        if entry["source"] == "shipped":
            assert entry["address"] == f"{name}.jpg" and "sha256" not in entry  # git and the wheel guard these bytes
        else:
            assert re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]) and entry["address"].startswith("https://")
            assert re.search(r"/[0-9a-f]{40}/", entry["address"]), "pinned to one commit"


def test_names():
    assert picture_names() == list(json.loads((images.DATA / "registry.json").read_text(encoding="utf-8")))
    assert set(picture_names("style")) | set(picture_names("content")) == set(picture_names())
    assert {"night_swirls", "brick", "starry_night"} <= set(picture_names("style"))
    assert {"riverside_town", "astronaut", "tubingen"} <= set(picture_names("content"))
    with pytest.raises(ValueError, match="kind is 'painting', wanted 'content', 'style' or None"):
        picture_names("painting")


def test_picture_info():
    info = picture_info("tubingen")
    assert (info["name"], info["author"], info["licence"]) == ("tubingen", "Andreas Praefcke", "CC BY 3.0")
    assert not info["offline"] and picture_info("cat")["offline"]
    info["title"] = "scribbled over"
    assert picture_info("tubingen")["title"] != "scribbled over"
    for function in (picture_info, fetch_picture):
        with pytest.raises(ValueError, match="no picture is called 'Tubigen'; did you mean 'tubingen'"):
            function("Tubigen")
        with pytest.raises(ValueError, match="no picture is called 'qqqqqq'; known are night_swirls, "):
            function("qqqqqq")


@pytest.mark.parametrize("name", [name for name in picture_names() if picture_info(name)["source"] == "shipped"])
def test_shipped_pictures(name):
    path = fetch_picture(name)
    assert path.parent == images.DATA and path.stat().st_size <= 400_000
    assert max(load_image(name).shape[-2:]) >= 640


@pytest.mark.parametrize("name", ["astronaut", "coffee", "cat", "rocket", "brick", "grass", "gravel"])
def test_scikit_image_s_pictures_need_no_network(name, private_cache):
    skimage_data = pytest.importorskip("skimage.data")
    image = load_image(name)
    assert not private_cache.exists()
    if name != "rocket":  # its colours are Adobe RGB, which scikit-image leaves unconverted
        assert torch.equal(image, load_image(getattr(skimage_data, name)()))
    assert hashlib.sha256(fetch_picture(name).read_bytes()).hexdigest() == picture_info(name)["sha256"]


# ---- downloads ---------------------------------------------------------------------------------------------------

GOOD = encoded(red_and_blue(), "PNG")


class Answers(Quiet):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing.png":
            return self.send_error(404)
        body = {"/wrong.png": b"<html>Please log in to the hotel network</html>"}.get(self.path, GOOD)
        self.send_response(200)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut.png" else body)


@pytest.fixture
def server(monkeypatch):
    with serving(Answers) as server:
        server.asked = []
        entry = {**picture_info("tubingen"), "sha256": hashlib.sha256(GOOD).hexdigest()}
        known = {
            name: {**entry, "address": f"{server.address}/{name}.png"} for name in ("good", "wrong", "cut", "missing")
        }
        known["closed"] = {**entry, "address": f"http://127.0.0.1:{closed_port()}/closed.png"}
        known["later"] = {**known["good"], "source": "scikit-image", "file": "in_no_scikit_image.png"}
        known["cat"] = picture_info("cat")
        monkeypatch.setattr(registry, "registry", lambda: known)
        yield server


def kept(cache):
    """What the cache holds, besides the locks that downloads leave."""
    return [name for name in os.listdir(cache) if not name.endswith(".lock")]


def test_download_once_then_from_the_cache(server, private_cache):
    assert not picture_info("good")["offline"]
    assert rows(load_image("good")) == [[RED, BLUE]]
    assert fetch_picture("good") == private_cache / "good.png" and picture_info("good")["offline"]
    assert server.asked == ["/good.png"] and kept(private_cache) == ["good.png"]
    assert rows(load_image("later")) == [[RED, BLUE]], "and so is a picture that scikit-image no longer ships"


@pytest.mark.parametrize(
    "name, reason",
    [
        ("wrong", "other bytes arrived than expected"),
        ("cut", "the connection broke off"),
        ("missing", "the server answered 404"),
        ("closed", "no connection"),
    ],
)
def test_failed_download_says_what_works_offline_and_leaves_nothing(server, private_cache, name, reason):
    message = refused(
        name,
        f"'{name}' could not be downloaded from 127.0.0.1 ({reason}",
        "these work without a network: cat",
        kind=ConnectionError,
    )
    assert server.asked == ([] if name == "closed" else [f"/{name}.png"]), "no retrying"
    assert "good" not in message.split("network:")[1]
    assert kept(private_cache) == []


def test_a_spoilt_file_in_the_cache_is_replaced_or_removed(server, private_cache):
    private_cache.mkdir()
    for name in ("good", "closed"):
        (private_cache / f"{name}.png").write_bytes(b"spoilt")
    assert rows(load_image("good")) == [[RED, BLUE]]
    refused("closed", "no connection", kind=ConnectionError)
    assert kept(private_cache) == ["good.png"]


def test_a_cache_that_cannot_be_written_is_told(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NSTLIB_CACHE", str(tmp_path / "file"))
    refused("good", "cannot be written", "NSTLIB_CACHE", kind=ConnectionError)
