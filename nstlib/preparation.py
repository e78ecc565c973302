"""What a run needs before it begins: its pictures, its network and its sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nstlib.arguments import plain_number
from nstlib.color import match_color
from nstlib.images import Picture, load_image, resize_image, resized_shape
from nstlib.networks import FeatureNetwork, least_size, scaled_size
from nstlib.objectives.styles import Style, as_styles, check_dealt
from nstlib.optimize import Stage, plan_stages
from nstlib.pyramid import count_scales

MIRRORED = 4  # pixels that a picture must have to be mirrored at its edges


def one_picture(name: str, source: Picture) -> Tensor:
    """`load_image(source)`; ValueError, which says what to do, where `source` is a list of pictures."""
    if isinstance(source, (list, tuple)):
        raise ValueError(
            f"{name} is a {type(source).__name__} of {len(source)}; wanted one picture. Call the function once for "
            f'each of them, or nstlib.sweep({{"{name}": [...]}}, {{...}}, folder="outputs").'
        )
    return load_image(source)


def first_image(init: str | Tensor, content: Tensor, style: Tensor, seed: int) -> Tensor:
    """The picture to start from, of the shape of `content`."""
    shape = tuple(content.shape[-2:])
    if isinstance(init, Tensor):
        if init.ndim != 4 or init.shape[:2] != (1, 3):
            raise ValueError(
                f"init is a tensor of shape {tuple(init.shape)}; wanted (1, 3, height, width), as load_image gives."
            )
        return resize_image(load_image(init).to(content), shape)
    if init == "noise":  # drawn on the CPU: the same on every device
        return torch.rand(content.shape, generator=torch.Generator().manual_seed(seed)).to(content)
    if init in ("content", "style"):
        return resize_image({"content": content, "style": style}[init], shape)
    raise ValueError(f'init is {init!r}; it must be "content", "noise", "style" or an image tensor.')


def read_styles(
    style: Picture | Sequence[Picture],
    style_weights: Sequence[float] | None,
    mask: Picture | Sequence[Picture] | None,
    style_masks: Picture | Sequence[Picture | None] | None,
    content: Tensor,
) -> list[Style]:
    """The paintings and their masks, read; ValueError as `gatys_objective` raises it."""

    def read(source):
        if isinstance(source, (list, tuple)):
            return [read(each) for each in source]
        return None if source is None else load_image(source).to(content.device)

    return as_styles(read(style), style_weights, read(mask), read(style_masks), content.shape[-2:])


def in_colors_of(content: Tensor, styles: Sequence[Style], keep_colors: str | None) -> list[Style]:
    """The paintings as `style_transfer` takes them; where it changes their colours, no larger than needed for that."""
    if keep_colors in (None, "luminance"):
        return list(styles)

    def matched(style: Tensor) -> Tensor:
        side = min(max(style.shape[-2:]), 2 * max(content.shape[-2:]))
        return match_color(resize_image(style, side), content, keep_colors)

    return [style._replace(painting=matched(style.painting)) for style in styles]


def styles_at(styles: Sequence[Style], shape: Sequence[int], style_scale: float) -> dict:
    """The paintings and masks as keywords of `gatys_objective`, for a picture of `shape`."""
    side = scaled_size(max(shape), style_scale)
    regions = [None if each.region is None else resize_image(each.region, tuple(shape)) for each in styles]
    parts = [each.part for each in styles]
    return {
        "style": [resize_image(each.painting, side) for each in styles],
        "style_weights": None if len(styles) == 1 else [each.share for each in styles],
        "mask": None if regions[0] is None else regions,
        "style_masks": parts if any(part is not None for part in parts) else None,
    }


def check_style_scale(style_scale: object) -> float:
    """`style_scale` as one of Python's numbers, or a ValueError where it is far from what makes sense."""
    number = plain_number(style_scale)
    if number is None or not 0.1 <= number <= 10:
        raise ValueError(f"style_scale is {style_scale!r}; it must be a number from 0.1 to 10, for example 0.5 or 2.")
    return float(number)


def check_split(
    styles: Sequence[Style], style_mix: str, shape: Sequence[int], wanted: dict, style_scale: float
) -> None:
    """ValueError where layers or sizes are dealt out, and there are too few of them for the paintings."""
    if style_mix not in ("layers", "scales"):
        return
    counts, layers = {"layers": len(wanted["style_layers"])}, [*wanted["content_layers"], *wanted["style_layers"]]
    if style_mix == "scales":
        content = torch.empty(1, 3, *shape, device="meta")  # only its shape counts
        paintings = styles_at(styles, shape, style_scale)["style"]
        counts["scales"] = min(count_scales(content, painting, layers, wanted["scales"]) for painting in paintings)
    check_dealt(styles, style_mix, counts[style_mix])


def named_shapes(content: Tensor, styles: Sequence[Style]) -> dict[str, Sequence[int]]:
    """As `check_shapes` wants them."""
    names = ["painting", *(f"painting {number}" for number in range(2, len(styles) + 1))]
    paintings = zip(names, styles, strict=True)
    return {"photograph": content.shape[-2:], **{name: each.painting.shape[-2:] for name, each in paintings}}


def narrowest(styles: Sequence[Style], style_scale: float = 1) -> float:
    """Shorter side of the narrowest painting, as a share of the result's longer side."""
    return min(style_scale * min(each.painting.shape[-2:]) / max(each.painting.shape[-2:]) for each in styles)


def tensors_of(styles: Sequence[Style]) -> dict[str, list[Tensor]]:
    """The paintings and the masks, by which a checkpoint knows them again."""
    masks = [each.painting.new_zeros(0) if m is None else m for each in styles for m in (each.region, each.part)]
    return {"style": [each.painting for each in styles], "mask": masks}


def for_pictures(
    network: FeatureNetwork,
    precision: str,
    edges: str,
    shape: Sequence[int],
    styles: Sequence[Style],
    style_scale: float = 1,
) -> FeatureNetwork:
    """A copy of `network` for the optimisation; without mirrored edges where a picture is too small for them."""
    side = scaled_size(max(shape), style_scale)
    narrow = min(*shape, *(min(resized_shape(each.painting.shape[-2:], side)) for each in styles))
    return network.for_optimization(precision, edges if narrow >= MIRRORED else "zeros")


def precision_of(network: FeatureNetwork) -> str:
    return str(network.dtype).removeprefix("torch.")


def stages_for(
    shape: Sequence[int],
    layers: Sequence[str],
    steps: int,
    method: str,
    coarse_to_fine: bool,
    *,
    narrowest: float = 1,
) -> list[Stage]:
    """The sizes of a run for a picture of this shape: one, or from coarse to fine (`plan_stages`)."""
    stages = [Stage(tuple(shape), steps)]
    if coarse_to_fine:
        stages = plan_stages(shape, steps, least=max(map(least_size, layers)), narrowest=narrowest)
    # Adam scales each pixel by itself
    return [stage._replace(preconditioning=0) for stage in stages] if method == "adam" else stages
