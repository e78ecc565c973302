"""Figures of experiments: the front between two losses, and how far several pictures are from each other."""

from collections.abc import Mapping, Sequence

from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from torch import Tensor

from nstlib.plots.figures import Figure, titled
from nstlib.plots.palette import BLUE, GREY, INK, VERMILION

THUMBNAIL = 62  # points, its longer side


def show_front(
    content: Sequence[float],
    style: Sequence[float],
    images: Mapping[str, Tensor],
    *,
    marked: str | None = None,
    height: float = 3.8,
) -> Figure:
    """The trade-off between two losses: a point for each run. Left on plain axes, each with its picture; right the same
    points on logarithmic axes.

    Parameters
    ----------
    content, style : the two losses of each run, above 0
    images : title -> Tensor (1, 3, H, W) in [0, 1], one for each run and in the same order
    marked : title of the run that gets another colour
    height : in inches
    """
    titles, pictures = titled(images)
    figure = Figure(figsize=(height * 2.6, height), layout="constrained")
    figure.photographs = True
    plain, log = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.75, 1]})
    colors = [VERMILION if title == marked else BLUE for title in titles]
    for axis in (plain, log):
        axis.plot(content, style, "-", color=GREY, lw=1.2, zorder=1)
        for x, y, color in zip(content, style, colors, strict=True):
            axis.plot(x, y, "o", ms=6, color=color, zorder=3)
        axis.set(xlabel="content loss", ylabel="style loss")
        axis.spines[["top", "right"]].set_visible(False)
    plain.set(xlim=(-0.02 * max(content), 1.2 * max(content)), ylim=(-0.04 * max(style), 1.35 * max(style)))
    log.set(xscale="log", yscale="log", title="logarithmic axes")
    for x, y, title, picture, color in zip(content, style, titles, pictures, colors, strict=True):
        pixels = picture[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0).numpy()
        box = AnnotationBbox(
            OffsetImage(pixels, zoom=THUMBNAIL / max(pixels.shape[:2])),
            (x, y),
            xybox=(44, 38),
            boxcoords="offset points",
            pad=0.1,
            bboxprops={"edgecolor": color, "linewidth": 2 if title == marked else 1},
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.8},
        )
        plain.add_artist(box)
        plain.annotate(
            title, (x, y), (44, 65), textcoords="offset points", ha="center", va="bottom", fontsize=8, color=INK
        )
    return figure


def show_distances(matrix: Tensor, names: Sequence[str], *, label: str = "distance", height: float = 4.4) -> Figure:
    """Distances between all pairs of pictures, as a square of shades with the numbers written in it.

    Parameters
    ----------
    matrix : Tensor (K, K), not negative
    names : K titles, for rows and columns
    label : of the colour bar
    height : in inches
    """
    values = matrix.detach().float().cpu()
    if values.shape != (len(names), len(names)):
        raise ValueError(f"There are {len(names)} names for a matrix of shape {tuple(values.shape)}; wanted one a row.")
    figure = Figure(figsize=(height + 1.6, height), layout="constrained")
    axis, largest = figure.subplots(), values.max().item() or 1
    drawn = axis.imshow(values, cmap="viridis", vmin=0, vmax=largest)
    for row in range(len(names)):
        for column in range(len(names)):
            value = values[row, column].item()
            color = "black" if value > 0.6 * largest else "white"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(length=0)
    figure.colorbar(drawn, ax=axis, label=label, shrink=0.85)
    return figure
