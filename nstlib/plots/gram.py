"""Gram matrices: one, by layer, as a difference, entry by entry (lesson 04)."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from nstlib.plots.figures import Figure


def show_gram(grams: Mapping[str, Tensor] | Tensor, *, order: Sequence[int] | None = None, height: float = 3.2) -> Figure:
    """Gram matrices, (1, N, N) or (N, N), as images side by side on one scale; `order` rearranges the filters in all of them.

    The scale ends at what one entry in 200 exceeds, in the matrix where that is largest.
    """
    named = grams if isinstance(grams, Mapping) else {"": grams}
    matrices = {name: gram.detach().float().cpu().reshape(gram.shape[-2:]) for name, gram in named.items()}
    order = list(range(next(iter(matrices.values())).shape[0])) if order is None else list(order)
    # Entries span decades: the square root of |G| shows the weak ones too.
    shown = {name: gram[order][:, order].abs().sqrt() for name, gram in matrices.items()}
    high = max(gram.quantile(0.995).item() for gram in shown.values()) or 1.0  # one filter's own entry may be far above all others
    above = any(gram.max().item() > high for gram in shown.values())
    figure = Figure(figsize=((height + 0.2) * len(shown) + 0.9, height + 0.4), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)  # a colour bar of several axes makes the layout forget part of the titles
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
        A Gram matrix, normalised or not. Filters i and j are near where Gᵢⱼ / √(Gᵢᵢ Gⱼⱼ) is near 1; from these distances grows a tree,
        whose leaves are turned so that neighbours are as near as the tree allows (average linkage, optimal leaf order).

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
    from scipy.cluster.hierarchy import leaves_list, linkage  # here, not above: scipy comes with scikit-image and is slow to import
    from scipy.spatial.distance import squareform

    matrix = gram.detach().cpu().double().reshape(gram.shape[-2:])
    fires, dead = (part.flatten().tolist() for part in ((matrix.diagonal() > 0).nonzero(), (matrix.diagonal() <= 0).nonzero()))
    if len(fires) < 3:
        return fires + dead
    matrix = matrix[fires][:, fires]
    strength = matrix.diagonal().sqrt()
    distance = (1 - matrix / strength.outer(strength)).clamp(0, 2).fill_diagonal_(0)
    tree = linkage(squareform(distance.numpy(), checks=False), "average", optimal_ordering=True)
    return [fires[i] for i in leaves_list(tree)] + dead


def show_layer_grams(features: Mapping[str, Mapping[str, Tensor]], *, orders: Mapping[str, Sequence[int]] | None = None,
                     height: float = 1.9) -> Figure:
    """The Gram matrices of several pictures, layer by layer: a row for each picture, a column for each layer.

    Each matrix is taken per position, G / M, and drawn as √(Gᵢⱼ / M). A column has one order of filters and one scale, so its
    matrices can be compared by eye.

    Parameters
    ----------
    features : picture -> layer -> Tensor (1, N, h, w), what `network(image, layers)` gives; the same layers for each picture
    orders : layer -> order of its filters; `cluster_order` of the sum over the pictures where None
    height : of a row, in inches
    """
    grams = {name: {layer: _per_position(f) for layer, f in layers.items()} for name, layers in features.items()}
    layers = list(next(iter(grams.values())))
    figure = Figure(figsize=(height * len(layers) + 0.3, (height + 0.1) * len(grams) + 0.7), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)  # a colour bar of several axes makes the layout forget part of the titles
    figure.photographs = True  # matrices are as rich as photographs: a quarter of the bytes
    axes = figure.subplots(len(grams), len(layers), squeeze=False)
    for column, layer in enumerate(layers):
        every = [grams[name][layer] for name in grams]
        order = cluster_order(sum(every)) if orders is None else list(orders[layer])
        high = max(gram.quantile(0.98).item() for gram in every) ** 0.5
        for axis, name, gram in zip(axes[:, column], grams, every, strict=True):
            drawn = axis.imshow(gram[order][:, order].sqrt(), cmap="viridis", vmin=0, vmax=high, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            if column == 0:
                axis.set_ylabel(name, fontsize=10)
        axes[0, column].set_title(f"{layer}, {len(order)} filters", fontsize=10)
        bar = figure.colorbar(drawn, ax=axes[:, column].tolist(), location="bottom", shrink=0.8, aspect=25, extend="max")
        bar.set_ticks([0, high], labels=["0", f"{high:.1f}"])
    return figure


def show_gram_difference(gram: Tensor, other: Tensor, *, titles: Sequence[str] = ("G", "A"), order: Sequence[int] | None = None,
                         marks: Sequence[tuple[int, int]] = (), height: float = 3.1) -> Figure:
    """Two Gram matrices on one scale, and their difference: where filters fire together more in the one, and where in the other.

    Parameters
    ----------
    gram, other : Tensor (1, N, N) or (N, N)
        Comparable ones: of pictures with as many positions, or each divided by its own.
    titles : two names
    order : of the filters, in all three panels; `cluster_order` of the sum where None
    marks : pairs (i, j) of filters to draw a ring around, in the lower triangle of the difference
    height : in inches

    The first two panels show √|Gᵢⱼ| as `show_gram` does; the third the root of |G − A| with its sign, orange where the first is larger.
    """
    if gram.shape[-1] != other.shape[-1]:
        raise ValueError(f"The Gram matrices are of {gram.shape[-1]} and {other.shape[-1]} filters; take both from the same layer.")
    first, second = (g.detach().float().cpu().reshape(g.shape[-2:]) for g in (gram, other))
    order = cluster_order(first + second) if order is None else list(order)
    first, second = first[order][:, order], second[order][:, order]
    change = (first - second).sign() * (first - second).abs().sqrt()
    high = max(first.abs().quantile(0.99).item(), second.abs().quantile(0.99).item()) ** 0.5
    reach = change.abs().quantile(0.99).item() or 1
    figure = Figure(figsize=(3 * height + 1.8, height + 0.3), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(1, 3)
    for axis, matrix, title in zip(axes, (first.abs().sqrt(), second.abs().sqrt(), change), [*titles, f"{titles[0]} − {titles[1]}"], strict=True):
        signed = axis is axes[2]
        drawn = axis.imshow(matrix, cmap="PuOr_r" if signed else "viridis", vmin=-reach if signed else 0, vmax=reach if signed else high,
                            interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="filter j, reordered", ylabel="filter i, reordered" if axis is axes[0] else "")
        if axis is not axes[0]:
            figure.colorbar(drawn, ax=axis, label="±√|difference|" if signed else "√|Gᵢⱼ|", shrink=0.85, extend="both" if signed else "max")
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
    panels = [(first, f"filter {i}"), (second, f"filter {j}"),
              (product, f"product: sum {product.sum():,.0f}, mean {product.mean():.2g}")]
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
        drawn = axis.imshow(panel, cmap="inferno" if panel is product else "viridis", vmin=0, vmax=top or 1, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        if axis is not axes[0]:
            figure.colorbar(drawn, ax=axis, shrink=0.75, aspect=15)
    return figure


def show_embedding(points: Tensor, images: Sequence[Tensor], groups: Sequence[str], *, size: float = 6.4) -> Figure:
    """Pictures at points of the plane, those of one group framed in one colour and named where they lie.

    Parameters
    ----------
    points : Tensor (K, 2)
    images : K Tensors (1, 3, H, W), drawn as thumbnails
    groups : K names
    size : of the figure, in inches
    """
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    palette = ["#E69F00", "#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000"]  # Okabe and Ito's
    names = list(dict.fromkeys(groups))
    figure = Figure(figsize=(size * 1.25, size), layout="constrained")
    figure.photographs = True
    axis, points = figure.subplots(), points.detach().float().cpu()
    for point, image, group in zip(points, images, groups, strict=True):
        color = palette[names.index(group) % len(palette)]
        picture = image[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0)
        thumbnail = OffsetImage(picture.numpy(), zoom=30 / max(picture.shape[:2]))
        axis.add_artist(AnnotationBbox(thumbnail, point.tolist(), pad=0.12, bboxprops={"edgecolor": color, "linewidth": 2.4}))
    low, high = points.amin(0), points.amax(0)
    margin = 0.1 * (high - low)
    axis.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]), xticks=[], yticks=[])
    handles = [axis.plot([], [], "s", ms=9, color=palette[k % len(palette)], label=name)[0] for k, name in enumerate(names)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    axis.spines[:].set_color("0.8")
    return figure


def show_kernel(kernel: Tensor, split: int, *, titles: Sequence[str] = ("x", "a"), height: float = 3.6) -> Figure:
    """Kernel values between all pairs of two samples, drawn as one square of four blocks with the mean of each block written in it.

    Parameters
    ----------
    kernel : Tensor (S, S), not negative: the first `split` rows and columns belong to the first sample
    split : size of the first sample
    titles : names of the two
    height : in inches
    """
    matrix = kernel.detach().float().cpu()
    figure = Figure(figsize=(height + 1.5, height + 0.2), layout="constrained")
    figure.photographs = True
    axis, shown = figure.subplots(), matrix.abs().sqrt()
    drawn = axis.imshow(shown, cmap="viridis", vmin=0, vmax=shown.quantile(0.98).item() or 1, interpolation="nearest")
    parts, centres = (slice(0, split), slice(split, None)), ((split - 1) / 2, (split + len(matrix) - 1) / 2)
    for down in (0, 1):
        for across in (0, 1):
            axis.text(centres[across], centres[down], f"mean {matrix[parts[down], parts[across]].mean():,.0f}", ha="center", va="center",
                      fontsize=10, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 3})
    axis.axhline(split - 0.5, color="white", lw=2)
    axis.axvline(split - 0.5, color="white", lw=2)
    axis.set_xticks(centres, titles)
    axis.set_yticks(centres, titles, rotation=90, va="center")
    axis.tick_params(length=0)
    figure.colorbar(drawn, ax=axis, label="√ kernel", shrink=0.85, extend="max")
    return figure


def show_layer_weights(weights: Mapping[str, Mapping[str, float]], *, height: float = 2.6) -> Figure:
    """What several systems weigh each layer with, as bars on a logarithmic scale; each system's deepest layer counts 1.

    Parameters
    ----------
    weights : system -> layer -> number above 0
    height : in inches
    """
    layers = list(next(iter(weights.values())))
    figure = Figure(figsize=(7.4, height), layout="constrained")
    axis, width = figure.subplots(), 0.8 / len(weights)
    for k, (name, by_layer) in enumerate(weights.items()):
        relative = [by_layer[layer] / by_layer[layers[-1]] for layer in layers]
        bars = axis.bar([index + (k - (len(weights) - 1) / 2) * width for index in range(len(layers))], relative, width * 0.92, label=name,
                        color=["#0072B2", "#E69F00", "#CC79A7", "#009E73"][k % 4])
        axis.bar_label(bars, [f"{value:,.0f}" if value >= 10 else f"{value:.2g}" for value in relative], fontsize=8, padding=1)
    axis.set(yscale="log", ylabel="weight, against the last layer")
    axis.set_xticks(range(len(layers)), layers)
    axis.margins(y=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9)
    return figure


def _per_position(features: Tensor) -> Tensor:
    """G / M of one picture at one layer, (N, N) on the CPU."""
    flat = features[0].detach().float().cpu().flatten(1)  # (N, M)
    return flat @ flat.T / flat.shape[1]
