"""Figures of style and of painting it: which paintings are alike, how much each layer counts, how a run went."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from nstlib.plots.figures import Figure, show_history
from nstlib.plots.palette import BLACK, BLUE, COLORS, GREEN, ORANGE, PURPLE, SKY, VERMILION, YELLOW


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

    palette = [ORANGE, BLUE, GREEN, PURPLE, VERMILION, SKY, YELLOW, BLACK]
    names = list(dict.fromkeys(groups))
    figure = Figure(figsize=(size * 1.25, size), layout="constrained")
    figure.photographs = True
    axis, points = figure.subplots(), points.detach().float().cpu()
    for point, image, group in zip(points, images, groups, strict=True):
        color = palette[names.index(group) % len(palette)]
        picture = image[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0)
        thumbnail = OffsetImage(picture.numpy(), zoom=30 / max(picture.shape[:2]))
        axis.add_artist(
            AnnotationBbox(thumbnail, point.tolist(), pad=0.12, bboxprops={"edgecolor": color, "linewidth": 2.4})
        )
    low, high = points.amin(0), points.amax(0)
    margin = 0.1 * (high - low)
    axis.set(
        xlim=(low[0] - margin[0], high[0] + margin[0]),
        ylim=(low[1] - margin[1], high[1] + margin[1]),
        xticks=[],
        yticks=[],
    )
    handles = [
        axis.plot([], [], "s", ms=9, color=palette[k % len(palette)], label=name)[0] for k, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    axis.spines[:].set_color("0.8")
    return figure


def show_kernel(kernel: Tensor, split: int, *, titles: Sequence[str] = ("x", "a"), height: float = 3.6) -> Figure:
    """Kernel values between all pairs of two samples, drawn as one square of four blocks with the mean of each block
    written in it.

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
            axis.text(
                centres[across],
                centres[down],
                f"mean {matrix[parts[down], parts[across]].mean():,.0f}",
                ha="center",
                va="center",
                fontsize=10,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 3},
            )
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
        bars = axis.bar(
            [index + (k - (len(weights) - 1) / 2) * width for index in range(len(layers))],
            relative,
            width * 0.92,
            label=name,
            color=[BLUE, ORANGE, PURPLE, GREEN][k % 4],
        )
        axis.bar_label(
            bars, [f"{value:,.0f}" if value >= 10 else f"{value:.2g}" for value in relative], fontsize=8, padding=1
        )
    axis.set(yscale="log", ylabel="weight, against the last layer")
    axis.set_xticks(range(len(layers)), layers)
    axis.margins(y=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9)
    return figure


def show_overshoots(history: Sequence[Mapping[str, float]], *, marks: Sequence[int] = ()) -> Figure:
    """`show_history` of the steps that went well, from a tenth of the last sum of losses to twice the first.

    A step with a larger sum than the first is left out of the curves: it is a triangle at the upper edge, with its
    number.
    """
    names = [key for key in history[0] if key not in ("step", "time", "size", "total")]
    sums = {record["step"]: sum(record[name] for name in names) for record in history}
    first, last = (sums[record["step"]] for record in (history[0], history[-1]))
    over = [step for step, value in sums.items() if value > first]
    figure = show_history([record for record in history if record["step"] not in over], marks=marks)
    axis, top = figure.axes[0], 2 * first
    axis.set(xlim=(0, history[-1]["step"]), ylim=(last / 10, top))
    triangles = {"color": COLORS["total"], "ms": 6, "clip_on": False, "label": "larger than at step 1"}
    axis.plot(over, [top] * len(over), "v", **triangles)
    for step in over:
        axis.annotate(str(step), (step, top), (0, 5), textcoords="offset points", ha="center", fontsize=8)
    axis.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.93))
    return figure


def show_gradient_norms(norms: Mapping[str, Mapping[str, float]], *, height: float = 2.2) -> Figure:
    """How hard each part of the objective pulls on the picture: a panel for each moment, all on one scale.

    Parameters
    ----------
    norms : title of a panel -> name of a part -> length of its gradient; all panels have the same parts
    height : in inches
    """
    parts = list(next(iter(norms.values())))
    figure = Figure(figsize=(0.9 + 2.2 * len(norms), height), layout="constrained")
    axes = figure.subplots(1, len(norms), squeeze=False, sharex=True, sharey=True)[0]
    for axis, (title, lengths) in zip(axes, norms.items(), strict=True):
        values = [lengths[part] for part in parts]
        bars = axis.barh(parts, values, color=[COLORS.get(part, COLORS["style"]) for part in parts])
        labels = [f"{value:.1f}" if 0 < value < 10 else f"{value:.0f}" for value in values]
        axis.bar_label(bars, labels, fontsize=9, padding=3)
        axis.set_title(title, fontsize=10)
        axis.tick_params(length=0)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    axes[0].margins(x=0.18)
    figure.supxlabel("length of the gradient", fontsize=10)
    return figure
