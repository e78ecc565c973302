"""Four broken programs of lesson 09 that handle pixels: bugs 2, 5, 6 and 7.

The source of each broken version is what the lesson shows (tests/course/test_bugs.py holds the two together).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.functional import normalize

from nstlib.checks.lesson_09_judge import Bug, tensors_of
from nstlib.networks.network import IMAGENET_MEAN, IMAGENET_STD

# Bug 2: (H, W, 3) in bytes -> the same picture, smaller, its longer side `size`


def shrink(pixels, size):  # bytes (H, W, 3) -> smaller, the longer side is `size`
    scale = size / max(pixels.shape[:2])
    new = [round(side * scale) for side in pixels.shape[:2]]
    return np.asarray(Image.fromarray(pixels).resize(new, Image.BILINEAR))


def _new_shape(pixels: np.ndarray, size: int) -> tuple[int, int]:
    height, width = pixels.shape[:2]
    return round(height * size / max(height, width)), round(width * size / max(height, width))


def _shrink_bilinear(pixels: np.ndarray, size: int) -> np.ndarray:
    height, width = _new_shape(pixels, size)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.BILINEAR))


def _shrink_area(pixels: np.ndarray, size: int) -> np.ndarray:
    image = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    small = functional.interpolate(image, _new_shape(pixels, size), mode="area")
    return small[0].permute(1, 2, 0).round().to(torch.uint8).numpy()


def _shrink_nearest(pixels: np.ndarray, size: int) -> np.ndarray:
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(_new_shape(pixels, size), pixels.shape, strict=False)
    )
    return pixels[rows][:, columns]


def _blind_2(calls: Sequence[Mapping]) -> str:
    if all(call["pixels"].shape[0] == call["pixels"].shape[1] for call in calls):
        return "All your pictures are square. Height and width may change places there, and nobody will see it."
    return ""


BUG_2 = Bug(
    told="Pillow wants (width, height) and got (height, width).",
    broken=shrink,
    right=_shrink_bilinear,
    others=((_shrink_area, "takes the mean of each area"), (_shrink_nearest, "takes the nearest pixel")),
    blind=_blind_2,
    hints=(
        "The photograph comes out upright. For which shape of picture does the program work?",
        "Test with a picture that is much wider than it is high.",
        "From (40, 80, 3), size 20 must give (10, 20, 3).",
    ),
)


# Bug 5: (1, 3, H, W) from 0 to 255 -> as torchvision's networks want it: (x − mean) / std with x in [0, 1]


def network_input(image):  # from 0…255 to what torchvision's networks want
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (image - mean) / std


def _input_plain(image: Tensor) -> Tensor:
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    return (image / 255 - mean) / std


def _input_torchvision(image: Tensor) -> Tensor:
    return normalize(image / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))


def _input_double(image: Tensor) -> Tensor:
    mean, std = (torch.tensor(numbers).double().view(1, 3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    return (image.double() * (1 / (255 * std)) - mean / std).float()


def _blind_5(calls: Sequence[Mapping]) -> str:
    if all(bool((image == 0).all()) for image in tensors_of(calls, "image")):
        return "Your pictures are black, and 0 is 0 in both ranges."
    return ""


BUG_5 = Bug(
    told="The network got 0…255 where it was trained with 0…1.",
    broken=network_input,
    right=_input_plain,
    others=((_input_torchvision, "uses torchvision's normalize"), (_input_double, "calculates in double precision")),
    blind=_blind_5,
    hints=(
        "What is the largest number that such a network was ever trained with?",
        "Calculate by hand what a white pixel becomes. White is 255 in this picture, and 1 for the network.",
        "The red number of a white pixel is (1 - 0.485) / 0.229 = 2.2489. Compare with a tolerance.",
    ),
)


# Bug 6: floats in [0, 1] -> bytes, to within one grey level


def to_bytes(image):  # from 0…1 to bytes, to be saved
    image = image - image.min()
    image = image / image.max()
    return (255 * image).round().to(torch.uint8)


def _rounded(image: Tensor) -> Tensor:
    return (255 * image.clamp(0, 1)).round().to(torch.uint8)


def _cut_off(image: Tensor) -> Tensor:
    return (255 * image.clamp(0, 1)).to(torch.uint8)


def _equal_steps(image: Tensor) -> Tensor:
    return (256 * image.clamp(0, 1)).clamp(max=255).to(torch.uint8)


def _blind_6(calls: Sequence[Mapping]) -> str:
    if all(image.min() <= 0 and image.max() >= 1 for image in tensors_of(calls, "image")):
        return "Your pictures hold both black and white, so there is nothing left to stretch."
    return ""


BUG_6 = Bug(
    told="Each picture was stretched to its own darkest and brightest pixel.",
    broken=to_bytes,
    right=_rounded,
    others=(
        (_cut_off, "cuts off the decimals (one grey level of difference is allowed)"),
        (_equal_steps, "divides the range into 256 equal steps (one grey level of difference is allowed)"),
    ),
    blind=_blind_6,
    hints=(
        "Three different exposures give the same bytes. What does the program take from the picture itself?",
        "Test a picture without any black or white in it.",
        "Pixels of 0.4 and 0.6 must become about 102 and 153. Allow one grey level.",
    ),
)


# Bug 7: a painting, scaled to go with a photograph; circles stay circles


def load_style(painting, photo):  # the painting, scaled to go with the photograph
    return functional.interpolate(painting, photo.shape[-2:], mode="bilinear", antialias=True)


def _scaled(painting: Tensor, scale: float) -> Tensor:
    shape = [max(1, round(side * scale)) for side in painting.shape[-2:]]
    return functional.interpolate(painting, shape, mode="bilinear", antialias=True)


def _longer_side(painting: Tensor, photo: Tensor) -> Tensor:
    return _scaled(painting, max(photo.shape[-2:]) / max(painting.shape[-2:]))


def _same_area(painting: Tensor, photo: Tensor) -> Tensor:
    areas = [image.shape[-2] * image.shape[-1] for image in (photo, painting)]
    return _scaled(painting, (areas[0] / areas[1]) ** 0.5)


def _cropped(painting: Tensor, photo: Tensor) -> Tensor:
    """The middle of the painting, in the photograph's shape."""
    height, width = photo.shape[-2:]
    large = _scaled(painting, max(height / painting.shape[-2], width / painting.shape[-1]))
    top, left = max(0, (large.shape[-2] - height) // 2), max(0, (large.shape[-1] - width) // 2)
    return large[..., top : top + height, left : left + width]


def _blind_7(calls: Sequence[Mapping]) -> str:
    pairs = [(call["painting"].shape[-2:], call["photo"].shape[-2:]) for call in calls]
    if all(abs(a[0] * b[1] / (a[1] * b[0]) - 1) < 0.05 for a, b in pairs):
        return "Your painting and your photograph have the same proportions, so nothing is stretched."
    if all(call["painting"].std() < 1e-3 for call in calls):
        return "Your paintings are of one flat colour. What would be stretched there?"
    return ""


BUG_7 = Bug(
    told="The painting was stretched to the photograph's proportions, and its strokes with it.",
    broken=load_style,
    right=_longer_side,
    others=(
        (_same_area, "gives the painting as many pixels as the photograph, in its own proportions"),
        (_cropped, "cuts the middle out of the painting, in the photograph's shape"),
    ),
    blind=_blind_7,
    hints=(
        "What happens to a round brush stroke, if the painting is a square and the photograph is not?",
        "The shape of the answer says little, because a right version may also cut. Paint a disc in the middle of a "
        "square painting, and look what becomes of it.",
        "Count the rows and the columns in which the disc can be seen: (x > 0.5).any(…). They must be almost equal.",
    ),
)
