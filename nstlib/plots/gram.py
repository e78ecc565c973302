"""Gram matrices: one, by layer, as a difference, entry by entry (lesson 04)."""

import itertools
from collections.abc import Mapping, Sequence

from torch import Tensor

from nstlib.plots.figures import Figure


def show_gram(
    grams: Mapping[str, Tensor] | Tensor,
    *,
    order: Sequence[int] | None = None,
    label: str = "√|Gᵢⱼ|",
    height: float = 3.2,
) -> Figure:
    """Gram matrices, (1, N, N) or (N, N), as images side by side on one scale.

    Parameters
    ----------
    grams : one matrix, or title -> matrix
    order : of the filters, in all of them; as they are numbered where None
    label : what the colours show; √(Gᵢⱼ / M) if the matrices are per position
    height : in inches

    Entries span decades: the square root shows the weak ones too. A matrix with negative entries (a covariance) gives
    all of them signed colours, orange above zero and violet below. The scale ends at what one entry in 200 exceeds, in
    the matrix where that is largest.
    """
    named = grams if isinstance(grams, Mapping) else {"": grams}
    matrices = {name: gram.detach().float().cpu().reshape(gram.shape[-2:]) for name, gram in named.items()}
    rows = list(range(next(iter(matrices.values())).shape[0])) if order is None else list(order)
    shown = {name: _signed_root(gram[rows][:, rows]) for name, gram in matrices.items()}
    # One filter's own entry may be far above all others
    high = max(gram.abs().quantile(0.995).item() for gram in shown.values()) or 1.0
    above = any(gram.abs().max().item() > high for gram in shown.values())
    signed = any(gram.min().item() < -0.01 * high for gram in shown.values())
    figure = Figure(
        figsize=((height + 0.2) * len(shown) + (1.3 if signed else 0.9), height + 0.4), layout="constrained"
    )
    # a colour bar of several axes makes the layout forget part of the titles
    figure.get_layout_engine().set(h_pad=0.08)
    figure.photographs = len(rows) > 64  # large matrices are as rich as photographs: a quarter of the bytes
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for axis, (name, gram) in zip(axes, shown.items(), strict=True):
        drawn = _draw_matrix(axis, gram, high, signed=signed)
        axis.set_title(name, fontsize=10)
        _name_filters(axis, first=axis is axes[0], reordered=order is not None)
    extend = ("both" if signed else "max") if above else "neither"
    figure.colorbar(drawn, ax=list(axes), label=f"± {label}" if signed else label, shrink=0.8, extend=extend)
    return figure


def cluster_order(gram: Tensor) -> list[int]:
    """An order of the filters that puts those which fire together side by side; for the `order` of the functions here.

    Parameters
    ----------
    gram : Tensor (1, N, N) or (N, N)
        A Gram matrix, normalised or not. Filters i and j are near where Gᵢⱼ / √(Gᵢᵢ Gⱼⱼ) is near 1; from these
        distances grows a tree, whose leaves are turned so that neighbours are as near as the tree allows (average
        linkage, optimal leaf order).

    Returns
    -------
    list of N whole numbers: a permutation of 0 … N − 1; filters that never fire come last.

    Examples
    --------
    >>> import torch
    >>> order = cluster_order(torch.tensor([[1.0, 0.0, 0.9], [0.0, 1.0, 0.1], [0.9, 0.1, 1.0]]))
    >>> order in ([0, 2, 1], [1, 2, 0])  # 0 and 2 fire together
    True
    """
    from scipy.cluster.hierarchy import (  # here, not above: scipy comes with scikit-image and is slow to import
        leaves_list,
        linkage,
    )
    from scipy.spatial.distance import squareform

    matrix = gram.detach().cpu().double().reshape(gram.shape[-2:])
    fires, dead = (
        part.flatten().tolist() for part in ((matrix.diagonal() > 0).nonzero(), (matrix.diagonal() <= 0).nonzero())
    )
    if len(fires) < 3:
        return fires + dead
    matrix = matrix[fires][:, fires]
    strength = matrix.diagonal().sqrt()
    distance = (1 - matrix / strength.outer(strength)).clamp(0, 2).fill_diagonal_(0)
    tree = linkage(squareform(distance.numpy(), checks=False), "average", optimal_ordering=True)
    return [fires[i] for i in leaves_list(tree)] + dead


def show_layer_grams(
    features: Mapping[str, Mapping[str, Tensor]],
    *,
    orders: Mapping[str, Sequence[int]] | None = None,
    height: float = 1.9,
) -> Figure:
    """The Gram matrices of several pictures, layer by layer: a row for each picture, a column for each layer.

    Each matrix is taken per position, G / M, and drawn as √(Gᵢⱼ / M). A column has one order of filters and one scale,
    so its matrices can be compared by eye.

    Parameters
    ----------
    features : picture -> layer -> Tensor (1, N, h, w), what `network(image, layers)` gives; the same layers for each
        picture
    orders : layer -> order of its filters; `cluster_order` of the sum over the pictures where None
    height : of a row, in inches
    """
    grams = {name: {layer: _per_position(f) for layer, f in layers.items()} for name, layers in features.items()}
    layers = list(next(iter(grams.values())))
    figure = Figure(figsize=(height * len(layers) + 0.3, (height + 0.1) * len(grams) + 0.7), layout="constrained")
    # a colour bar of several axes makes the layout forget part of the titles
    figure.get_layout_engine().set(h_pad=0.08)
    figure.photographs = True
    axes = figure.subplots(len(grams), len(layers), squeeze=False)
    for column, layer in enumerate(layers):
        every = [grams[name][layer] for name in grams]
        order = cluster_order(sum(every)) if orders is None else list(orders[layer])
        high = max(gram.quantile(0.98).item() for gram in every) ** 0.5
        for axis, name, gram in zip(axes[:, column], grams, every, strict=True):
            drawn = axis.imshow(
                gram[order][:, order].sqrt(), cmap="viridis", vmin=0, vmax=high, interpolation="nearest"
            )
            axis.set(xticks=[], yticks=[])
            if column == 0:
                axis.set_ylabel(name, fontsize=10)
        axes[0, column].set_title(f"{layer}\n{len(order)} filters", fontsize=10)
        bar = figure.colorbar(
            drawn, ax=axes[:, column].tolist(), location="bottom", shrink=0.8, aspect=25, extend="max"
        )
        bar.set_ticks([0, high], labels=["0", f"{high:.1f}"])
    return figure


def show_gram_difference(
    gram: Tensor,
    other: Tensor,
    *,
    titles: Sequence[str] = ("G", "A"),
    order: Sequence[int] | None = None,
    marks: Sequence[tuple[int, int]] = (),
    label: str = "√|Gᵢⱼ|",
    height: float = 3.1,
) -> Figure:
    """Two Gram matrices on one scale, and their difference: where filters fire together more in the one, and where in
    the other.

    Parameters
    ----------
    gram, other : Tensor (1, N, N) or (N, N)
        Comparable ones: of pictures with as many positions, or each divided by its own.
    titles : two names
    order : of the filters, in all three panels; `cluster_order` of the sum where None
    marks : pairs (i, j) of filters to draw a ring around, in the lower triangle of the difference; their numbers stand
        beside it
    label : what the colours show; √(Gᵢⱼ / M) if the matrices are per position
    height : in inches

    The first two panels show √|Gᵢⱼ| as `show_gram` does; the third the root of |G − A| with its sign, orange where the
    first is larger.
    """
    if gram.shape[-1] != other.shape[-1]:
        raise ValueError(
            f"The Gram matrices are of {gram.shape[-1]} and {other.shape[-1]} filters; take both from the same layer."
        )
    first, second = (g.detach().float().cpu().reshape(g.shape[-2:]) for g in (gram, other))
    order = cluster_order(first + second) if order is None else list(order)
    matrices = [_signed_root(m[order][:, order]) for m in (first, second, first - second)]
    high = max(m.abs().quantile(0.99).item() for m in matrices[:2]) or 1.0
    reach = matrices[2].abs().quantile(0.99).item() or 1.0
    figure = Figure(figsize=(3 * height + 1.8, height + 0.3), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(1, 3)
    for axis, matrix, title in zip(axes, matrices, [*titles, f"{titles[0]} − {titles[1]}"], strict=True):
        signed = axis is axes[2]
        drawn = _draw_matrix(axis, matrix, reach if signed else high, signed=signed)
        axis.set_title(title, fontsize=10)
        _name_filters(axis, first=axis is axes[0], reordered=True)
        if axis is not axes[0]:
            text, extend = ("±√|difference|", "both") if signed else (label, "max")
            figure.colorbar(drawn, ax=axis, label=text, shrink=0.85, extend=extend)
    for (i, j), side in zip(marks, itertools.cycle((-1, 1))):  # labels to the left above and to the right below
        place = sorted((order.index(i), order.index(j)))
        axes[2].plot(*place, "o", ms=11, mfc="none", mec="black", mew=1.5)
        axes[2].annotate(
            f"{i}, {j}",
            place,
            xytext=(12 * side, -12 * side),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=9,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )
    return figure


def show_gram_pair(
    features: Mapping[str, Tensor] | Tensor,
    i: int,
    j: int,
    *,
    images: Mapping[str, Tensor] | None = None,
    height: float = 2.5,
) -> Figure:
    """One entry of a Gram matrix as pictures: filter i's map, filter j's map, and their product, whose sum is Gᵢⱼ.

    Parameters
    ----------
    features : Tensor (1, N, h, w), of one picture at one layer; or name -> such a tensor, a row for each
    i, j : which two filters; the same number gives an entry of the diagonal
    images : name -> Tensor (1, 3, H, W), optional: the pictures themselves, drawn first
    height : of a row, in inches

    All maps share one scale, and all products another. The title of a product says its sum, Gᵢⱼ, and that per position,
    Gᵢⱼ / M.
    """
    named = features if isinstance(features, Mapping) else {"picture": features}
    maps = {name: [f[0, k].detach().float().cpu() for k in (i, j)] for name, f in named.items()}
    products = {name: first * second for name, (first, second) in maps.items()}
    high = max(m.max().item() for pair in maps.values() for m in pair) or 1.0
    top = max(product.max().item() for product in products.values()) or 1.0
    shape = max(first.shape[1] / first.shape[0] for first, _ in maps.values())
    count = 3 + (images is not None)
    size = (count * (height * shape + 0.15) + 1.2, (height + 0.3) * len(named))
    figure = Figure(figsize=size, layout="constrained")
    figure.photographs = True
    for row, name in zip(figure.subplots(len(named), count, squeeze=False), named, strict=True):
        axes = list(row)
        if images is not None:
            axes[0].imshow(_pixels(images[name]), interpolation="lanczos")
            axes.pop(0).set_title(name, fontsize=10)
        titles = (
            f"filter {i}",
            f"filter {j}",
            f"product: sum {products[name].sum():,.0f}, mean {products[name].mean():.2g}",
        )
        for axis, panel, title in zip(axes, [*maps[name], products[name]], titles, strict=True):
            is_product = panel is products[name]
            colours = {"cmap": "inferno", "vmax": top} if is_product else {"cmap": "viridis", "vmax": high}
            drawn = axis.imshow(panel, vmin=0, interpolation="nearest", **colours)
            axis.set_title(title, fontsize=10)
            if axis is not axes[0]:
                figure.colorbar(drawn, ax=axis, shrink=0.75, aspect=15)
        for axis in row:
            axis.axis("off")
    return figure


def _per_position(features: Tensor) -> Tensor:
    """G / M of one picture at one layer, (N, N) on the CPU."""
    flat = features[0].detach().float().cpu().flatten(1)  # (N, M)
    return flat @ flat.T / flat.shape[1]


def _signed_root(matrix: Tensor) -> Tensor:
    return matrix.sign() * matrix.abs().sqrt()


def _pixels(image: Tensor) -> Tensor:
    return image[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0)


def _draw_matrix(axis, matrix: Tensor, high: float, *, signed: bool):
    colours = {"cmap": "PuOr_r", "vmin": -high} if signed else {"cmap": "viridis", "vmin": 0}
    return axis.imshow(matrix, vmax=high, interpolation="nearest", **colours)


def _name_filters(axis, *, first: bool, reordered: bool) -> None:
    """Names the axes of a Gram matrix; numbers only where they are the filters' own."""
    ending = ", reordered" if reordered else ""
    axis.set(xlabel=f"filter j{ending}", ylabel=f"filter i{ending}" if first else "")
    if reordered:
        axis.set(xticks=[], yticks=[])
