"""Every figure of the course; the only module that uses matplotlib. Each function returns its Figure and works without a display.

Pictures of one row have one height, titles name what differs, colour maps are colour-blind safe.
"""

import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as PlainFigure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

COLORS = {"content": "#0072B2", "style": "#D55E00", "tv": "#999999", "total": "#222222"}  # Okabe and Ito's, colour-blind safe


class Figure(PlainFigure):
    """A figure that shows itself as the last value of a notebook's cell, with no pyplot: photographs as JPEG, drawings as PNG."""

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


def show_images(images: Mapping[str, Tensor] | Sequence[Tensor], *, columns: int | None = None, height: float = 2.6) -> Figure:
    """Pictures side by side, each with its title.

    Parameters
    ----------
    images : title -> Tensor (1, 3, H, W) or (1, 1, H, W) in [0, 1]; or Tensors alone, without titles
    columns : pictures in a row; all in one row where None
    height : of a row, in inches
    """
    titles, pictures = _titled(images)
    columns = min(columns or len(pictures), len(pictures))
    rows = [pictures[i:i + columns] for i in range(0, len(pictures), columns)]
    shapes = [max((row[c].shape[-1] / row[c].shape[-2] for row in rows if c < len(row)), default=1) for c in range(columns)]
    figure = Figure(figsize=(height * sum(shapes) + 0.1 * columns, (height + 0.3) * len(rows)), layout="constrained")
    figure.photographs = True
    axes = figure.subplots(len(rows), columns, squeeze=False, gridspec_kw={"width_ratios": shapes})
    for index, axis in enumerate(axes.flat):
        axis.axis("off")
        if index < len(pictures):
            picture = pictures[index][0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0)
            axis.imshow(picture.expand(-1, -1, 3) if picture.shape[-1] == 1 else picture, interpolation="lanczos", aspect="equal")
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
        axis.text((there[0] + there[-1]) / 2, 0.97, f"{size} px", transform=axis.get_xaxis_transform(), ha="center", va="top",
                  fontsize=9, color="0.35")
    for mark in marks:
        axis.axvline(mark, color="0.6", lw=0.8, ls=":")
    axis.set(yscale="log", xlabel="step (one evaluation of both losses and their gradient)", ylabel="weighted loss", xlim=(0, steps[-1]))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="center right")
    return figure


def show_gram(grams: Mapping[str, Tensor] | Tensor, *, order: Sequence[int] | None = None, height: float = 3.2) -> Figure:
    """Gram matrices, (1, N, N) or (N, N), as images side by side on one scale; `order` rearranges the filters in all of them."""
    named = grams if isinstance(grams, Mapping) else {"": grams}
    matrices = {name: gram.detach().float().cpu().reshape(gram.shape[-2:]) for name, gram in named.items()}
    order = list(range(next(iter(matrices.values())).shape[0])) if order is None else list(order)
    # Entries span decades: the square root of |G| shows the weak ones too.
    shown = {name: gram[order][:, order].abs().sqrt() for name, gram in matrices.items()}
    high = max(gram.max().item() for gram in shown.values())
    figure = Figure(figsize=((height + 0.2) * len(shown) + 0.9, height + 0.3), layout="constrained")
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for axis, (name, gram) in zip(axes, shown.items(), strict=True):
        drawn = axis.imshow(gram, cmap="viridis", vmin=0, vmax=high, interpolation="nearest")
        axis.set_title(name, fontsize=10)
        axis.set(xlabel="filter j", ylabel="filter i" if axis is axes[0] else "")
    figure.colorbar(drawn, ax=list(axes), label="√|Gᵢⱼ|", shrink=0.8)
    return figure


def _titled(images: Mapping[str, Tensor] | Sequence[Tensor]) -> tuple[list[str], list[Tensor]]:
    titles, pictures = zip(*images.items(), strict=True) if isinstance(images, Mapping) else ([""] * len(images), images)
    for picture in pictures:
        if picture.ndim != 4 or picture.shape[0] != 1 or picture.shape[1] not in (1, 3):
            raise ValueError(f"show_images got a tensor of shape {tuple(picture.shape)}; wanted (1, 3, H, W) or (1, 1, H, W).")
    return list(titles), list(pictures)
