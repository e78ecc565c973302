"""Small drawings that keep to the colours of the page, dark or light: text and lines take the colour of the text around
them.
"""

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
from torch import Tensor

from nstlib.objectives import Objective, gradient_shares
from nstlib.plots.palette import ON_ANY_GROUND


class Charts:
    """Both charts of a run, in two HTML widgets: they are of the picture that they were drawn for last."""

    def __init__(self, chart: widgets.HTML, bars: widgets.HTML):
        self._chart, self._bars = chart, bars
        self._image: Tensor | None = None  # that the bars belong to

    def clear(self) -> None:
        """Charts that say nothing."""
        self._chart.value, self._bars.value, self._image = loss_chart([]), share_bars({}), None

    def draw(self, history: Sequence[Mapping[str, float]], image: Tensor, objective: Objective) -> None:
        """The losses so far, and what pulls at `image`. Bars that cannot be had stay empty: they end no run."""
        self._chart.value = loss_chart(history)
        if image is self._image:
            return
        shares = {}
        with contextlib.suppress(RuntimeError, MemoryError):
            shares = gradient_shares(image, objective)
        self._bars.value, self._image = share_bars(shares), image


def loss_chart(history: Sequence[Mapping[str, float]], width: int = 350, height: int = 146) -> str:
    """Both weighted losses by step on a logarithmic scale, as SVG; `history` holds "step", "content" and "style".

    The scale reaches from the largest loss to the smallest one. Of the first two steps only the largest counts: their
    pictures are the photograph or almost the photograph, so their content losses are 0 or almost 0.
    """
    left, top, right, bottom = 44, 16, width - 8, height - 20
    values = [[record[kind] for kind in ON_ANY_GROUND if record[kind] > 0] for record in history]
    high = math.ceil(math.log10(max(itertools.chain(*values), default=1)))
    low = min(high - 1, math.floor(math.log10(min(itertools.chain(*(values[2:] or values)), default=0.1))))
    every = 1 + (high - low) // 9  # powers of ten for a line, so that their numbers have room
    last = max((record["step"] for record in history), default=1)

    def place(step: float, value: float) -> str:
        share = (math.log10(value) - low) / (high - low)
        return f"{left + (right - left) * step / last:.1f},{bottom - (bottom - top) * min(max(share, 0), 1):.1f}"

    said = "".join(f", {kind} {history[-1][kind]:.2g}" for kind in ON_ANY_GROUND) if history else ""
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="weighted losses by step; at step {last}{said}" '
        'style="font: 11px var(--jp-ui-font-family, sans-serif)" fill="currentColor" stroke="none">'
    ]
    for power in range(low, high + 1, every):
        y = bottom - (bottom - top) * (power - low) / (high - low)
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end" opacity="0.75">10<tspan dy="-4" font-size="8">{power}</tspan></text>'
        )
    for kind, color in ON_ANY_GROUND.items():
        points = " ".join(place(record["step"], record[kind]) for record in history if record[kind] > 0)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.8"/>')
    parts.append(
        f'<text x="{left}" y="11" opacity="0.75">weighted losses of the picture</text><text x="{right}" y="{height - 5}" text-anchor="end" '
        f'opacity="0.75">step {last}</text>'
    )
    for k, (kind, color) in enumerate(ON_ANY_GROUND.items()):
        parts.append(f'<text x="{right - 62 * k}" y="11" text-anchor="end" fill="{color}">{kind}</text>')
    return "".join([*parts, "</svg>"])


def share_bars(shares: Mapping[str, float]) -> str:
    """Bars, one for each loss of each layer, with its share in per cent."""
    rows = [
        '<div style="font-size: 11px; line-height: 17px"><span style="opacity: 0.75">share of the gradient, by layer</span>'
    ]
    for name, share in shares.items():
        color = ON_ANY_GROUND[name.split()[0]]
        rows.append(
            f'<div style="display: flex"><span style="width: 92px">{name}</span><span style="flex: 1; padding-top: 3px">'
            f'<span style="display: block; height: 10px; background: {color}; width: {100 * share:.1f}%"></span></span>'
            f'<span style="width: 40px; text-align: right">{_percent(share)}</span></div>'
        )
    return "".join([*rows, "</div>"])


def _percent(share: float) -> str:
    return "&lt; 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
