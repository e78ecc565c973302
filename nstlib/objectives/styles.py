"""The style of one painting or of several: how much each counts at a size, at a layer and in a region."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nstlib.arguments import check_weight
from nstlib.distances import DISTANCES, Distance, Statistic
from nstlib.images import resize_image
from nstlib.masks import BLACK, check_mask, position_weights
from nstlib.networks import FeatureNetwork
from nstlib.pyramid import halve

MIXES = ("losses", "statistics", "layers", "scales")
EPSILON = 1e-12  # no division by zero where a picture excites no filter of a layer


class Style(NamedTuple):
    """A painting, its share in the style (all shares have the sum 1), where in the photograph it counts, and which
    part of it does; None: everywhere, all of it. Masks are (1, 1, H, W), as large as the picture they belong to.
    """

    painting: Tensor
    share: float = 1.0
    region: Tensor | None = None
    part: Tensor | None = None


class Term(NamedTuple):
    """A part of the style loss at one layer and size: factor · distance.loss(features, target, weights)."""

    target: Statistic
    factor: Tensor | float
    weights: Tensor | None


def as_styles(
    style: Tensor | Sequence[Tensor],
    style_weights: Sequence[float] | None,
    mask: Tensor | Sequence[Tensor] | None,
    style_masks: Tensor | Sequence[Tensor | None] | None,
    photograph: Sequence[int],
) -> list[Style]:
    """The paintings, each with what belongs to it, without those of weight 0; `photograph` is the photograph's (H, W).

    ValueError as `gatys_objective` raises it: not one weight or mask for each, a mask that does not fit.
    """
    paintings = list(style) if isinstance(style, (list, tuple)) else [style]
    shares = check_style_weights(style_weights, len(paintings))
    regions = list(mask) if isinstance(mask, (list, tuple)) else [mask]
    if len(paintings) == 2 and len(regions) == 1 and isinstance(mask := regions[0], Tensor):
        if mask.min() >= 1 - BLACK:
            raise ValueError("The mask is white everywhere, so nothing is left for the second painting.")
        regions = [mask, 1 - mask]
    regions = _masks("mask", regions, "photograph", [photograph] * len(paintings))
    if regions[0] is not None and style_weights is not None and len(paintings) > 1:
        raise ValueError(
            "With masks each painting has a region of its own, so there is nothing for style_weights to mix."
        )
    parts = list(style_masks) if isinstance(style_masks, (list, tuple)) else [style_masks]
    parts = _masks("style mask", parts, "painting", [painting.shape[-2:] for painting in paintings])
    return [each for each in map(Style, paintings, shares, regions, parts) if each.share]


def check_style_weights(weights: Sequence[float] | None, paintings: int) -> tuple[float, ...]:
    """The share of each painting: the weights divided by their sum; ValueError where that cannot be.

    >>> check_style_weights([3, 1], 2), check_style_weights(None, 1)
    ((0.75, 0.25), (1.0,))
    """
    if not paintings:
        raise ValueError("style is an empty list; wanted a painting, or several.")
    try:
        given = [1.0] * paintings if weights is None else list(weights)
    except TypeError:
        raise ValueError(f"style_weights is {weights!r}; wanted a list with one number for each painting.") from None
    if len(given) != paintings:
        raise ValueError(f"There are {len(given)} style weights for {paintings} paintings; give one for each.")
    given = [check_weight(f"The style weight of painting {i}", weight) for i, weight in enumerate(given, 1)]
    if not sum(given):
        raise ValueError("All style weights are 0, so no painting counts; style_weight=0 paints without style.")
    return tuple(weight / sum(given) for weight in given)


def _masks(kind: str, masks: list, picture: str, shapes: Sequence[Sequence[int]]) -> list[Tensor | None]:
    """One mask for each painting, grey and as large as the picture that it belongs to."""
    if masks == [None]:
        return [None] * len(shapes)
    if len(masks) != len(shapes):
        also = " (With two paintings one mask is enough: white for the first, black for the second.)"
        raise ValueError(
            f"There are {len(masks)} {kind}s for {len(shapes)} paintings; give one for each, in their order."
            f"{also if kind == 'mask' else ''}"
        )
    found = []
    for number, (mask, shape) in enumerate(zip(masks, shapes, strict=True), 1):
        if mask is not None or kind == "mask":
            name = f"The {kind}{f' of painting {number}' if len(masks) > 1 else ''}"
            mask = resize_image(check_mask(name, mask, picture, shape), tuple(shape))
        found.append(mask)
    return found


def check_mix(mix: str, name: str, styles: Sequence[Style]) -> None:
    """ValueError where paintings cannot be mixed so."""
    if mix not in MIXES:
        raise ValueError(f"style_mix is {mix!r}; it must be one of {', '.join(MIXES)}.")
    if mix != "losses" and any(style.region is not None for style in styles):
        raise ValueError(f'With masks each painting has a region of its own; style_mix must be "losses", not {mix!r}.')
    if mix == "statistics" and DISTANCES[name].mean is None and len(styles) > 1:
        raise ValueError(f'style_loss {name!r} has no mean of two paintings; use style_mix="losses".')


def check_dealt(styles: Sequence[Style], mix: str, count: int) -> None:
    """ValueError where `count` layers or sizes do not reach for all paintings, with the shares that they have."""
    for number in range(len(styles)):
        if not any(_share(styles, number, (index, count)) for index in range(count)):
            raise ValueError(
                f"Painting {number + 1} gets none of the {count} {mix} with these style weights. Use a larger picture, "
                'more scales or layers, or style_mix="losses".'
            )


def style_views(
    styles: Sequence[Style],
    network: FeatureNetwork,
    strengths: Mapping[str, float],
    sizes: Sequence[int],
    distance: Distance,
    mix: str,
    relative: bool,
) -> list[tuple[Tensor | None, list[dict[str, list[Term]]]]]:
    """(region, terms) for each time that the network looks at the picture: once for all paintings, or where they have
    regions, once for each. A region's style is as strong as its part of the picture is large.
    """
    how = sizes, distance, mix, relative
    if all(style.region is None for style in styles):
        return [(None, style_terms(styles, network, strengths, *how))]
    found = []
    for number, style in enumerate(styles, 1):
        own = {l: style.region.mean().item() * strength for l, strength in strengths.items()}
        name = f"painting {number}" if len(styles) > 1 else "the mask"
        found.append((style.region, style_terms([style._replace(share=1.0)], network, own, *how, name)))
    return found


def style_terms(
    styles: Sequence[Style],
    network: FeatureNetwork,
    strengths: Mapping[str, float],
    sizes: Sequence[int],
    distance: Distance,
    mix: str,
    relative: bool,
    name: str = "the style mask",
) -> list[dict[str, list[Term]]]:
    """The terms of each layer, at each of `sizes` (how often the picture is halved).

    A layer's factors at one size add up to its strength, and with `relative`, each is divided by the loss for
    activations of zero.
    """
    layers = list(strengths)
    found, empty = [{l: [] for l in layers} for _ in sizes], [[] for _ in styles]
    for number, style in enumerate(styles):
        for k in sizes:
            region, part = (None if mask is None else halve(mask, k) for mask in (style.region, style.part))
            for at, (l, features) in enumerate(network.activations(halve(style.painting, k), layers)):
                share = _share(styles, number, {"layers": (at, len(layers)), "scales": (k, len(sizes))}.get(mix))
                weights, own = (None if mask is None else position_weights(mask, l) for mask in (region, part))
                if any(w is not None and not w.any() for w in (weights, own)):
                    empty[number].append(l)
                elif share:
                    zeros = torch.zeros_like(features[..., :1, :1]).expand_as(features)  # takes no memory
                    found[k][l].append((share, distance.statistic(features, own), weights, own, zeros))
    _tell_empty(name, empty, len(sizes) * len(layers))
    between = distance.mean if mix == "statistics" and len(styles) > 1 else None
    return [{l: _terms(kept, strengths[l], distance.loss, between, relative) for l, kept in at.items()} for at in found]


def _share(styles: Sequence[Style], number: int, split: tuple[int, int] | None) -> float:
    """Of a painting in the loss of a layer and size. With `split`, (index, count), the layers or sizes are dealt out:
    the first ones to the first painting, as many as its share says.
    """
    style = styles[number]
    if split is None:
        return style.share
    before, middle = sum(each.share for each in styles[:number]), (split[0] + 0.5) / split[1]
    return float(before <= middle < before + style.share)


def _terms(kept: list[tuple], strength: float, loss: Callable, between: Callable | None, relative: bool) -> list[Term]:
    if between and len(kept) > 1:
        shares = [share for share, *_ in kept]
        target = between([target for _, target, *_ in kept], [share / sum(shares) for share in shares])
        kept = [(sum(shares), target, None, None, kept[0][-1])]
    return [
        Term(target, strength * share / (loss(zeros, target, own) + EPSILON if relative else 1), weights)
        for share, target, weights, own, zeros in kept
    ]


def _tell_empty(name: str, empty: list[list[str]], places: int) -> None:
    """A warning where a region is too small for some layers, and a ValueError where it is so for all."""
    for layers in filter(None, empty):
        if len(layers) == places:
            raise ValueError(f"The region of {name} is too small: no style layer has a position there. Make it larger.")
        names = ", ".join(dict.fromkeys(layers))
        told = f"The region of {name} is too small for {names} at some size of the picture, and left out there."
        warnings.warn(told, stacklevel=2)
