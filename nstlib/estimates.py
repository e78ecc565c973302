"""How long a style transfer will take, and how much memory."""

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import torch

from nstlib.images import resized_shape
from nstlib.networks import FeatureNetwork, as_network, layer_names
from nstlib.objectives import CONTENT_LAYERS, STYLE_LAYERS
from nstlib.optimize import Stopped
from nstlib.optimize.memory import PROGRAM, copied_layers, memory_needed
from nstlib.preparation import stages_for
from nstlib.transfer import STEPS, style_transfer


class Estimate(NamedTuple):
    seconds: float
    bytes: float


def estimate(
    content_size: int | tuple[int, int],
    network: FeatureNetwork | None = None,
    *,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
    scales: int | None = None,
    style_loss: str = "gram",
    steps: int = STEPS,
    method: str = "lbfgs",
    coarse_to_fine: bool = True,
    precision: str = "auto",
) -> Estimate:
    """Time and memory that a `style_transfer` will take on this machine, before it begins.

    It runs a few steps and takes the median of their times: 24 for a picture of up to 384 pixels, fewer for a larger
    one, six from 768 pixels on, and none at more than 1536. Above that, time grows with the number of pixels; below, it
    grows faster where the activations outgrow the processor's caches and the system has to find fresh memory for each
    of them.

    Parameters
    ----------
    content_size : (height, width) of the result in pixels, or its longer side, for a picture of 4 : 3
    network, content_layers, style_layers, scales, style_loss, steps, method, coarse_to_fine, precision : as for
        `style_transfer`

    Returns
    -------
    Estimate: seconds; and bytes, the whole program at its peak (on a GPU: the GPU's memory)

    Raises
    ------
    ValueError: as `style_transfer`. A size that does not fit has its estimate too: MemoryError only where not even 96
        pixels fit.
    """
    content_layers, style_layers = layer_names(content_layers), layer_names(style_layers)
    shape, network = resized_shape((3, 4), content_size), as_network(network)
    layers = [*content_layers, *style_layers]

    def seconds_per_pixel(side: int) -> float:
        noise = torch.rand(1, 3, *resized_shape(shape, side), generator=torch.Generator().manual_seed(0))
        count = min(24, max(6, round(24 * (384 / side) ** 2)))
        run = style_transfer(
            noise,
            noise.flip(3),
            network=network,
            content_layers=content_layers,
            style_layers=style_layers,
            scales=scales,
            style_loss=style_loss,
            size=None,
            steps=count,
            method=method,
            coarse_to_fine=False,
            precision=precision,
            progress=False,
        )
        if run.stopped:
            raise KeyboardInterrupt if run.stopped is Stopped.INTERRUPTED else MemoryError(run.note)
        times = [record["time"] for record in run.history]
        return statistics.median(later - earlier for earlier, later in itertools.pairwise(times)) / noise[0, 0].numel()

    sides = sorted({min(max(shape), side) for side in (1536, 384, 96)}, reverse=True)
    for side in sides:
        try:
            seconds = seconds_per_pixel(side)
            break
        except MemoryError:  # then as for a smaller one
            if side == sides[-1]:
                raise
    stages = stages_for(shape, layers, steps, method, coarse_to_fine)
    evaluated = sum(stage.steps * math.prod(stage.size) for stage in stages)
    fast = network.for_optimization(precision)
    copied = copied_layers(style_loss, style_layers)
    return Estimate(seconds * evaluated, PROGRAM + memory_needed(fast, layers, *shape, scales=scales, copied=copied))
