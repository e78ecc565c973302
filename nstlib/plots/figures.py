"""Figures that show themselves, and the plainest of them: pictures in rows, losses over steps."""

import io
import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as PlainFigure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from nstlib.plots.palette import COLORS, GREEN


class Figure(PlainFigure):
    """A figure that shows itself as the last value of a notebook's cell, with no pyplot: photographs as JPEG, drawings
    as PNG.
    """

    photographs = False

    def _bytes(self, kind: str) -> bytes:
        FigureCanvasAgg(self)
        file = io.BytesIO()
        self.savefig(file, format=kind, dpi=80, pil_kwargs={"quality": 72} if kind == "jpeg" else None)
        return file.getvalue()

    def _repr_jpeg_(self) -> bytes | None:
        return self._bytes("jpeg") if self.photographs else None

    def _repr_png_(self) -> bytes | None:
        return None if self.photographs else self._bytes("png")


def show_images(
    images: Mapping[str, Tensor] | Sequence[Tensor], *, columns: int | None = None, height: float = 2.6
) -> Figure:
    """Pictures side by side, each with its title.

    Parameters
    ----------
    images : title -> Tensor (1, 3, H, W) or (1, 1, H, W) in [0, 1]; or Tensors alone, without titles
    columns : pictures in a row; all in one row where None
    height : of a row, in inches
    """
    titles, pictures = titled(images)
    columns = min(columns or len(pictures), len(pictures))
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    shapes = [
        max((row[c].shape[-1] / row[c].shape[-2] for row in rows if c < len(row)), default=1) for c in range(columns)
    ]
    above = 0.23 + 0.17 * (1 + max(title.count("\n") for title in titles))  # a title's height
    figure = Figure(figsize=(height * sum(shapes) + 0.1 * columns, (height + above) * len(rows)), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw={"width_ratios": shapes})
    for index, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(color="0.8", linewidth=0.5)  # so that a white picture has an edge
        axis.set_visible(index < len(pictures))
        if index < len(pictures):
            picture = pictures[index][0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0)
            axis.imshow(
                picture.expand(-1, -1, 3) if picture.shape[-1] == 1 else picture,
                interpolation="lanczos",
                aspect="equal",
            )
            axis.set_title(titles[index], fontsize=10)
    return figure


def show_history(history: Sequence[Mapping[str, float]], *, marks: Sequence[int] = ()) -> Figure:
    """The losses of a `Result` as they fall, on a logarithmic scale; steps in `marks` get a line.

    Where the size of the picture changed, the background does: the curve then jumps, for it speaks of another picture.
    """
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    steps = [record["step"] for record in history]
    for name in [key for key in history[0] if key not in ("step", "time", "size", "total")]:
        axis.plot(steps, [record[name] for record in history], label=name, color=COLORS.get(name), lw=1.8)
    sizes = [record["size"] for record in history]
    for index, size in enumerate(sorted(set(sizes))):
        there = [step for step, other in zip(steps, sizes, strict=True) if other == size]
        axis.axvspan(there[0] - 0.5, there[-1] + 0.5, color="0.5", alpha=0.06 * (index % 2) + 0.02, lw=0)
        axis.text(
            (there[0] + there[-1]) / 2,
            0.97,
            f"{size} px",
            transform=axis.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=9,
            color="0.35",
        )
    for mark in marks:
        axis.axvline(mark, color="0.6", lw=0.8, ls=":")
    axis.set(
        yscale="log",
        xlabel="step (one evaluation of both losses and their gradient)",
        ylabel="weighted loss",
        xlim=(0, steps[-1]),
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.93))
    return figure


def show_paths(f: Callable[[Tensor], Tensor], paths: Mapping[str, Tensor], *, height: float = 2.6) -> Figure:
    """Walks of optimisers over a function of two unknowns, on its lines of equal value.

    Parameters
    ----------
    f : function of a Tensor (2, ...), elementwise over the rest
    paths : name -> Tensor (steps, 2), the places visited, in order
    height : in inches
    """
    places = torch.cat(list(paths.values()))
    low, high = places.min(0).values, places.max(0).values
    margin = 0.15 * (high - low)
    x, y = (torch.linspace(low[i] - margin[i], high[i] + margin[i], 160) for i in (0, 1))
    values = f(torch.stack(torch.meshgrid(x, y, indexing="xy")))
    figure = Figure(figsize=(3.6 * len(paths), height), layout="constrained")
    axes = figure.subplots(1, len(paths), squeeze=False, sharex=True, sharey=True)[0]
    for axis, (name, path), color in zip(
        axes, paths.items(), itertools.cycle((COLORS["style"], COLORS["content"], GREEN)), strict=False
    ):
        axis.contour(x, y, values.sqrt(), levels=10, colors="0.75", linewidths=0.8)
        axis.plot(path[:, 0], path[:, 1], "o-", color=color, ms=3, lw=1)
        axis.plot(0, 0, "k+", ms=10)
        axis.set_title(f"{name}, {len(path)} steps", fontsize=10)
        axis.set(xlabel="x₁", ylabel="x₂" if axis is axes[0] else "")
    return figure


def titled(images: Mapping[str, Tensor] | Sequence[Tensor]) -> tuple[list[str], list[Tensor]]:
    titles, pictures = (
        zip(*images.items(), strict=True) if isinstance(images, Mapping) else ([""] * len(images), images)
    )
    for picture in pictures:
        if picture.ndim != 4 or picture.shape[0] != 1 or picture.shape[1] not in (1, 3):
            raise ValueError(
                f"A picture to show is a tensor of shape {tuple(picture.shape)}; wanted (1, 3, H, W) or (1, 1, H, W)."
            )
    return list(titles), list(pictures)
