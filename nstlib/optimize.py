"""The optimisation of pixels: an objective, a loop, a schedule of sizes.

An *objective* is any function `image -> {"content": tensor, "style": tensor, ...}` of already weighted scalars. `optimize_image`
adds them up, follows the gradient of the sum in the space of pixels, and records each. Everything else here is an objective and a
place to start from: `style_transfer`, `reconstruct_content` and `synthesize_texture`. Lesson: notebooks/05_style_transfer.
"""

import base64
import html
import io
import itertools
import math
import numbers
import os
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from nstlib.checkpoint import Checkpoint, fingerprint
from nstlib.images import load_image, resize_image, resized_shape
from nstlib.losses import content_loss
from nstlib.memory import PROGRAM, check_memory, curvature_pairs, is_out_of_memory, memory_needed, out_of_memory
from nstlib.networks import FeatureNetwork, fast_precision, least_size, load_network
from nstlib.objectives import (
    CONTENT_LAYERS,
    CONTENT_WEIGHT,
    PAPER_STYLE_LAYERS,
    STYLE_LAYERS,
    Objective,
    check_objective,
    gatys_objective,
    layer_names,
)

STEPS = 150  # evaluations of the objective by default
LONGEST = 0.05  # root mean square by which a step of L-BFGS may change the pixels
UNIT = 1e4  # the first loss as L-BFGS sees it; where all is much smaller, PyTorch's takes no step for one that tells of curvature
RETURN = 10.0  # pull on pixels out of range, as a multiple of the first loss


@dataclass
class Result:
    """What an optimisation gives; the last cell of a notebook shows its picture.

    Attributes
    ----------
    image : Tensor (1, 3, H, W) in [0, 1]: the best picture so far, on the CPU
    history : list of dict, one for each evaluation of the objective: "step", "time" (s), "size" (longer side), "total" and each weighted
        loss by its name; the last one is of `image` itself
    settings : dict of what was asked for
    note : why it ended early, or ""
    """

    image: Tensor
    history: list[dict]
    settings: dict = field(default_factory=dict)
    note: str = ""

    def __repr__(self) -> str:
        height, width = self.image.shape[-2:]
        last = self.history[-1]
        losses = ", ".join(f"{k} {v:.3g}" for k, v in last.items() if k not in ("step", "time", "size", "total"))
        return f"{width} × {height} picture after {last['step']} steps: {losses}" + (f" ({self.note})" if self.note else "")

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        pixels = self.image[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        data = base64.b64encode(file.getvalue()).decode()
        return f'<img src="data:image/jpeg;base64,{data}" alt="the picture"><br>{html.escape(repr(self))}'


def optimize_image(image: Tensor, objective: Objective, *, method: str = "lbfgs", steps: int = 300,
                   learning_rate: float | None = None, tilt: float = 0, progress: bool = True,
                   on_step: Callable[[int, Tensor, dict], None] | None = None, checkpoint: Checkpoint | None = None) -> Result:
    """Change the pixels of `image` until the objective is small.

        x ← argmin Σ objective(x)        notebooks/05_style_transfer

    Parameters
    ----------
    image : Tensor (1, 3, H, W)
        Where to start; not changed itself.
    objective : image -> dict of name -> Tensor ()
        Weighted losses; their sum is minimised.
    method : "lbfgs" or "adam"
        L-BFGS, as in the paper: it learns the curvature from its last 20 steps (from fewer where a picture is beyond a megapixel). A step
        that would change the pixels by more than 0.05 (root mean square) is shortened to that. Adam scales each pixel by itself.
    steps : int
        Evaluations of the objective, each with its gradient.
    learning_rate : float, optional
        1 for L-BFGS, 0.02 (of the range of a pixel) for Adam.
    tilt : float
        Towards which frequencies the steps lean, before L-BFGS has learnt better: the pixels are x = image + T y with T a filter that
        multiplies the frequency f (in cycles per pixel) by (f + 0.02)^(−tilt), and y is what changes. Positive: large shapes and
        colours move first; negative: fine detail; 0: all alike. The minimum is the same, the way there is not.
    progress : bool
        Show a bar with the losses.
    on_step : function of (step, image in [0, 1], losses), optional
        Called after each evaluation. Whatever it raises ends the run; KeyboardInterrupt ends it politely.
    checkpoint : Checkpoint, optional
        Keeps the state of the run in a file and begins with what is there (`style_transfer` makes it).

    Returns
    -------
    Result: the picture with the smallest sum. The objective only ever sees pixels in [0, 1]: those that a step has carried out of range
        are cut off for it, and drawn back by a penalty. (To overwrite them inside the loop would hide from L-BFGS what its steps did.)
        Interrupted by KeyboardInterrupt (■ in Jupyter, Ctrl-C in a terminal) or by a lack of memory: the best picture so far.

    Raises
    ------
    ValueError: `method` or `steps` is something else, or the loss is not finite at the very start.
        Later, a loss that is not finite ends the run with the best picture so far, and a warning.

    Examples
    --------
    >>> grey = torch.full((1, 3, 2, 2), 0.5)
    >>> darker = optimize_image(grey, lambda x: {"light": (x - 0.25).square().sum()}, steps=10, progress=False)
    >>> round(darker.image.mean().item(), 3)
    0.25
    """
    if method not in ("lbfgs", "adam"):
        raise ValueError(f'method is {method!r}; it must be "lbfgs" (as in the paper) or "adam".')
    steps = _whole(steps)
    if learning_rate is not None and not (isinstance(learning_rate, (int, float)) and 0 < learning_rate < math.inf):
        raise ValueError(f"learning_rate is {learning_rate!r}; it must be a positive number, or None for the usual one.")
    start = image.detach()
    y = torch.zeros_like(start, memory_format=torch.contiguous_format).requires_grad_(True)  # L-BFGS wants it in one piece
    if method == "lbfgs":  # max_iter=1: one evaluation for each step; the curvature is kept between steps
        optimizer = torch.optim.LBFGS([y], lr=learning_rate or 1, max_iter=1, history_size=curvature_pairs(y.nbytes),
                                      tolerance_grad=0, tolerance_change=0)
    else:
        optimizer = torch.optim.Adam([y], lr=learning_rate or 0.02, betas=(0.9, 0.99))
    best, history, note = start.clamp(0, 1), [], ""
    if checkpoint:
        start, best, history = checkpoint.restore(y, optimizer, start, best)
    chosen = min(history, key=lambda record: record["total"], default=None)  # the record of `best`
    picture = best  # what was evaluated last
    began = time.perf_counter() - (history[-1]["time"] if history else 0)

    def evaluate() -> Tensor:
        nonlocal picture
        optimizer.zero_grad()
        x = start + _tilted(y, tilt)
        picture = x.detach().clamp(0, 1)
        losses = objective(x + (picture - x).detach())  # value of the cut picture, gradient of every pixel, cut or not
        total = sum(losses.values())
        outside = (x - picture).square().mean()  # draws pixels back that a step has carried out of range
        first = abs(history[0]["total"] if history else total.item()) or 1.0
        ((total + RETURN * first * outside) * (UNIT / first)).backward()
        numbers = torch.stack([total, *losses.values()]).tolist()  # all at once: a GPU is waited for only here
        history.append({"step": len(history) + 1, "time": time.perf_counter() - began, "size": max(x.shape[-2:]),
                        **dict(zip(["total", *losses], numbers, strict=True))})
        return total

    bar = tqdm(total=steps, initial=len(history), disable=not progress, unit="step")
    try:
        for step in range(len(history) + 1, steps + 1):
            before = y.detach().clone()
            optimizer.step(evaluate)
            if method == "lbfgs":
                _shorten(optimizer.state[y], y, before, tilt)
            record = history[-1]
            if not math.isfinite(record["total"]):
                history.pop()
                note = f"stopped at step {step}: the loss is {record['total']}"
                break
            if chosen is None or record["total"] < chosen["total"]:
                chosen, best = record, picture
            if checkpoint:
                checkpoint.save(y, optimizer, start, best, history)
            losses = {name: value for name, value in record.items() if name not in ("step", "time", "size")}
            bar.update()
            bar.set_postfix({name: f"{value:.3g}" for name, value in losses.items() if name != "total"}, refresh=False)
            if on_step:
                on_step(step, picture, losses)
    except (KeyboardInterrupt, RuntimeError, MemoryError) as error:
        note = _reason(error, y.shape[-2:], f"after {len(history)} of {steps} steps", chosen is not None)
    finally:
        bar.close()
    if note.startswith("stopped at"):
        if not history:
            raise ValueError("The loss is not a finite number for the very first picture. Are its pixels in [0, 1], and are all "
                             "weights finite?")
        warnings.warn(f"{note[0].upper()}{note[1:]}. Here is the best picture before that. Use smaller weights, a smaller "
                      'learning_rate or method="adam".', stacklevel=2)
    history.append({**chosen, "step": len(history), "time": time.perf_counter() - began})  # of the picture that is returned
    return Result(best.cpu(), history, {"method": method, "steps": steps}, note)


def style_transfer(content, style, *, network: FeatureNetwork | None = None, content_layers: Sequence[str] = CONTENT_LAYERS,
                   style_layers: Sequence[str] = STYLE_LAYERS, layer_weights: Sequence[float] | None = None,
                   content_weight: float = CONTENT_WEIGHT, style_weight: float = 1, tv_weight: float = 0,
                   scales: int | None = None, relative: bool = True, size: int | None = 384, steps: int = STEPS, method: str = "lbfgs",
                   learning_rate: float | None = None, init: str | Tensor = "content", coarse_to_fine: bool = True,
                   edges: str = "mirror", precision: str = "auto", seed: int = 0, progress: bool = True,
                   on_step: Callable[[int, Tensor, dict], None] | None = None, checkpoint: str | os.PathLike | None = None) -> Result:
    """Paint the photograph `content` in the manner of the painting `style`.

        L_total = α L_content + β L_style + γ TV        equation 7; notebooks/05_style_transfer

    Parameters
    ----------
    content, style : Tensor (1, 3, H, W) in [0, 1], or anything that `load_image` reads
    network : FeatureNetwork; `load_network("mini")` where None
    content_layers, style_layers, layer_weights, style_weight, tv_weight, scales, relative : what is minimised; see `gatys_objective`.
        `**nstlib.PAPER` gives the paper's objective.
    content_weight : α, a plain number that means the same for every size and network. A tenth of the default leaves little of the
        photograph but its large forms; with ten times as much the painting lends colours and small strokes. README.md shows five.
    size : longer side of the result in pixels; None: that of `content`
    steps : evaluations of the two losses, over all sizes
    method, learning_rate, progress, on_step : as in `optimize_image`
    init : "content", "noise", "style" or a Tensor (1, 3, h, w): the picture to start from
    coarse_to_fine : bool
        A quarter of the steps at a third of the size, a quarter at two thirds, half at full size. Large shapes settle while
        pixels are few. False: all steps at full size, as in the paper.
    edges : "mirror" or "zeros"
        What the first convolutions find beyond the edge of the picture: its mirror image, or zeros, as in the paper, which leave
        lines along the edges (`FeatureNetwork.for_painting`).
    precision : "auto", "float32" or "bfloat16"
        Of the network's convolutions; pixels, Gram matrices, losses and the curvature that L-BFGS learns are float32 in any case.
        "auto" takes bfloat16 where this machine is faster with it (`nstlib.networks.fast_precision`).
    seed : for the noise. The same seed on the same machine with as many threads gives the same picture (nearly, on a GPU: it adds up in
        any order).
    checkpoint : file, optional
        The state of the run is written there every 30 s, and a run that finds the file goes on from it: to the very same picture as
        without the interruption, on the same processor with as many threads. Delete the file when the picture is saved.

    Returns
    -------
    Result

    Raises
    ------
    ValueError: an unknown layer, init or method, a weight that is negative or not finite, pictures too small for a layer, or a checkpoint
        of other settings.
    MemoryError: the picture is too large; the message names a size that fits.

    Notes
    -----
    What differs from the paper. (1) The start is the photograph and sizes grow, for speed; `init="noise", coarse_to_fine=False` gives the
    paper's. (2) Each loss is a share of what it is for activations of zero, so layers count alike and α keeps its meaning; styles are
    compared at several sizes of the picture, and on layers of blocks 1 to 3 (`gatys_objective`). (3) The painting keeps its proportions,
    its longer side as long as the result's; its Gram matrices count per position. (4) The picture goes on as its mirror image beyond its
    edges (`edges`).
    """
    steps, given = _whole(steps), network or load_network()
    network = given.for_painting(_precision(precision, given.mean.device), edges)
    content, style = _tensor(content, network), _tensor(style, network)
    size = max(content.shape[-2:]) if size is None else size
    if min(*resized_shape(content.shape[-2:], size), *resized_shape(style.shape[-2:], size)) < 4:  # too small for a mirror
        network = given.for_painting(network.precision, "zeros")
    content_layers, style_layers = layer_names(content_layers), layer_names(style_layers)
    layers = [*content_layers, *style_layers]
    wanted = {"content_layers": content_layers, "style_layers": style_layers, "layer_weights": layer_weights, "content_weight": content_weight,
              "style_weight": style_weight, "tv_weight": tv_weight, "scales": scales, "relative": relative}
    check_objective(**wanted)

    def objective_at(pixels: int) -> Objective:
        return gatys_objective(resize_image(content, pixels), resize_image(style, pixels), network, **wanted)

    least = max(least_size(name) for name in layers)
    narrow = min(min(image.shape[-2:]) / max(image.shape[-2:]) for image in (content, style))
    schedule = _schedule(narrow, size, steps, least) if coarse_to_fine else [(size, steps, 0)]
    if method != "lbfgs":
        schedule = [(side, count, 0) for side, count, _ in schedule]  # Adam finds the scale of each pixel by itself
    check_memory(network, layers, *resized_shape(content.shape[-2:], size), scales=scales)
    settings = {"network": network.name, **wanted, "size": size, "steps": steps, "method": method, "learning_rate": learning_rate,
                "init": init if isinstance(init, str) else "tensor", "coarse_to_fine": coarse_to_fine, "edges": edges,
                "precision": str(network.precision).removeprefix("torch."), "seed": seed}
    start = _start(init, resize_image(content, schedule[0][0]), style, seed)
    kept = checkpoint and Checkpoint(checkpoint, settings | {
        "schedule": schedule, "content_sha256": fingerprint(content), "style_sha256": fingerprint(style),
        "init_sha256": fingerprint(init) if isinstance(init, Tensor) else "",
        "network_sha256": fingerprint(*given.state_dict().values())})
    result = _over_sizes(start, content, schedule, objective_at, method=method, learning_rate=learning_rate, progress=progress,
                         on_step=on_step, checkpoint=kept)
    result.settings = settings
    return result


class Estimate(NamedTuple):
    seconds: float
    bytes: float


def estimate(content_size: int | tuple[int, int], network: FeatureNetwork | None = None, *,
             content_layers: Sequence[str] = CONTENT_LAYERS, style_layers: Sequence[str] = STYLE_LAYERS, scales: int | None = None,
             steps: int = STEPS, method: str = "lbfgs", coarse_to_fine: bool = True, precision: str = "auto") -> Estimate:
    """Time and memory that a `style_transfer` will take on this machine, before it begins.

    It runs a few steps and takes the median of their times: 24 for a picture of up to 384 pixels, fewer for a larger one, six from 768
    pixels on, and none at more than 1536. Above that, time grows with the number of pixels; below, it grows faster where the activations
    outgrow the processor's caches and the system has to find fresh memory for each of them.

    Parameters
    ----------
    content_size : (height, width) of the result in pixels, or its longer side, for a picture of 4 : 3
    network, content_layers, style_layers, scales, steps, method, coarse_to_fine, precision : as for `style_transfer`

    Returns
    -------
    Estimate: seconds; and bytes, the whole program at its peak (on a GPU: the GPU's memory)

    Raises
    ------
    ValueError: as `style_transfer`. No MemoryError: a size that does not fit has its estimate too.
    """
    height, width = (round(content_size * 0.75), content_size) if isinstance(content_size, int) else content_size
    network, layers, size = network or load_network(), [*content_layers, *style_layers], max(height, width)

    def seconds_per_pixel(side: int) -> float:
        noise = torch.rand(1, 3, *resized_shape((height, width), side), generator=torch.Generator().manual_seed(0))
        count = min(24, max(6, round(24 * (384 / side) ** 2)))
        run = style_transfer(noise, noise.flip(3), network=network, content_layers=content_layers, style_layers=style_layers, scales=scales,
                             size=None, steps=count, method=method, coarse_to_fine=False, precision=precision, progress=False)
        if run.note:
            raise KeyboardInterrupt if run.note.startswith("stopped by the user") else MemoryError(run.note)
        times = [record["time"] for record in run.history[:-1]]  # the last record is of the result
        return statistics.median(later - earlier for earlier, later in itertools.pairwise(times)) / noise[0, 0].numel()

    try:
        seconds = seconds_per_pixel(min(size, 1536))
    except MemoryError:  # then as for a small one
        seconds = seconds_per_pixel(384)
    schedule = _schedule(min(height, width) / size, size, steps, max(least_size(name) for name in layers)) if coarse_to_fine else [(size, steps, 0)]
    evaluated = sum(count * math.prod(resized_shape((height, width), side)) for side, count, _ in schedule)
    fast = network.for_painting(_precision(precision, network.mean.device))
    return Estimate(seconds * evaluated, PROGRAM + memory_needed(fast, layers, height, width, scales=scales))


def reconstruct_content(image, layer: str = "relu4_2", *, network: FeatureNetwork | None = None, size: int | None = 256,
                        steps: int = 300, method: str = "lbfgs", init: str | Tensor = "noise", seed: int = 0, progress: bool = True,
                        on_step: Callable[[int, Tensor, dict], None] | None = None) -> Result:
    """A picture with the same activations as `image` at one layer, found from noise: what that layer knows of it.

        x ← argmin L_content(p, x, l) / L_content(p, 0, l)        equation 1, as a share of what there is; figure 1

    Parameters as for `style_transfer`; lesson: notebooks/03_content. The loss, "content", is 1 for activations of zero.
    """
    network = (network or load_network()).for_painting()
    image = _tensor(image, network)
    image = resize_image(image, size or max(image.shape[-2:]))
    with torch.no_grad():
        target = network(image, [layer])[layer]  # P
    whole = content_loss(torch.zeros_like(target), target)
    result = optimize_image(_start(init, image, image, seed), lambda x: {"content": content_loss(network(x, [layer])[layer], target) / whole},
                            method=method, steps=steps, progress=progress, on_step=on_step)
    result.settings |= {"network": network.name, "layer": layer, "seed": seed}
    return result


def synthesize_texture(style, layers: Sequence[str] = PAPER_STYLE_LAYERS, *, network: FeatureNetwork | None = None, size: int = 256,
                       relative: bool = True, coarse_to_fine: bool = True, steps: int = 300, method: str = "lbfgs",
                       init: str | Tensor = "noise", seed: int = 0, progress: bool = True,
                       on_step: Callable[[int, Tensor, dict], None] | None = None) -> Result:
    """A square picture with the same Gram matrices as `style` and nothing else in common: its texture.

        x ← argmin Σₗ wₗ Eₗ(G, A) / Eₗ(0, A)        equation 5, each layer relative to its own Gram matrix; figure 1

    At one size of the picture, so that what a layer sees is what shows. Parameters as for `style_transfer`, with the content left out.
    Lesson: notebooks/04_gram_matrices_and_style.
    """
    return style_transfer(torch.zeros(1, 3, 1, 1), style, network=network, style_layers=layers, content_weight=0, content_layers=(),
                          scales=1, relative=relative, coarse_to_fine=coarse_to_fine, size=size,
                          steps=steps, method=method, init=init, seed=seed, progress=progress, on_step=on_step)


# ---- the small parts ---------------------------------------------------------------------------------------------------

def _tensor(picture, network: FeatureNetwork) -> Tensor:
    return load_image(picture).to(network.mean.device)


def _whole(steps: int) -> int:
    if not isinstance(steps, numbers.Integral) or steps < 1:
        raise ValueError(f"steps is {steps!r}; it must be a whole number of at least 1, for example 300.")
    return int(steps)


def _precision(name: str, device: torch.device) -> torch.dtype:
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name != "auto" and name not in known:
        raise ValueError(f'precision is {name!r}; it must be "auto", "float32" or "bfloat16".')
    return known[name] if name in known else fast_precision(device)


def _schedule(narrow: float, size: int, steps: int, least: int) -> list[tuple[int, int, float]]:
    """(longer side, steps, tilt) from coarse to fine; no size below 80, nor so small that a layer has less than two positions across.

    `narrow` is the narrower picture's shorter side as a share of its longer one, `least` the shorter side that the deepest layer needs.

    Coarse sizes win where time is short. Large shapes and colours have far to go there, so the steps lean towards these, and a little less
    at each larger size. Style, content and grain by the judge of data/README.md, mean of tubingen like starry_night, the_scream and
    edtaonisl at 384 pixels, 160 steps:

        tilt 1, ½, 0       .0043 / .428 / .63
        tilt 1, ½, ¼       .0043 / .427 / .47    (this one)
        tilt 1, ¾, ½       .0045 / .431 / .31    soft

    and for 200 steps, of an objective with fewer layers: no tilt .0066 / .402 / .58, tilt 1, ½, −1 .0069 / .397 / .77. With a third of the
    steps at each size instead, 200 steps in the same time, it is .0043 / .431 / .43. Adam's moments are not carried from size to size:
    runs that began anew at each size ended lower than those that went on with resized moments.

    >>> _schedule(0.75, 384, 300, 16)
    [(128, 75, 1), (256, 75, 0.5), (384, 150, 0.25)]
    >>> _schedule(0.75, 128, 300, 16)
    [(85, 100, 0.5), (128, 200, 0.25)]
    >>> _schedule(0.75, 96, 300, 16)
    [(96, 300, 0)]
    """
    coarse = [(side, tilt) for side, tilt in ((round(size / 3), 1), (round(2 * size / 3), 0.5)) if side >= 80 and side * narrow >= 2 * least]
    share = steps // (len(coarse) + 2)  # twice as many at full size
    stages = [(side, share, tilt) for side, tilt in coarse if share]
    return [*stages, (size, steps - share * len(stages), 0.25 if stages else 0)]


def _tilted(image: Tensor, tilt: float) -> Tensor:
    """`image` with each frequency f, in cycles per pixel, multiplied by (f + 0.02)^(−tilt)."""
    if tilt == 0:
        return image
    height, width = image.shape[-2:]
    down, across = torch.fft.fftfreq(height, device=image.device), torch.fft.rfftfreq(width, device=image.device)
    gain = (torch.hypot(down[:, None], across) + 0.02) ** -tilt
    return torch.fft.irfft2(torch.fft.rfft2(image) * gain, s=(height, width))


@torch.no_grad()
def _shorten(state: dict, y: Tensor, before: Tensor, tilt: float) -> None:
    """Takes part of the last step of L-BFGS back where it was longer than `LONGEST`, and tells L-BFGS so.

    It trusts its curvature blindly, and the first steps know little: without this, some leave the range of all pixels and lose ten more.
    """
    step = y - before
    share = (LONGEST / _tilted(step, tilt).square().mean().sqrt()).clamp(max=1)
    y.copy_(before + share * step)
    if "t" in state:  # not before the first gradient that is not zero
        state["t"] = state["t"] * share


def _start(init: str | Tensor, content: Tensor, style: Tensor, seed: int) -> Tensor:
    """The first picture, of the shape of `content`."""
    shape = content.shape[-2:]
    if isinstance(init, Tensor):
        if init.ndim != 4 or init.shape[:2] != (1, 3):
            raise ValueError(f"init is a tensor of shape {tuple(init.shape)}; wanted (1, 3, height, width), as load_image gives.")
        return resize_image(load_image(init).to(content), tuple(shape))
    if init == "noise":  # drawn on the CPU: the same on every device
        return torch.rand(content.shape, generator=torch.Generator().manual_seed(seed)).to(content)
    if init in ("content", "style"):
        return resize_image({"content": content, "style": style}[init], tuple(shape))
    raise ValueError(f'init is {init!r}; it must be "content", "noise", "style" or an image tensor.')


def _over_sizes(image: Tensor, content: Tensor, schedule: list[tuple[int, int, float]], objective_at, *, on_step, checkpoint, **options) -> Result:
    """`optimize_image` at each size in turn, each from the picture of the size before, as one run with one history."""
    total, done, note, last = sum(n for _, n, _ in schedule), 0, "", None
    history = checkpoint.earlier if checkpoint else []
    for stage, (size, steps, tilt) in enumerate(schedule):
        if checkpoint and stage < checkpoint.stage:  # done before the interruption
            done += steps
            continue
        if checkpoint:
            checkpoint.stage = stage
        seconds = history[-1]["time"] if history else 0
        image = resize_image(image, resized_shape(content.shape[-2:], size)).to(content.device)
        follow = None if on_step is None else lambda step, picture, losses, done=done: on_step(done + step, picture, losses)
        try:
            result = optimize_image(image, objective_at(size), steps=steps, tilt=tilt, on_step=follow, checkpoint=checkpoint, **options)
        except (KeyboardInterrupt, RuntimeError, MemoryError) as error:  # before the first step at this size
            note = _reason(error, image.shape[-2:], "between two sizes", last is not None)
            break
        *records, last = [{**record, "step": record["step"] + done, "time": record["time"] + seconds} for record in result.history]
        history += records
        done, image, note = done + steps, result.image, result.note
        if note:
            break
    if note and len(schedule) > 1:
        note = f"{note}, {last['step']} of {total} in all"
    return Result(resize_image(image.cpu(), resized_shape(content.shape[-2:], schedule[-1][0])), [*history, last], note=note)


def _reason(error: BaseException, shape: Sequence[int], when: str, something_to_show: bool) -> str:
    """The note on a run that was interrupted or lacked memory; raises where there is nothing to show yet, and any other error."""
    if isinstance(error, KeyboardInterrupt) and something_to_show:
        return f"stopped by the user {when}"
    if not is_out_of_memory(error):
        raise error
    sentence = out_of_memory(*shape)
    if not something_to_show:
        raise sentence from None
    warnings.warn(f"{sentence} Here is the best picture so far.", stacklevel=3)
    return f"out of memory {when}"
