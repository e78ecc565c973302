"""A tensor as a picture file, whole or not at all."""

import io
import os
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from nstlib.files import atomic_write
from nstlib.images.sizes import describe

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def save_image(image: Tensor, path: str | os.PathLike) -> Path:
    """Write an image to a file, whole or not at all, and return the path.

    The file gets its name only when it is complete (a temporary file beside it, then a rename), so an interruption
    never harms an older picture. Missing folders are made.

    Parameters
    ----------
    image
        (1, 3, H, W) or (3, H, W), float, sRGB in [0, 1]. Values are rounded to the nearest 1/255.
    path
        Its suffix chooses the format: .png (exact), .jpg, .jpeg or .webp (quality 95).

    Raises
    ------
    ValueError
        Another shape or type, values that are NaN, infinite or not in [0, 1], another suffix, more pixels than the
        format can hold.
    OSError
        The disk refuses: no permission, no space, a folder in the way.

    Examples
    --------
    >>> import tempfile, torch, nstlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_image(torch.full((1, 3, 1, 2), 0.2), Path(folder) / "grey.png")
    ...     nstlib.load_image(path).flatten(1)
    tensor([[0.2000, 0.2000, 0.2000, 0.2000, 0.2000, 0.2000]])
    """
    path = Path(os.path.expanduser(path))
    encoded = encode(image, path)
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded)
    return path


def encode(image: Tensor, path: Path) -> bytes:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path.name!r} does not say its format; let it end in one of {', '.join(FORMATS)}")
    if not (
        isinstance(image, Tensor)
        and image.is_floating_point()
        and image.numel()
        and image.ndim in (3, 4)
        and image.shape[:-2] in ((3,), (1, 3))
    ):
        raise ValueError(f"save_image got {describe(image)}, wanted a float image (1, 3, H, W); load_image makes one")
    if image.layout != torch.strided or image.is_meta:
        raise ValueError(
            f"save_image got a tensor that is {image.layout} on {image.device}; image.to_dense() makes one"
        )
    image = image.detach().cpu().float().reshape(image.shape[-3:])
    if not image.isfinite().all():
        raise ValueError("the image holds NaN or infinite values and was not saved; image.nan_to_num() replaces them")
    low, high = image.min().item(), image.max().item()
    if low < -1e-4 or high > 1 + 1e-4:  # a little room for rounding, as in load_image
        remedy = "image / 255 rescales them" if low >= 0 and high > 2 else "image.clamp(0, 1) cuts off what is beyond"
        raise ValueError(f"the image holds values from {low:.4g} to {high:.4g}, wanted 0 to 1; {remedy}")
    pixels = image.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    encoded = io.BytesIO()
    try:
        Image.fromarray(pixels).save(encoded, kind, quality=95, subsampling=0)  # PNG heeds neither
    except Exception:  # too large for the format, or a Pillow built without it
        height, width = pixels.shape[:2]
        raise ValueError(f"{width} x {height} pixels cannot be written as {kind}; let it end in .png") from None
    return encoded.getvalue()
