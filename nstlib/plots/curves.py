"""Curves to compare: losses over evaluations, over rates, curvature over frequency (lesson 08)."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from torch import Tensor

from nstlib.plots.figures import Figure
from nstlib.plots.palette import LINES

Curve = tuple[Sequence[float] | Tensor, Sequence[float] | Tensor]


def show_curves(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    xlabel: str | Sequence[str],
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "log",
    points: bool = False,
    height: float = 2.9,
) -> Figure:
    """Curves in panels side by side, on one vertical scale; a curve of several seeds as its median, in a band from the
    smallest to the largest.

    Parameters
    ----------
    panels : title -> name of a curve -> (x, y): x with n numbers, y with n, or with (seeds, n)
    xlabel : for all panels, or one for each
    ylabel : of the first panel
    xscale, yscale : "linear" or "log"
    points : draw a point at each x; where y is not finite, a cross at the upper edge
    height : in inches
    """
    figure = Figure(figsize=(4.2 * len(panels) + 1.7, height), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    xlabels = [xlabel] * len(panels) if isinstance(xlabel, str) else xlabel
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    handles = {}
    for axis, (title, curves), label in zip(axes, panels.items(), xlabels, strict=True):
        for name, (x, y) in curves.items():
            color = LINES[names.index(name) % len(LINES)]
            x = torch.as_tensor(x).detach().double().cpu()
            y = torch.as_tensor(y).detach().double().cpu().reshape(-1, len(x))
            finite = y.isfinite().all(0)
            middle = torch.where(finite, y.median(0).values, torch.nan)
            (handles[name],) = axis.plot(x, middle, "o-" if points else "-", color=color, lw=1.8, ms=4, label=name)
            if len(y) > 1:
                axis.fill_between(x, y.amin(0), y.amax(0), where=finite, color=color, alpha=0.25, lw=0)
            if points:
                lost = x[~finite]
                axis.plot(
                    lost, [1.0] * len(lost), "x", color=color, transform=axis.get_xaxis_transform(), clip_on=False
                )
        axis.set_title(title, fontsize=10)
        axis.set(xscale=xscale, yscale=yscale, xlabel=label)
        axis.spines[["top", "right"]].set_visible(False)
        for scale, side in ((xscale, axis.xaxis), (yscale, axis.yaxis)):
            if scale == "log":
                low, high = side.get_view_interval()
                side.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
                side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                side.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel(ylabel)
    figure.legend(handles.values(), handles, loc="outside right center", frameon=False, fontsize=9)
    return figure
