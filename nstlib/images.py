"""Pictures: files and bytes to tensors and back, and pictures by name.

One convention everywhere: an *image* is a tensor of shape (1, 3, H, W), float32, sRGB values in [0, 1].
All that is known about a named picture (title, author, licence, address, SHA-256) is in ``data/registry.json`` alone.
"""

import difflib
import importlib.util
import io
import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from nstlib.files import one_at_a_time, sha256, whole_file

_PACKAGE = Path(__file__).resolve().parent
#: Folder of the shipped pictures and weights: inside the package where a wheel put it, else beside it in the checkout.
DATA = _PACKAGE / "data" if (_PACKAGE / "data").is_dir() else _PACKAGE.parent / "data"

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
#: What is opened. Not all that Pillow can: EPS runs Ghostscript on the program inside the file, others take any text for a picture.
_READABLE = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "TIFF", "BMP", "DIB", "PPM", "ICO", "JPEG2000", "AVIF")
_TIMEOUT = (4, 20)  # seconds to connect, seconds without a byte: being offline shows soon


def load_image(
    source: str | os.PathLike | bytes | Image.Image | np.ndarray | Tensor, *, size: int | None = None
) -> Tensor:
    """Any picture as an image tensor.

    Parameters
    ----------
    source
        - a path, or a name out of `picture_names`; where a file is called the same, the file wins;
        - the bytes of a picture file, or a PIL image;
        - an array or tensor (H, W), (H, W, C), (C, H, W) or (1, C, H, W), C = 1, 3, 4 for grey, RGB, RGBA, of
          uint8 in 0..255, uint16 in 0..65535, bool, or float in [0, 1]. Where two readings fit, an array is (H, W, C)
          and a tensor (C, H, W).
    size
        Longer side of the result in pixels, reached as in `resize_image`; None keeps the picture's own size.

    Returns
    -------
    Tensor
        (1, 3, H, W), float32, sRGB in [0, 1], on the CPU, sharing no memory with `source`. EXIF rotation is applied,
        an ICC profile converted to sRGB (ignored where broken or for 16-bit grey), transparency laid on white, grey
        repeated into three channels; of an animation the first frame is taken, with a `UserWarning`.

    Raises
    ------
    FileNotFoundError
        No such file, and no known picture of that name.
    ValueError
        Anything else that is not one whole picture of reasonable size.
    ConnectionError
        A named picture is not on this machine and cannot be downloaded; the message lists those that work offline.

    Examples
    --------
    >>> pixel = np.array([[[255, 0, 51]]], dtype=np.uint8)  # one pixel: H = 1, W = 1, three colours
    >>> load_image(pixel).flatten()
    tensor([1.0000, 0.0000, 0.2000])
    >>> load_image(np.zeros((30, 40)), size=20).shape
    torch.Size([1, 3, 15, 20])
    """
    if isinstance(source, Tensor):
        tensor = source.detach().cpu()
        pixels = _rgb(tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy(), channels_first=True)
    elif isinstance(source, np.ndarray):
        pixels = _rgb(source)
    elif isinstance(source, Image.Image):
        pixels = _decode(source, "the PIL image")
    elif isinstance(source, (bytes, bytearray, memoryview)):
        pixels = _decode(_recognise(io.BytesIO(source), "this picture (bytes)"), "this picture (bytes)")
    elif isinstance(source, (str, os.PathLike)):
        path = _find(os.fsdecode(source))
        with _open(path) as file:
            pixels = _decode(_recognise(file, repr(path.name)), repr(path.name))
    else:
        raise ValueError(f"load_image got {_describe(source)}, wanted a path, a picture's name, the bytes of a file, "
                         "a PIL image, a NumPy array or a tensor; convert it to one of these")
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]  # (H, W, 3) -> (1, 3, H, W)
    return image if size is None else resize_image(image, size)


def resize_image(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    """An image at another size, larger or smaller, antialiased (bicubic).

    Parameters
    ----------
    image
        (B, C, H, W), float, values in [0, 1].
    size
        The longer side in pixels, which keeps the proportions, or a pair (H, W), which need not.

    Returns
    -------
    Tensor
        (B, C, h, w), device and dtype of `image`; clamped to [0, 1], since bicubic weights overshoot at edges.
        Computed on the CPU, for the same values on every device; gradients pass. At its own size, `image` itself.

    Raises
    ------
    ValueError
        `image` or `size` is something else.

    Examples
    --------
    >>> checkerboard = (torch.arange(8)[:, None] + torch.arange(8)) % 2.0
    >>> resize_image(checkerboard.expand(1, 3, 8, 8), 1).flatten()  # squares finer than the new pixel: plain grey
    tensor([0.5000, 0.5000, 0.5000])
    """
    if not (isinstance(image, Tensor) and image.ndim == 4 and image.is_floating_point() and image.numel()):
        raise ValueError(f"resize_image got {_describe(image)}, wanted floats (B, C, H, W); load_image makes them")
    new = resized_shape(image.shape[-2:], size)
    if new == tuple(image.shape[-2:]):
        return image
    precise = image.cpu().to(torch.promote_types(image.dtype, torch.float32))
    return torch.nn.functional.interpolate(precise, new, mode="bicubic", antialias=True).clamp(0, 1).to(image)


def resized_shape(own: Sequence[int], size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) that `resize_image` gives to an image of shape `own`; ValueError as there."""
    pair = tuple(size) if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    if not all(isinstance(number, (int, np.integer)) and number >= 1 for number in pair):
        raise ValueError(f"size is {size!r}, wanted the longer side in pixels or a pair (H, W); for example 384")
    new = pair if pair[0] is not size else tuple(max(1, round(side * int(size) / max(own))) for side in own)
    limit = Image.MAX_IMAGE_PIXELS or float("inf")
    if new[0] * new[1] > limit:
        raise ValueError(f"size {size!r} is {new[0]} x {new[1]}, over {limit / 1e6:.0f} million pixels; ask for less")
    return new


def save_image(image: Tensor, path: str | os.PathLike) -> Path:
    """Write an image to a file, whole or not at all, and return the path.

    The file gets its name only when it is complete (a temporary file beside it, then a rename), so an interruption
    never harms an older picture. Missing folders are made.

    Parameters
    ----------
    image
        (1, 3, H, W) or (3, H, W), float, sRGB. Values are clamped to [0, 1] and rounded to the nearest 1/255.
    path
        Its suffix chooses the format: .png (exact), .jpg, .jpeg or .webp (quality 95).

    Raises
    ------
    ValueError
        Another shape or type, NaN or infinite values, another suffix, more pixels than the format can hold.
    OSError
        The disk refuses: no permission, no space, a folder in the way.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_image(torch.full((1, 3, 1, 2), 0.2), Path(folder) / "grey.png")
    ...     load_image(path).flatten(1)
    tensor([[0.2000, 0.2000, 0.2000, 0.2000, 0.2000, 0.2000]])
    """
    path = Path(os.path.expanduser(path))
    encoded = _encode(image, path)
    with whole_file(path) as temporary:
        temporary.write_bytes(encoded)
    return path


# ---- pictures by name --------------------------------------------------------------------------------------------

def picture_names(kind: str | None = None) -> list[str]:
    """Names that `load_image` knows: pictures shipped here, scikit-image's, and famous ones, downloaded on first use.

    `kind` is "content" (photographs and scenes), "style" (paintings and textures) or None for both.

    Examples
    --------
    >>> picture_names("style")[:2]
    ['night_swirls', 'woodblock_wave']
    """
    if kind not in (None, "content", "style"):
        raise ValueError(f"kind is {kind!r}, wanted 'content', 'style' or None for both")
    return [name for name, entry in _registry().items() if kind in (None, entry["kind"])]


def picture_info(name: str) -> dict:
    """What is known about a named picture; ValueError, with the nearest name, for an unknown one.

    Keys: `name`, `title`, `author`, `year` (None where unknown), `licence`, `kind`, `source` ("shipped", "scikit-image"
    or "download"), `address` (a file in `DATA`, or a URL), `sha256` (with a URL), `offline` (True: no network needed).

    Examples
    --------
    >>> info = picture_info("starry_night")
    >>> info["author"], info["year"], info["licence"]
    ('Vincent van Gogh', 1889, 'public domain')
    """
    if name not in _registry():
        nearest = _nearest_name(str(name))
        hint = f"did you mean {nearest!r}?" if nearest else f"known are {', '.join(picture_names())}"
        raise ValueError(f"no picture is called {name!r}; {hint}")
    return {"name": name, **_registry()[name], "offline": _local_file(name) is not None}


def fetch_picture(name: str) -> Path:
    """The file of a named picture, downloaded on first use.

    A download goes to the user's cache folder (or to the one that the environment variable NSTLIB_CACHE names) and is
    kept only if its SHA-256 is the registered one. ValueError: unknown name. ConnectionError: failed download.
    """
    entry = picture_info(name)
    if local := _local_file(name):
        return local
    if entry["source"] == "shipped":
        raise FileNotFoundError(f"the shipped picture {entry['address']} is missing from {DATA}; install nstlib again")
    import pooch  # here, not above: most runs download nothing
    import requests

    target = _cached_file(name)
    try:
        with one_at_a_time(target):
            if not _local_file(name):  # nobody else has fetched it while we waited
                target.unlink(missing_ok=True)  # there, but refused by _local_file
                pooch.retrieve(entry["address"], f"sha256:{entry['sha256']}", target.name, target.parent,
                               downloader=pooch.HTTPDownloader(timeout=_TIMEOUT))
        return target
    except requests.HTTPError as error:
        reason = f"the server answered {error.response.status_code}"
    except requests.ConnectionError:
        reason = "no connection"
    except requests.RequestException:
        reason = "the connection broke off"
    except ValueError:
        reason = "other bytes arrived than expected, by their SHA-256, and were thrown away"
    except OSError as error:
        reason = f"{target.parent} cannot be written, {error.strerror}: set NSTLIB_CACHE to another folder"
    offline = ", ".join(other for other in picture_names() if _local_file(other))
    raise ConnectionError(f"{name!r} could not be downloaded from {urlsplit(entry['address']).hostname} ({reason}); "
                          f"these work without a network: {offline}") from None


@cache
def _registry() -> dict[str, dict]:
    return json.loads((DATA / "registry.json").read_text(encoding="utf-8"))


def _cached_file(name: str) -> Path:
    import pooch

    folder = os.path.expanduser(os.environ.get("NSTLIB_CACHE") or pooch.os_cache("nstlib"))
    if folder.startswith("~"):  # a user without a home
        folder = os.path.join(tempfile.gettempdir(), "nstlib")
    return Path(folder) / (name + Path(urlsplit(_registry()[name]["address"]).path).suffix)


def _local_file(name: str) -> Path | None:
    """The picture's file if it is on this machine already (and, of a download, if it is the right one)."""
    entry = _registry()[name]
    if entry["source"] == "shipped":
        return path if (path := DATA / entry["address"]).is_file() else None
    package = importlib.util.find_spec("skimage") if entry["source"] == "scikit-image" else None  # found, not imported
    if package and (path := Path(package.origin).parent / "data" / entry["file"]).is_file():
        return path
    path = _cached_file(name)
    return path if path.is_file() and sha256(path) == entry["sha256"] else None


def _nearest_name(text: str) -> str | None:
    plain = Path(text).stem.lower().replace(" ", "_").replace("-", "_")
    return next(iter(difflib.get_close_matches(plain, picture_names(), 1)), None)


def _find(text: str) -> Path:
    """The file meant by a path or by a picture's name."""
    path = Path(os.path.expanduser(text))
    known = text in _registry()
    if text and (os.path.isfile(path) or (os.path.exists(path) and not known)):  # a folder "cat" hides no picture
        return path
    if known:
        return fetch_picture(text)
    if "://" in text:
        raise ValueError(f"{text!r} is an address, and load_image downloads none; save the picture and give its path")
    folder = path.parent.absolute()
    beside = os.listdir(folder) if folder.is_dir() else []
    nearest = next(iter(difflib.get_close_matches(path.name, beside, 1, 0.75)), None) or _nearest_name(text)
    raise FileNotFoundError(
        f"no file {path.name!r} " + (f"in {folder}" if folder.is_dir() else f"(there is no folder {folder})")
        + ", and no picture of that name; "
        + (f"did you mean {nearest!r}?" if nearest else "picture_names() lists the pictures that come by name"))


# ---- decoding and encoding ---------------------------------------------------------------------------------------

def _open(path: Path) -> BinaryIO:
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is {'a folder' if path.is_dir() else 'no file'}; give the path of one picture")
    try:
        return path.open("rb")
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read ({error.strerror}); check its permissions") from None


def _recognise(file: BinaryIO, label: str) -> Image.Image:
    """A PIL image of which only the header is read yet."""
    head = file.read(64)
    file.seek(0)
    if not head:
        raise ValueError(f"{label} is empty (0 bytes); get the picture again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Pillow finds odd in a file
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.init()
            return Image.open(file, formats=[name for name in _READABLE if name in Image.OPEN])
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(f"{label} has over {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels; make it smaller first, "
                         "in a picture editor") from None
    except Exception:  # besides UnidentifiedImageError, each decoder has its own
        if head[4:8] == b"ftyp" and any(brand in head for brand in (b"heic", b"heix", b"hevc", b"heif")):
            message = "is a HEIC picture, which cannot be read here; convert it to JPEG first"
        elif head.lstrip().startswith(b"<"):
            message = "is text (a web page? an SVG drawing?), not pixels; save the picture itself, as PNG or JPEG"
        else:
            message = "is not a picture that can be read here, or is damaged; get it again, best as PNG or JPEG"
        raise ValueError(f"{label} {message}") from None


def _decode(image: Image.Image, label: str) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1]."""
    if not image.width or not image.height:
        raise ValueError(f"{label} is {image.width} x {image.height} pixels; a picture needs at least one")
    try:
        animated = image.format in ("GIF", "PNG", "WEBP", "TIFF", "AVIF")  # not MPO: a photograph and its preview
        frames = getattr(image, "n_frames", 1) if animated else 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            pixels = _to_srgb(_upright(image))
    except Exception:
        kind = f"{image.format or 'PIL'} {image.mode}"
        raise ValueError(f"{label} is cut short, damaged or of a rare kind ({kind}); get it again, or save it as PNG "
                         "in a picture editor") from None
    if frames > 1:
        warnings.warn(f"{label} has {frames} frames; only the first is used", UserWarning, stacklevel=3)
    return _rgb(pixels)


def _upright(image: Image.Image) -> Image.Image:
    """The image as its camera was held, where it says so; a header that cannot be read harms no pixel."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _to_srgb(image: Image.Image) -> np.ndarray:
    """Any Pillow mode as an array: (H, W) for deep grey, else (H, W, 3) sRGB or, with alpha, (H, W, 4)."""
    if image.mode == "F" or image.mode.startswith("I"):  # Pillow's own conversion to RGB would clip these
        grey = np.asarray(image)
        return grey.astype(np.uint16) if image.mode != "F" and 0 <= grey.min() <= grey.max() <= 65535 else grey
    image = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))  # undo premultiplied alpha
    base = {"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    colours = (image.convert("RGBA") if alpha and base == "RGB" else image).convert(base)
    colours = _apply_profile(colours, image.info.get("icc_profile")).convert("RGB")
    return np.dstack([colours, alpha]) if alpha else np.asarray(colours)


def _apply_profile(image: Image.Image, icc: bytes | None) -> Image.Image:
    """The image in sRGB, if its ICC profile can be read, fits its mode and is not sRGB already."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        fits = profile.profile.xcolor_space.strip() == {"L": "GRAY"}.get(image.mode, image.mode)
        if not fits or "sRGB" in ImageCms.getProfileDescription(profile):
            return image
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def _rgb(array: np.ndarray, channels_first: bool = False) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1] from an array in any layout of `load_image`."""
    pixels = array[0] if array.ndim == 4 and len(array) == 1 else array
    first, last = (pixels.ndim == 3 and pixels.shape[axis] in (1, 3, 4) for axis in (0, -1))
    if pixels.ndim != 2 and not first and not last:
        raise ValueError(f"got an array of shape {array.shape}, wanted one picture: (H, W), (H, W, C), (C, H, W) or "
                         "(1, C, H, W) with C = 1, 3 or 4; pick one picture or rearrange its axes")
    if not array.size:
        raise ValueError(f"got an array of shape {array.shape}, without any pixel; a picture needs at least one")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    elif first and (channels_first or array.ndim == 4 or not last):
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = _unit_range(pixels)
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3:]
        return pixels[..., :3] * alpha + (1 - alpha)  # white shows through
    return pixels if pixels.shape[-1] == 3 else pixels.repeat(3, axis=-1)


def _unit_range(array: np.ndarray) -> np.ndarray:
    if array.dtype in (np.uint8, np.uint16):
        return array.astype(np.float32) / np.iinfo(array.dtype).max
    if array.dtype.kind not in "fb":
        raise ValueError(f"got {array.dtype} values, of which white is unknown; convert to uint8 (255) or float (1.0)")
    if not np.isfinite(array).all():
        raise ValueError("the picture holds NaN or infinite values; np.nan_to_num replaces them")
    low, high = float(array.min()), float(array.max())
    if low < -1e-4 or high > 1 + 1e-4:  # a little room for rounding
        raise ValueError(f"got float values from {low:.4g} to {high:.4g}, wanted 0 to 1; rescale or clip them "
                         "(divide by 255 if that is white)")
    return array.astype(np.float32).clip(0, 1)


def _encode(image: Tensor, path: Path) -> bytes:
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path.name!r} does not say its format; let it end in one of {', '.join(_FORMATS)}")
    if not (isinstance(image, Tensor) and image.is_floating_point() and image.numel() and image.ndim in (3, 4)
            and image.shape[:-2] in ((3,), (1, 3))):
        raise ValueError(f"save_image got {_describe(image)}, wanted a float image (1, 3, H, W); load_image makes one")
    image = image.detach().cpu().float().reshape(image.shape[-3:])
    if not image.isfinite().all():
        raise ValueError("the image holds NaN or infinite values and was not saved; image.nan_to_num() replaces them")
    pixels = image.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    encoded = io.BytesIO()
    try:
        Image.fromarray(pixels).save(encoded, kind, quality=95, subsampling=0)  # PNG heeds neither
    except Exception:  # too large for the format, or a Pillow built without it
        height, width = pixels.shape[:2]
        raise ValueError(f"{width} x {height} pixels cannot be written as {kind}; let it end in .png") from None
    return encoded.getvalue()


def _describe(value: object) -> str:
    known = isinstance(value, Tensor)
    return f"a tensor {tuple(value.shape)} of {value.dtype}" if known else f"a {type(value).__name__}"
