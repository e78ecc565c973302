"""Arrays of numbers, filters and their results, receptive fields, profiles from the border (lesson 01)."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from nstlib.plots.figures import Figure
from nstlib.plots.palette import BLACK, GREEN, ORANGE, PURPLE, SKY, VERMILION


def show_arrays(
    arrays: Mapping[str, Tensor], *, marks: Mapping[str, tuple[int, int, int, int]] | None = None, cell: float = 0.42
) -> Figure:
    """Small arrays side by side, every number written in its square; orange above zero, purple below, one scale for
    all.

    Parameters
    ----------
    arrays : title -> Tensor (H, W), a dozen rows at most
    marks : title -> (row, column, height, width) of a rectangle to outline in that array
    cell : side of a square, in inches
    """
    panels = {title: array.detach().float().cpu() for title, array in arrays.items()}
    rows = max(panel.shape[0] for panel in panels.values())
    # Room for the title
    widths = [max(panel.shape[1] + 0.6, 0.085 * len(title) / cell) for title, panel in panels.items()]
    high = max(panel.abs().max().item() for panel in panels.values()) or 1
    figure = Figure(figsize=(cell * sum(widths) + 0.2, cell * rows + 0.45), layout="constrained")
    for axis, (title, panel), width in zip(
        figure.subplots(1, len(panels), squeeze=False, gridspec_kw={"width_ratios": widths})[0],
        panels.items(),
        widths,
        strict=True,
    ):
        _numbers(axis, panel, cmap="PuOr_r", low=-high, high=high, size=9 if cell >= 0.4 else 7)
        for down, across, tall, wide in [marks[title]] if marks and title in marks else []:
            axis.add_patch(Rectangle((across - 0.5, down - 0.5), wide, tall, fill=False, lw=2.5, ec="black", zorder=3))
        middle = ((panel.shape[1] - 1) / 2, (panel.shape[0] - 1) / 2)  # one size of square in all panels
        axis.set(
            xlim=(middle[0] - width / 2, middle[0] + width / 2),
            ylim=(middle[1] + rows / 2 + 0.05, middle[1] - rows / 2 - 0.05),
        )
        axis.set_title(title, fontsize=10)
    return figure


def show_pixels(image: Tensor, top: int, left: int, *, side: int = 5, height: float = 2.5) -> Figure:
    """A picture, a few of its pixels enlarged, and the numbers behind them: one array for each of red, green and blue.

    Parameters
    ----------
    image : Tensor (1, 3, H, W) in [0, 1]
    top, left : row and column of the first pixel to enlarge
    side : how many rows and columns of them
    height : in inches
    """
    picture = image[0].detach().clamp(0, 1).float().cpu()
    patch = picture[:, top : top + side, left : left + side]
    shape = picture.shape[2] / picture.shape[1]
    figure = Figure(figsize=(height * (shape + 4) + 0.6, height + 0.3), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(1, 5, gridspec_kw={"width_ratios": [shape, 1, 1, 1, 1]})
    axes[0].imshow(picture.permute(1, 2, 0).numpy(), interpolation="lanczos")
    for color, width in (("white", 3.5), ("black", 1.5)):
        axes[0].add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, lw=width, ec=color))
    axes[0].set_title(f"{picture.shape[1]} rows, {picture.shape[2]} columns", fontsize=10)
    axes[1].imshow(patch.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes[1].set_title(f"rows {top} to {top + side - 1}, columns {left} to {left + side - 1}", fontsize=9)
    for axis, channel, name in zip(axes[2:], patch, ("red", "green", "blue"), strict=True):
        _numbers(axis, channel, cmap="gray", low=0, high=1, size=8, form="{:.2f}")
        axis.set_title(name, fontsize=10)
    for axis in axes:
        axis.axis("off")
    return figure


def show_signed(
    maps: Mapping[str, Tensor], *, columns: int | None = None, height: float = 2.4, reach: float | None = None
) -> Figure:
    """Maps with a sign side by side on one scale: orange above zero, white at zero, purple below.

    Parameters
    ----------
    maps : title -> Tensor (1, 1, h, w)
    columns : maps in a row; all in one row where None
    height : of a row, in inches
    reach : the value drawn darkest; where None, what one value in 200 exceeds
    """
    panels = {title: _one_map(values) for title, values in maps.items()}
    columns = min(columns or len(panels), len(panels))
    rows = -(-len(panels) // columns)
    shape = max(panel.shape[1] / panel.shape[0] for panel in panels.values())
    reach = reach or _reach(panels.values())
    figure = Figure(figsize=(columns * (height * shape + 0.1) + 0.8, rows * (height + 0.3)), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (title, panel) in zip(axes.flat, panels.items(), strict=False):
        drawn = axis.imshow(panel.numpy(), cmap="PuOr_r", vmin=-reach, vmax=reach)
        axis.set_title(title, fontsize=10)
    figure.colorbar(drawn, ax=axes, shrink=0.85, extend="both")
    return figure


def show_filters(
    filters: Mapping[str, Tensor], results: Mapping[str, Tensor], *, columns: int = 3, width: float = 3.5
) -> Figure:
    """Filters and what they make of a picture: above, the weights on red, green and blue; below, the result with its
    sign.

    Parameters
    ----------
    filters : title -> Tensor (1, 3, k, k)
    results : the same titles -> Tensor (1, 1, h, w)
    columns : filters in a row
    width : of a column, in inches

    All weights share one scale and all results another: orange above zero, white at zero, purple below.
    """
    panels = {title: _one_map(results[title]) for title in filters}
    columns = min(columns, len(filters))
    rows, shape = -(-len(filters) // columns), max(panel.shape[0] / panel.shape[1] for panel in panels.values())
    top, reach = max(weights.abs().max().item() for weights in filters.values()), _reach(panels.values())
    figure = Figure(figsize=(columns * width + 0.7, rows * width * (shape + 0.46)), layout="constrained")
    figure.photographs = True
    pictures, scale = figure.subfigures(1, 2, width_ratios=[columns * width, 0.7])
    for part, (title, weights) in zip(
        pictures.subfigures(rows, columns, squeeze=False).flat, filters.items(), strict=False
    ):
        grid = part.add_gridspec(2, 3, height_ratios=[0.3, shape])
        for channel, name in enumerate(("red", "green", "blue")):
            axis = part.add_subplot(grid[0, channel])
            _numbers(
                axis,
                weights[0, channel].detach().float().cpu(),
                cmap="PuOr_r",
                low=-top,
                high=top,
                size=6.5,
                form="{:.2f}",
            )
            axis.set_title(name, fontsize=8, pad=2)
        below = part.add_subplot(grid[1, :])
        drawn = below.imshow(panels[title].numpy(), cmap="PuOr_r", vmin=-reach, vmax=reach)
        below.axis("off")
        part.suptitle(title, fontsize=11)
    figure.colorbar(drawn, cax=scale.add_axes([0.1, 0.2, 0.2, 0.6]), extend="both")
    return figure


def show_receptive_fields(image: Tensor, fields: Mapping[str, Tensor], *, height: float = 3.6) -> Figure:
    """What one position of each layer can see: its square on the picture, and how much each pixel of it counts.

    Parameters
    ----------
    image : Tensor (1, 3, H, W) in [0, 1]
    fields : layer -> Tensor (1, 1, H, W): the gradient of one position of that layer with respect to the pixels, none
        below zero
    height : of the picture, in inches

    The squares enclose what is not zero. Each small map has its own scale, from zero to its largest value.
    """
    panels = {layer: _one_map(field) for layer, field in fields.items()}
    columns = -(-len(panels) // 2)
    shape = image.shape[3] / image.shape[2]
    figure = Figure(figsize=(height * shape * (1 + columns / 2) + 0.3, height + 0.2), layout="constrained")
    figure.photographs = True
    grid = figure.add_gridspec(2, columns + 1, width_ratios=[2] + [1] * columns)
    picture = figure.add_subplot(grid[:, 0])
    picture.imshow(image[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0).numpy(), interpolation="lanczos")
    picture.axis("off")
    colors = (BLACK, ORANGE, SKY, GREEN, VERMILION, PURPLE)
    for index, (layer, panel) in enumerate(panels.items()):
        down, across = (panel.amax(axis).nonzero().flatten().tolist() for axis in (1, 0))
        tall, wide = down[-1] - down[0] + 1, across[-1] - across[0] + 1
        for color, line in (("white", 3.5), (colors[index % 6], 2)):
            picture.add_patch(Rectangle((across[0] - 0.5, down[0] - 0.5), wide, tall, fill=False, lw=line, ec=color))
        axis = figure.add_subplot(grid[index // columns, 1 + index % columns])
        axis.imshow(panel.numpy(), cmap="viridis", vmin=0)
        axis.set_title(f"{layer}: {tall} × {wide}", fontsize=10)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(color=colors[index % 6], linewidth=2.5)
    return figure


def show_profiles(
    panels: Mapping[str, Mapping[str, Tensor]],
    *,
    width: int,
    reaches: Mapping[str, float],
    ylabel: str = "",
    height: float = 2.9,
) -> Figure:
    """Numbers against the distance from the left border: panels side by side on one scale, a line for each layer.

    Parameters
    ----------
    panels : title -> layer -> Tensor (w,), one number for each position of a row, from the left border on
    width : of the picture, in pixels; the w positions of a layer share it evenly
    reaches : layer -> a distance in pixels to mark with a dashed line of the layer's colour
    ylabel : what the numbers are
    height : in inches
    """
    figure = Figure(figsize=(4.3 * len(panels) + 1.6, height), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for (layer, values), color in zip(lines.items(), (BLACK, ORANGE, SKY, GREEN, VERMILION, PURPLE), strict=False):
            step = width / len(values)
            edges = [step * position for position in range(len(values) + 1)]
            axis.stairs(values.detach().float().cpu().numpy(), edges, color=color, lw=2, label=layer, baseline=None)
            axis.axvline(reaches[layer], color=color, lw=1.2, ls="--")
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="distance from the border, in pixels", xlim=(0, 1.2 * max(reaches.values())), ylim=(0, None))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(ylabel)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    return figure


def _numbers(
    axis: Axes, array: Tensor, *, cmap: str, low: float, high: float, size: float, form: str = "{:.3g}"
) -> None:
    """An array as coloured squares with its numbers written in them, dark on light and light on dark."""
    drawn = axis.imshow(array.numpy(), cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    axis.axis("off")
    rows, columns = array.shape
    for line in range(rows + 1):
        axis.plot([-0.5, columns - 0.5], [line - 0.5] * 2, color="0.75", lw=0.6)
    for line in range(columns + 1):
        axis.plot([line - 0.5] * 2, [-0.5, rows - 0.5], color="0.75", lw=0.6)
    for row in range(rows):
        for column in range(columns):
            value = array[row, column].item()
            red, green, blue, _ = drawn.cmap(drawn.norm(value))
            text = form.format(value + 0.0).replace("-", "−")  # + 0.0: no "−0"
            axis.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=size,
                color="white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black",
            )


def _one_map(values: Tensor) -> Tensor:
    """(1, 1, h, w) as (h, w) on the CPU."""
    if values.ndim != 4 or values.shape[:2] != (1, 1):
        raise ValueError(
            f"A map has shape {tuple(values.shape)}; wanted (1, 1, h, w). features[:, 3:4] is one channel of many."
        )
    return values[0, 0].detach().float().cpu()


def _reach(panels: Iterable[Tensor]) -> float:
    """The absolute value that one number in 200 exceeds, over all panels."""
    numbers = sorted(value for panel in panels for value in panel.abs().flatten()[::7].tolist())
    return numbers[int(0.995 * (len(numbers) - 1))] or 1.0
