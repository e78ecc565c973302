"""Gram matrices: one, by layer, as a difference, entry by entry (lesson 04)."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from nstlib.plots.figures import Figure


def show_gram(
    grams: Mapping[str, Tensor] | Tensor, *, order: Sequence[int] | None = None, height: float = 3.2
) -> Figure:
    """Gram matrices, (1, N, N) or (N, N), as images side by side on one scale; `order` rearranges the filters in all of
    them.

    The scale ends at what one entry in 200 exceeds, in the matrix where that is largest.
    """
    named = grams if isinstance(grams, Mapping) else {"": grams}
    matrices = {name: gram.detach().float().cpu().reshape(gram.shape[-2:]) for name, gram in named.items()}
    order = list(range(next(iter(matrices.values())).shape[0])) if order is None else list(order)
    # Entries span decades: the square root of |G| shows the weak ones too.
    shown = {name: gram[order][:, order].abs().sqrt() for name, gram in matrices.items()}
    # One filter's own entry may be far above all others
    high = max(gram.quantile(0.995).item() for gram in shown.values()) or 1.0
    above = any(gram.max().item() > high for gram in shown.values())
    figure = Figure(figsize=((height + 0.2) * len(shown) + 0.9, height + 0.4), layout="constrained")
    # a colour bar of several axes makes the layout forget part of the titles
    figure.get_layout_engine().set(h_pad=0.08)
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for axis, (name, gram) in zip(axes, shown.items(), strict=True):
        drawn = axis.imshow(gram, cmap="viridis", vmin=0, vmax=high, interpolation="nearest")
        axis.set_title(name, fontsize=10)
        axis.set(xlabel="filter j", ylabel="filter i" if axis is axes[0] else "")
    figure.colorbar(drawn, ax=list(axes), label="√|Gᵢⱼ|", shrink=0.8, extend="max" if above else "neither")
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
    figure.photographs = True  # matrices are as rich as photographs: a quarter of the bytes
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
        axes[0, column].set_title(f"{layer}, {len(order)} filters", fontsize=10)
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
    marks : pairs (i, j) of filters to draw a ring around, in the lower triangle of the difference
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
    first, second = first[order][:, order], second[order][:, order]
    change = (first - second).sign() * (first - second).abs().sqrt()
    high = max(first.abs().quantile(0.99).item(), second.abs().quantile(0.99).item()) ** 0.5
    reach = change.abs().quantile(0.99).item() or 1
    figure = Figure(figsize=(3 * height + 1.8, height + 0.3), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(1, 3)
    for axis, matrix, title in zip(
        axes, (first.abs().sqrt(), second.abs().sqrt(), change), [*titles, f"{titles[0]} − {titles[1]}"], strict=True
    ):
        signed = axis is axes[2]
        drawn = axis.imshow(
            matrix,
            cmap="PuOr_r" if signed else "viridis",
            vmin=-reach if signed else 0,
            vmax=reach if signed else high,
            interpolation="nearest",
        )
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="filter j, reordered", ylabel="filter i, reordered" if axis is axes[0] else "")
        if axis is not axes[0]:
            figure.colorbar(
                drawn,
                ax=axis,
                label="±√|difference|" if signed else "√|Gᵢⱼ|",
                shrink=0.85,
                extend="both" if signed else "max",
            )
    for i, j in marks:
        across, down = sorted((order.index(i), order.index(j)))
        axes[2].plot(across, down, "o", ms=11, mfc="none", mec="black", mew=1.5)
    return figure


def show_gram_pair(features: Tensor, i: int, j: int, *, image: Tensor | None = None, height: float = 2.5) -> Figure:
    """One entry of a Gram matrix as pictures: filter i's map, filter j's map, and their product, whose sum is Gᵢⱼ.

    Parameters
    ----------
    features : Tensor (1, N, h, w), of one picture at one layer
    i, j : which two filters; the same number gives an entry of the diagonal
    image : Tensor (1, 3, H, W), optional: the picture itself, drawn first
    height : in inches

    The two maps share one scale. The title of the product says its sum, Gᵢⱼ, and that per position, Gᵢⱼ / M.
    """
    first, second = (features[0, k].detach().float().cpu() for k in (i, j))
    product = first * second
    panels = [
        (first, f"filter {i}"),
        (second, f"filter {j}"),
        (product, f"product: sum {product.sum():,.0f}, mean {product.mean():.2g}"),
    ]
    count, shape = len(panels) + (image is not None), first.shape[1] / first.shape[0]
    figure = Figure(figsize=(count * (height * shape + 0.15) + 1.2, height + 0.3), layout="constrained")
    figure.photographs = True
    axes = list(figure.subplots(1, count))
    for axis in axes:
        axis.axis("off")
    if image is not None:
        axis = axes.pop(0)
        axis.imshow(image[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0), interpolation="lanczos")
        axis.set_title("picture", fontsize=10)
    high = max(first.max().item(), second.max().item())
    for axis, (panel, title) in zip(axes, panels, strict=True):
        top = product.max().item() if panel is product else high
        drawn = axis.imshow(
            panel, cmap="inferno" if panel is product else "viridis", vmin=0, vmax=top or 1, interpolation="nearest"
        )
        axis.set_title(title, fontsize=10)
        if axis is not axes[0]:
            figure.colorbar(drawn, ax=axis, shrink=0.75, aspect=15)
    return figure


def _per_position(features: Tensor) -> Tensor:
    """G / M of one picture at one layer, (N, N) on the CPU."""
    flat = features[0].detach().float().cpu().flatten(1)  # (N, M)
    return flat @ flat.T / flat.shape[1]
