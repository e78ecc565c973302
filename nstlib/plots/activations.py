"""Activation maps, what makes a filter fire, and what depth keeps (lesson 02)."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.cm import ScalarMappable
from matplotlib.ticker import FormatStrFormatter, MaxNLocator
from torch import Tensor

from nstlib.networks import receptive_field
from nstlib.plots.figures import Figure
from nstlib.plots.palette import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILION


def colored(values: Tensor, *, low: float = 0, high: float | None = None, colors: str = "viridis") -> Tensor:
    """Numbers as colours.

    Parameters
    ----------
    values : Tensor (h, w)
    low, high : what gets the first and the last colour, as anything beyond does; the largest value where `high` is None
    colors : name of a colour map of matplotlib

    Returns
    -------
    Tensor (1, 3, h, w) in [0, 1]
    """
    from matplotlib import colormaps

    values = values.detach().float().cpu()
    high = values.max().item() if high is None else high
    scaled = (values - low) / ((high - low) or 1)
    return values.new_tensor(colormaps[colors](scaled.clamp(0, 1).numpy())[..., :3]).permute(2, 0, 1)[None]


def show_activations(
    features: Mapping[str, Tensor] | Tensor,
    *,
    channels: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    layer: str | None = None,
    one_scale: bool = False,
    image: Tensor | None = None,
    columns: int = 8,
    height: float = 1.5,
) -> Figure:
    """Activation maps, each titled with its layer and filter ("relu3_1 · 54").

    Parameters
    ----------
    features : title -> Tensor (1, C, h, w), as a network gives them, or one such Tensor alone
    channels : which filters to show, and in which order, for each title or the same for all; the first `columns` where
        None
    layer : for the titles of the maps, where the keys of `features` are no layers; the keys then stand above their rows
    one_scale : one scale for all maps, to compare the rows; False: a scale for each title
    image : Tensor (1, 3, H, W) in [0, 1], optional
        Drawn in grey under each map, which then covers it only where it fires.
    columns : maps in a row
    height : of a row, in inches

    Notes
    -----
    On a scale without negative numbers (after a ReLU) zero is dark blue and the largest value yellow (viridis); on
    others zero is white, with orange above and purple below. The scale ends at what one number in 500 exceeds.

    Examples
    --------
    >>> import nstlib
    >>> features = nstlib.load_network()(nstlib.load_image("still_life", size=64), ["relu1_1", "relu2_1"])
    >>> figure = show_activations(features, channels=[3, 1, 4])  # two rows of three maps, and two scales
    >>> len(figure.axes), figure.axes[0].get_title()
    (8, 'relu1_1 · 3')
    """
    named = features if isinstance(features, Mapping) else {layer or "": features}
    chosen = {
        title: list(
            channels[title]
            if isinstance(channels, Mapping)
            else range(min(columns, maps.shape[1]))
            if channels is None
            else channels
        )
        for title, maps in named.items()
    }
    for title, maps in named.items():
        if maps.ndim != 4 or maps.shape[0] != 1 or not all(0 <= c < maps.shape[1] for c in chosen[title]):
            raise ValueError(
                f"show_activations got features of shape {tuple(maps.shape)} and channels {chosen[title]}; wanted "
                "(1, C, h, w) and channels from 0 to C - 1."
            )
    shown = {title: maps[0, chosen[title]].detach().float().cpu() for title, maps in named.items()}
    columns = min(columns, max(len(maps) for maps in shown.values()))
    rows = {title: -(-len(maps) // columns) for title, maps in shown.items()}
    scales = {title: _scale([maps]) for title, maps in shown.items()}
    if one_scale:
        scales = dict.fromkeys(shown, _scale(list(shown.values())))
    above = {title: title if layer and isinstance(features, Mapping) else "" for title in shown}
    shape = max(maps.shape[2] / maps.shape[1] for maps in shown.values())
    heights = {title: rows[title] * (height + 0.22) + 0.25 * bool(above[title]) for title in shown}
    figure = Figure(figsize=(columns * height * shape + 0.8, sum(heights.values()) + 0.1), layout="constrained")
    figure.photographs = True
    parts = figure.subfigures(len(shown), 1, squeeze=False, height_ratios=list(heights.values()))[:, 0]
    for part, (title, maps) in zip(parts, shown.items(), strict=True):
        name = title if layer is None else layer
        titles = [f"{name} · {c}" if name else str(c) for c in chosen[title]]
        _activation_rows(part, dict(zip(titles, maps, strict=True)), scales[title], image, (rows[title], columns))
        if above[title]:
            part.suptitle(title, fontsize=10)
    return figure


def strongest_patches(
    features: Sequence[Tensor], images: Sequence[Tensor], layer: str, channel: int, *, count: int = 6
) -> Tensor:
    """The parts of pictures that excite one channel most: the receptive field of its strongest positions, strongest
    first.

    Parameters
    ----------
    features : Tensors (1, C, h, w), the activations of each image at `layer`
    images : Tensors (1, 3, H, W) in [0, 1]
    layer : such as "relu3_1"; says how large the patches are
    channel : 0 to C - 1
    count : how many patches; none whose centre lies in another's inner half, so that they are not all of one place

    Returns
    -------
    Tensor (count, 3, size, size) in [0, 1]; grey where a receptive field reaches out of the picture. Lesson:
    notebooks/02_activations

    Examples
    --------
    >>> image = torch.zeros(1, 3, 8, 8)
    >>> image[0, :, 2, 5] = 1  # one white pixel; a "channel" that repeats it fires there
    >>> strongest_patches([image], [image], "relu1_1", 0, count=1)[0, 0]
    tensor([[0., 0., 0.],
            [0., 1., 0.],
            [0., 0., 0.]])
    """
    size, stride, start = receptive_field(layer)
    maps = [f[0, channel].detach().float().cpu().clone() for f in features]
    reach, patches = max(1, round(size / stride / 4)), []
    for _ in range(count):
        best = max(range(len(maps)), key=lambda n: maps[n].max())
        i, j = divmod(int(maps[best].argmax()), maps[best].shape[1])
        maps[best][max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1] = -torch.inf
        wide = torch.nn.functional.pad(images[best][0].detach().float().cpu(), (size,) * 4, value=0.5)
        top, left = i * stride + start + size, j * stride + start + size
        patches.append(wide[:, top : top + size, left : left + size])
    return torch.stack(patches)


def show_patches(patches: Mapping[str, Tensor], *, columns: int = 1, height: float = 0.8) -> Figure:
    """Rows of small pictures, each row with its title, all pictures drawn equally large and with their pixels visible.

    Parameters
    ----------
    patches : title -> Tensor (count, 3, s, s) in [0, 1], as `strongest_patches` gives
    columns : how many titles stand side by side; they follow each other row by row
    height : of a small picture, in inches
    """
    rows, count = -(-len(patches) // columns), max(len(p) for p in patches.values())
    figure = Figure(figsize=(columns * (count * height + 0.15), rows * (height + 0.3)), layout="constrained")
    figure.photographs = True
    for part, (title, row) in zip(figure.subfigures(rows, columns, squeeze=False).flat, patches.items(), strict=False):
        for axis, patch in zip(part.subplots(1, count, squeeze=False)[0], row, strict=False):
            axis.imshow(patch.detach().clamp(0, 1).float().cpu().permute(1, 2, 0), interpolation="nearest")
        for axis in part.axes:
            axis.axis("off")
        part.suptitle(title, fontsize=10)
    return figure


def show_weights(
    weights: Tensor, *, channels: Sequence[int] | None = None, columns: int = 8, height: float = 1.0
) -> Figure:
    """First-layer filters as small pictures: grey is a weight of zero, a bright colour wants more of it, a dark one
    less.

    Parameters
    ----------
    weights : Tensor (N, 3, k, k), red, green, blue; each filter is scaled by its own largest weight
    channels : which filters, in which order; all where None
    columns : filters in a row
    height : of a row, in inches
    """
    channels = range(len(weights)) if channels is None else channels
    pictures = {str(c): 0.5 + 0.5 * weights[c][None] / weights[c].abs().max() for c in channels}
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(columns * height, rows * (height + 0.22)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
        axis.imshow(picture[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0), interpolation="nearest")
        axis.set_title(title, fontsize=8, pad=2)
    for axis in axes.flat:
        axis.axis("off")
    return figure


def show_by_layer(
    panels: Mapping[str, Mapping[str, Mapping[str, float | Sequence[float]]]],
    *,
    ylabel: str = "",
    log: bool = False,
    width: float = 4.6,
    height: float = 3.2,
) -> Figure:
    """One number for each layer, as lines: panels side by side on one scale, with the same layers.

    Parameters
    ----------
    panels : title -> name of a line -> layer -> number, or several numbers (of several networks, say): then the line is
        their mean, and a band reaches from the smallest to the largest
    ylabel : what the number is
    log : logarithmic scale
    width, height : of a panel, in inches
    """
    figure = Figure(figsize=(width * len(panels) + 1.6, height), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    colors, marks = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, INK), "osD^vX"
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for index, (name, values) in enumerate(lines.items()):
            several = [list(v) if isinstance(v, Sequence) else [v] for v in values.values()]
            means, color = [sum(numbers) / len(numbers) for numbers in several], colors[index % 6]
            axis.plot(list(values), means, label=name, color=color, marker=marks[index % 6], ms=4.5, lw=1.6)
            if any(len(numbers) > 1 for numbers in several):
                axis.fill_between(
                    list(values), list(map(min, several)), list(map(max, several)), color=color, alpha=0.2, lw=0
                )
        axis.set_title(title, fontsize=10)
        axis.tick_params(axis="x", rotation=60, labelsize=8)
        axis.grid(axis="y", color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set(ylabel=ylabel, yscale="log" if log else "linear", **({} if log else {"ylim": (0, None)}))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    return figure


def _scale(groups: Sequence[Tensor]) -> tuple[float, float]:
    """The ends of a colour scale for groups of maps (C, h, w). The upper end is what one number in 500 exceeds, in the
    group where that is largest; the lower one is 0, or minus that where a number is negative.
    """
    reach = max(g.abs().flatten().sort().values[int(0.998 * (g.numel() - 1))].item() for g in groups) or 1.0
    return (-reach if any(bool((g < 0).any()) for g in groups) else 0, reach)


def _activation_rows(
    part, maps: Mapping[str, Tensor], scale: tuple[float, float], image: Tensor | None, shape: tuple[int, int]
) -> None:
    """Maps (h, w) by title on one scale, into a part of a figure."""
    low, high = scale
    axes = part.subplots(*shape, squeeze=False)
    for axis, (title, values) in zip(axes.flat, maps.items(), strict=False):
        alpha, box = None, (0, values.shape[1], values.shape[0], 0)
        if image is not None:
            axis.imshow(image[0].detach().float().cpu().mean(0), cmap="gray", vmin=0, vmax=1, extent=box)
            alpha = (2 * values.abs() / high - 0.15).clamp(0, 0.85).numpy()
        drawn = axis.imshow(
            values,
            cmap="PuOr_r" if low < 0 else "viridis",
            vmin=low,
            vmax=high,
            alpha=alpha,
            interpolation="nearest",
            extent=box,
        )
        axis.set_title(title, fontsize=8, pad=2)
    for axis in axes.flat:
        axis.axis("off")
    bar = part.colorbar(
        ScalarMappable(drawn.norm, drawn.cmap),
        ax=axes,
        fraction=0.03,
        pad=0.01,
        shrink=0.9,
        extend="both" if low < 0 else "max",
    )
    bar.ax.tick_params(labelsize=7)
    # Short: the layout leaves too little room for "10.0"
    bar.locator, bar.formatter = MaxNLocator(4), FormatStrFormatter("%g")
    bar.update_ticks()
