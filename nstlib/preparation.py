"""What a run needs before it begins: its pictures, its network and its sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nstlib.color import match_color
from nstlib.images import Picture, load_image, resize_image, resized_shape
from nstlib.networks import FeatureNetwork, least_size
from nstlib.optimize import Stage, plan_stages

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


def in_colors_of(content: Tensor, style: Tensor, keep_colors: str | None) -> Tensor:
    """The painting as `style_transfer` takes it; where it changes its colours, no larger than needed for that."""
    if keep_colors in (None, "luminance"):
        return style
    side = min(max(style.shape[-2:]), 2 * max(content.shape[-2:]))
    return match_color(resize_image(style, side), content, keep_colors)


def for_pictures(
    network: FeatureNetwork, precision: str, edges: str, shape: Sequence[int], style: Tensor
) -> FeatureNetwork:
    """A copy of `network` for the optimisation; without mirrored edges where a picture is too small for them."""
    narrow = min(*shape, *resized_shape(style.shape[-2:], max(shape)))
    return network.for_optimization(precision, edges if narrow >= MIRRORED else "zeros")


def precision_of(network: FeatureNetwork) -> str:
    return str(network.dtype).removeprefix("torch.")


def stages_for(
    shape: Sequence[int],
    style_shape: Sequence[int],
    layers: Sequence[str],
    steps: int,
    method: str,
    coarse_to_fine: bool,
) -> list[Stage]:
    """The sizes of a run for pictures of these shapes: one, or from coarse to fine (`plan_stages`)."""
    stages = [Stage(tuple(shape), steps)]
    if coarse_to_fine:
        stages = plan_stages(
            shape, steps, least=max(map(least_size, layers)), narrowest=min(style_shape) / max(style_shape)
        )
    # Adam scales each pixel by itself
    return [stage._replace(preconditioning=0) for stage in stages] if method == "adam" else stages
