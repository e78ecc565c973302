"""Colours of one picture given to another: before a transfer to the painting, or after it to the result.

Gatys et al., Preserving color in neural artistic style transfer (2016).
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from nstlib.images import resize_image

METHODS = ("histogram", "meanstd", "covariance")
KEEP_COLORS = (*METHODS, "luminance")  # what `style_transfer` takes
HALVINGS = 12  # of the way back into the range of colours: to 1 / 4096 of it
EPSILON = 1e-5  # a variance that counts as none: 0.003² of the range of a pixel


def match_color(style: Tensor, to: Tensor, method: str = "histogram") -> Tensor:
    """The painting `style` in the colours of the picture `to`: a transfer with it keeps the photograph's colours.

        histogram     x′ = F_to⁻¹(F_style(x)), F a channel's cumulative histogram; of red, green and blue
        meanstd       x′ = σ_to / σ_style · (x − μ_style) + μ_to, channels of CIELAB (Reinhard et al., 2001)
        covariance    x′ = Σ_to^½ Σ_style^−½ (x − μ_style) + μ_to in RGB, Σ the 3 × 3 covariance (Gatys et al., 2016b)

    Parameters
    ----------
    style, to : Tensor (1, 3, H, W) in [0, 1], of any two sizes
    method : "histogram", "meanstd" or "covariance"

    Returns
    -------
    Tensor of the shape of `style`, clamped to [0, 1]: the last two may go beyond.

    Raises
    ------
    ValueError: another method.

    Examples
    --------
    >>> dark, light = torch.rand(1, 3, 8, 8) / 2, torch.full((1, 3, 4, 4), 0.75)
    >>> bool(match_color(dark, to=light).eq(0.75).all())  # one colour is all that there is to take
    True
    """
    if method not in METHODS:
        raise ValueError(f'method is {method!r}; it must be "histogram", "meanstd" or "covariance".')
    from skimage import color, exposure  # here, not above: most runs keep the painting's colours

    x, y = _array(style), _array(to)
    if method == "histogram":
        matched = exposure.match_histograms(x, y, channel_axis=-1)
    elif method == "meanstd":
        x, y = color.rgb2lab(x), color.rgb2lab(y)
        ratio = y.std((0, 1)) / np.maximum(x.std((0, 1)), EPSILON)
        matched = _rgb(ratio * (x - x.mean((0, 1))) + y.mean((0, 1)))
    else:
        (mean_x, root_x), (mean_y, root_y) = (_mean_and_root(pixels) for pixels in (x, y))
        matched = (x - mean_x) @ np.linalg.pinv(root_x, rcond=EPSILON, hermitian=True) @ root_y + mean_y
    return _tensor(matched, style)


def transfer_luminance(painted: Tensor, content: Tensor) -> Tensor:
    """The lightness of `painted` with the colours of the photograph `content`: L* of the one, a* and b* of the other
    (CIELAB).

    Not every lightness can have every colour: nothing as light as white is blue. There the lightness goes back
    towards the photograph's, just as far as it has to, and the colour is kept.

    Parameters
    ----------
    painted : Tensor (1, 3, H, W) in [0, 1]
    content : Tensor (1, 3, h, w), resized to `painted` where it has another size

    Returns
    -------
    Tensor (1, 3, H, W) in [0, 1].

    >>> dark_red, light_grey = torch.tensor([0.5, 0.0, 0.0]).view(1, 3, 1, 1), torch.full((1, 3, 1, 1), 0.9)
    >>> transfer_luminance(light_grey, dark_red).flatten()[0] > 0.5  # lighter, and as red
    tensor(True)
    >>> transfer_luminance(dark_red, light_grey).flatten()  # darker: Y = 0.2126 · 0.2140; and without any colour
    tensor([0.2362, 0.2362, 0.2362])
    """
    from skimage.color import rgb2lab

    photograph = rgb2lab(_array(resize_image(content, tuple(painted.shape[-2:]))))
    own, wanted, color = photograph[..., :1], rgb2lab(_array(painted))[..., :1], photograph[..., 1:]

    def rgb_and_fit(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels whose lightness is `share` of the way from the photograph's to the painted one; and whether RGB can
        hold them: those beyond are cut off, and come back in another colour.
        """
        rgb = _rgb(np.concatenate([own + share * (wanted - own), color], axis=-1))
        return rgb, np.abs(rgb2lab(rgb)[..., 1:] - color).max(-1, keepdims=True) < 0.05

    share, fits = np.ones_like(own), rgb_and_fit(np.ones_like(own))[1]
    if not fits.all():
        low, high = np.where(fits, 1.0, 0.0), np.ones_like(own)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            fit = rgb_and_fit(middle)[1]
            low, high = np.where(fit, middle, low), np.where(fit, high, middle)
        share = low
    return _tensor(rgb_and_fit(share)[0], painted)


def check_keep_colors(keep_colors: object) -> None:
    """ValueError where it is none of `KEEP_COLORS`, nor None."""
    if keep_colors not in (None, *KEEP_COLORS):
        raise ValueError(f"keep_colors is {keep_colors!r}; it must be one of {', '.join(KEEP_COLORS)}, or None.")


def _mean_and_root(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour, and the square root of the covariance of the colours."""
    flat = pixels.reshape(-1, 3)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False, bias=True))
    return flat.mean(0), (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _rgb(lab: np.ndarray) -> np.ndarray:
    from skimage.color import lab2rgb

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Conversion from CIE-LAB")  # RGB does not have all colours
        return lab2rgb(lab)


def _array(image: Tensor) -> np.ndarray:
    """(1, 3, H, W) -> (H, W, 3), float64"""
    return np.asarray(image.detach().cpu().double()[0].permute(1, 2, 0))


def _tensor(array: np.ndarray, like: Tensor) -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32))
    return pixels[None].clamp(0, 1).to(like)
