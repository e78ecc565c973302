"""Any picture as a tensor: files, bytes, arrays; upright, in sRGB, without transparency."""

import io
import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from nstlib.images.registry import find_picture
from nstlib.images.sizes import describe, resize_image
from nstlib.machine import amount, memory_left

ARRAY = "the array"  # what a picture is called that is none of a file
BYTES, BYTES_CLEAR = 20, 52  # of memory for each pixel of a picture that is opened, by measurement; where transparent
Picture = str | os.PathLike | bytes | Image.Image | np.ndarray | Tensor  # what load_image reads


#: What is opened. Not all that Pillow can: EPS runs Ghostscript on the program inside the file, others take any text
#: for a picture.
READABLE = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "TIFF", "BMP", "DIB", "PPM", "ICO", "JPEG2000", "AVIF")


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
        repeated into three channels; of an animation the first frame is taken. Transparency and further frames are
        dropped with a `UserWarning`.

    Raises
    ------
    FileNotFoundError
        No such file, and no known picture of that name.
    ValueError
        Anything else that is not one whole picture of reasonable size.
    MemoryError
        To open it would take more memory than is left.
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
        pixels = _rgb(_numbers(source), channels_first=True)
    elif isinstance(source, np.ndarray):
        if np.ma.is_masked(source):
            hidden = np.ma.count_masked(source)
            raise ValueError(
                f"got a masked array that hides {hidden} of {source.size} values; wanted all of them: array.filled(1) "
                "puts 1 there (which is white where values are floats)"
            )
        pixels = _rgb(np.asarray(source))
    elif isinstance(source, Image.Image):
        pixels = _decode(source, "the PIL image")
    elif isinstance(source, (bytes, bytearray, memoryview)):
        pixels = _decode(_recognise(io.BytesIO(source), "this picture (bytes)"), "this picture (bytes)")
    elif isinstance(source, (str, os.PathLike)):
        path = find_picture(os.fsdecode(source))
        with _open(path) as file:
            pixels = _decode(_recognise(file, repr(path.name)), repr(path.name))
    else:
        raise ValueError(
            f"load_image got {describe(source)}, wanted a path, a picture's name, the bytes of a file, "
            "a PIL image, a NumPy array or a tensor; convert it to one of these"
        )
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]  # (H, W, 3) -> (1, 3, H, W)
    return image if size is None else resize_image(image, size)


def _numbers(tensor: Tensor) -> np.ndarray:
    try:
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy(force=True)
    except (TypeError, RuntimeError):  # nested, sparse, quantized, masked, without values ("meta")
        raise ValueError(
            f"got a {type(tensor).__name__} ({tensor.dtype}, {tensor.layout}, {tensor.device}) that cannot be read; "
            "convert it to a plain one, with to_dense() or dequantize() for example"
        ) from None


def _open(path: Path) -> BinaryIO:
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is {'a folder' if path.is_dir() else 'no file'}; give the path of one picture")
    try:
        return path.open("rb")
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read ({error.strerror}); check its permissions") from None


def _recognise(file: BinaryIO, label: str) -> Image.Image:
    """A PIL image of which only the header is read yet."""
    head = file.read(128)
    file.seek(0)
    if not head:
        raise ValueError(f"{label} is empty (0 bytes); get the picture again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Pillow finds odd in a file
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.init()
            return Image.open(file, formats=[name for name in READABLE if name in Image.OPEN])
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(
            f"{label} has over {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels; make it smaller first, "
            "in a picture editor"
        ) from None
    except MemoryError:
        raise _no_memory(label) from None
    except Exception:  # besides UnidentifiedImageError, each decoder has its own
        if head.lstrip().startswith(b"<"):
            message = "is text (a web page? an SVG drawing?), not pixels; save the picture itself, as PNG or JPEG"
        else:
            message = _by_brands(head)
        raise ValueError(f"{label} {message}") from None


def _by_brands(head: bytes) -> str:
    """What is wrong with a file that is no picture to Pillow: HEIC, AVIF and videos begin with a list of brands (ISO
    14496-12).
    """
    if head[4:8] != b"ftyp":
        return "is not a picture that can be read here, or is damaged; get it again, best as PNG or JPEG"
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), int.from_bytes(head[:4], "big")), 4))}
    if brands & {b"avif", b"avis"}:
        return "is an AVIF picture that is damaged, or that the Pillow installed here cannot read; save it as PNG"
    if any(brand[:3] in (b"hei", b"hev", b"mif", b"msf", b"mia") for brand in brands):
        return "is a HEIC picture, which cannot be read here; convert it to JPEG first"
    return "is a video or a camera's raw file, not a picture; save one picture of it as PNG or JPEG"


def _decode(image: Image.Image, label: str) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1]."""
    if not image.width or not image.height:
        raise ValueError(f"{label} is {image.width} x {image.height} pixels; a picture needs at least one")
    _check_memory(label, image.width * image.height, BYTES_CLEAR if image.has_transparency_data else BYTES)
    try:
        animated = image.format in ("GIF", "PNG", "WEBP", "TIFF", "AVIF")  # not MPO: a photograph and its preview
        frames = getattr(image, "n_frames", 1) if animated else 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            pixels = _to_srgb(_upright(image))
    except MemoryError:
        raise _no_memory(label) from None
    except Exception:
        kind = f"{image.format or 'PIL'} {image.mode}"
        raise ValueError(
            f"{label} is cut short, damaged or of a rare kind ({kind}); get it again, or save it as PNG "
            "in a picture editor"
        ) from None
    if frames > 1:
        warnings.warn(f"{label} has {frames} frames; only the first is used", UserWarning, stacklevel=3)
    return _rgb(pixels, label=label, level=4)


def _check_memory(label: str, pixels: int, bytes_each: int) -> None:
    needed = pixels * bytes_each
    if needed > (left := memory_left(needed)):
        advice = (
            "make it smaller first, in a picture editor"
            if pixels > 2**20
            else "close other programs, or raise the limit"
        )
        raise MemoryError(
            f"{label} has {pixels / 1e6:.1f} million pixels, and to open it takes about {amount(needed)} of memory; "
            f"{amount(left)} are left. To mend that, {advice}"
        )


def _no_memory(label: str) -> MemoryError:
    return MemoryError(f"there is not enough memory to open {label}; make it smaller, or close other programs")


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


def _rgb(array: np.ndarray, channels_first: bool = False, label: str = ARRAY, level: int = 3) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1] from an array in any layout of `load_image`, which is `level` calls away."""
    pixels = array[0] if array.ndim == 4 and len(array) == 1 else array
    first, last = (pixels.ndim == 3 and pixels.shape[axis] in (1, 3, 4) for axis in (0, -1))
    if pixels.ndim != 2 and not first and not last:
        raise ValueError(
            f"got an array of shape {array.shape}, wanted one picture: (H, W), (H, W, C), (C, H, W) or "
            "(1, C, H, W) with C = 1, 3 or 4; pick one picture or rearrange its axes"
        )
    if not array.size:
        raise ValueError(f"got an array of shape {array.shape}, without any pixel; a picture needs at least one")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    elif first and (channels_first or array.ndim == 4 or not last):
        pixels = np.moveaxis(pixels, 0, -1)
    if label == ARRAY:
        _check_memory(label, pixels[..., 0].size, BYTES)
    pixels = _unit_range(pixels)
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3:]
        if alpha.min() < 1:
            warnings.warn(f"{label} is transparent in places; white is put there", UserWarning, stacklevel=level)
        return pixels[..., :3] * alpha + (1 - alpha)  # white shows through
    return pixels if pixels.shape[-1] == 3 else pixels.repeat(3, axis=-1)


def _unit_range(array: np.ndarray) -> np.ndarray:
    if array.dtype.newbyteorder("=") in (np.uint8, np.uint16):  # in the order of a tensor, and without a second copy
        scaled = np.moveaxis(array, -1, 0).astype(np.float32, order="C")
        scaled /= np.iinfo(array.dtype).max
        return np.moveaxis(scaled, 0, -1)
    if array.dtype.kind not in "fb":
        raise ValueError(f"got {array.dtype} values, of which white is unknown; convert to uint8 (255) or float (1.0)")
    if not np.isfinite(array).all():
        raise ValueError("the picture holds NaN or infinite values; np.nan_to_num replaces them")
    low, high = float(array.min()), float(array.max())
    if low < -1e-4 or high > 1 + 1e-4:  # a little room for rounding
        raise ValueError(
            f"got float values from {low:.4g} to {high:.4g}, wanted 0 to 1; rescale or clip them "
            "(divide by 255 if that is white)"
        )
    scaled = array.astype(np.float32)
    return np.clip(scaled, 0, 1, out=scaled)
