"""Content: reconstructions by depth, and the gradient of equation 2 (lesson 03)."""

from collections.abc import Mapping, Sequence

from matplotlib.patches import Rectangle
from torch import Tensor

from nstlib.plots.figures import Figure, titled
from nstlib.plots.palette import INK, LINES


def show_reconstructions(
    photo: Tensor,
    reconstructions: Mapping[str, Tensor],
    *,
    losses: Mapping[str, float] | None = None,
    detail: tuple[int, int, int] | None = None,
    height: float = 1.9,
) -> Figure:
    """The photograph and what each layer gives back of it, in one row; below, a detail of each.

    Parameters
    ----------
    photo : Tensor (1, 3, H, W) in [0, 1]
    reconstructions : layer name -> Tensor (1, 3, H, W); values out of [0, 1] are cut off
    losses : layer name -> what is left of its loss, as a share of that of activations of zero; goes into the title, in
        per cent
    detail : (top, left, side) in pixels of a square; it is framed above and enlarged below. None: no second row.
    height : of a row, in inches
    """
    pictures = {"photograph": photo, **reconstructions}
    titles, tensors = titled(pictures)
    shape = photo.shape[-1] / photo.shape[-2]
    rows = 1 if detail is None else 2
    figure = Figure(
        figsize=(len(tensors) * (height * shape + 0.08), height + 0.45 + (rows - 1) * (height * shape + 0.08)),
        layout="constrained",
    )
    figure.photographs = True
    axes = figure.subplots(rows, len(tensors), squeeze=False, gridspec_kw={"height_ratios": [1, shape][:rows]})
    for axis in axes.flat:
        axis.axis("off")
    for title, tensor, column in zip(titles, tensors, axes.T, strict=True):
        picture = tensor[0].detach().clamp(0, 1).float().cpu().permute(1, 2, 0)
        column[0].imshow(picture, interpolation="lanczos")
        loss = (losses or {}).get(title)
        column[0].set_title(title if loss is None else f"{title}\nloss {100 * loss:.2g} %", fontsize=10)
        if detail is not None:
            top, left, side = detail
            column[0].add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor="white", lw=1.2))
            column[1].imshow(picture[top : top + side, left : left + side], interpolation="nearest")
    return figure


def show_depth(
    curves: Mapping[str, Mapping[str, float]],
    *,
    ylabel: str = "content loss, as a share of the whole",
    height: float = 3.6,
) -> Figure:
    """One line for each picture over the layers, on a logarithmic scale; the lines carry their names.

    Parameters
    ----------
    curves : name of a picture -> layer name -> a positive number; all with the same layers, from shallow to deep
    """
    figure = Figure(figsize=(7.4, height), layout="constrained")
    axis = figure.subplots()
    layers = list(next(iter(curves.values())))
    ends = _apart([curve[layers[-1]] for curve in curves.values()])
    for index, ((name, curve), end) in enumerate(zip(curves.items(), ends, strict=True)):
        color, marker = LINES[index % len(LINES)], "osD^vP"[index % 6]
        axis.plot(range(len(layers)), [curve[layer] for layer in layers], color=color, marker=marker, ms=5, lw=1.8)
        axis.text(len(layers) - 1 + 0.12, end, name, color=color, va="center", fontsize=10)
    axis.set(yscale="log", ylabel=ylabel, xlim=(-0.2, len(layers) + 0.4))
    axis.set_xticks(range(len(layers)), layers)
    axis.grid(axis="y", color="0.9", lw=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def show_tangents(
    x: Tensor, y: Tensor, slopes: Mapping[float, float], *, xlabel: str = "x", ylabel: str = "y", height: float = 3.2
) -> Figure:
    """A curve, and at each x in `slopes` its tangent with that slope.

    Parameters
    ----------
    x, y : Tensor (n,) each, x rising
    slopes : x -> slope there, as written down by hand or found by autograd
    """
    figure = Figure(figsize=(6.2, height), layout="constrained")
    axis = figure.subplots()
    x, y = x.detach().cpu().double(), y.detach().cpu().double()
    axis.plot(x, y, color=INK, lw=2)
    span = 0.11 * (x[-1] - x[0]).item()
    for index, (at, slope) in enumerate(slopes.items()):
        nearest = (x - at).abs().argmin()
        color = LINES[index % len(LINES)]
        axis.plot([at - span, at + span], [y[nearest] - span * slope, y[nearest] + span * slope], color=color, lw=2.4)
        axis.plot([at], [y[nearest]], "o", color=color)
        side = (slope < 0) - (slope > 0)  # the name goes where the tangent leaves room above it
        axis.annotate(
            f"slope {slope:.2g}".replace("-", "−"),
            (at, y[nearest]),
            xytext=(10 * side, 8),
            textcoords="offset points",
            color=color,
            ha=("right", "center", "left")[side + 1],
            va="bottom",
            fontsize=10,
        )
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.margins(y=0.15)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def show_content_gradient(
    features: Tensor, target: Tensor, gradient: Tensor, channel: int, *, height: float = 2.5
) -> Figure:
    """One filter of F, of P, of their difference and of the gradient, as four maps; the first two and the last two
    share a scale.

    Parameters
    ----------
    features, target, gradient : Tensor (1, N, h, w)
        F, P and ∂L/∂F of equation 2, as `content_loss_gradient` gives it. In its map, grey marks where it is exactly 0.
    channel : which of the N filters
    """
    f, p, g = (tensor[0, channel].detach().float().cpu() for tensor in (features, target, gradient))
    high, reach = max(f.max().item(), p.max().item()), (f - p).abs().max().item() or 1.0
    shape = f.shape[1] / f.shape[0]
    figure = Figure(figsize=(4 * height * shape + 1.6, height + 0.35), layout="constrained")
    axes = figure.subplots(1, 4)
    maps = {
        f"F, filter {channel}": f,
        "P, the target": p,
        "F − P": f - p,
        "gradient (grey: 0)": g.where(g != 0, g.new_tensor(float("nan"))),
    }
    for index, (axis, (title, panel)) in enumerate(zip(axes, maps.items(), strict=True)):
        signed = index > 1
        axis.set_facecolor("0.7")
        drawn = axis.imshow(
            panel,
            cmap="PuOr_r" if signed else "viridis",
            vmin=-reach if signed else 0,
            vmax=reach if signed else high,
            interpolation="nearest",
        )
        axis.set_title(title, fontsize=10)
        axis.set(xticks=[], yticks=[])
        if index % 2:
            figure.colorbar(drawn, ax=axes[index - 1 : index + 1].tolist(), shrink=0.75)
    return figure


def _apart(values: Sequence[float], ratio: float = 1.35) -> list[float]:
    """Places for the names of lines that end at `values` on a logarithmic scale: nowhere nearer than `ratio`."""
    order, placed = sorted(range(len(values)), key=lambda index: values[index]), list(values)
    for k in range(1, len(order)):
        placed[order[k]] = max(placed[order[k]], placed[order[k - 1]] * ratio)
    return placed
