"""Losses of a few programs over their steps (lesson 09)."""

from collections.abc import Mapping, Sequence

from matplotlib.ticker import MaxNLocator

from nstlib.plots.figures import Figure
from nstlib.plots.palette import LINES


def show_losses(curves: Mapping[str, Sequence[float]], *, log: bool = True, height: float = 2.3) -> Figure:
    """The loss at each step, a line for each program, on one scale.

    Parameters
    ----------
    curves : title -> numbers above 0, one for each step
    log : whether that scale is logarithmic
    height : in inches
    """
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axis = figure.subplots()
    for (title, values), color in zip(curves.items(), LINES, strict=False):
        axis.plot(range(1, len(values) + 1), values, label=title, color=color, lw=1.8)
    axis.set(yscale="log" if log else "linear", xlabel="step", ylabel="loss", xlim=(1, max(map(len, curves.values()))))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
