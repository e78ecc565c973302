"""How long a live run takes, in seconds and in words."""

import itertools
import statistics
import time

import torch

from nstlib.networks import FeatureNetwork
from nstlib.objectives import gatys_objective
from nstlib.optimize import Stopped, optimize_image
from nstlib.optimize.memory import memory_needed

Layers = tuple[tuple[str, ...], tuple[str, ...]]  # of the content and of the style


def layers_of(wanted: dict) -> Layers:
    """What the pace of a run depends on, of keywords of `gatys_objective`."""
    return wanted["content_layers"], wanted["style_layers"]


def measured_pace(network: FeatureNetwork, wanted: dict) -> float:
    """Seconds for a step and a pixel with the layers of `wanted`, keywords of `gatys_objective`: the median of four
    steps on a small picture.
    """
    side, times = min(112, max(wanted["content"].shape[-2:])), []
    noise = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(network.device)
    objective = gatys_objective(**{**wanted, "content": noise, "style": noise.flip(3)}, network=network, by_layer=True)

    def on_step(*_) -> None:
        times.append(time.perf_counter())

    if optimize_image(noise, objective, steps=5, progress=False, on_step=on_step).stopped is Stopped.INTERRUPTED:
        raise KeyboardInterrupt
    return statistics.median(later - earlier for earlier, later in itertools.pairwise(times)) / noise[0, 0].numel()


def forecast(network: FeatureNetwork, wanted: dict, pace: float, steps: int) -> str:
    """Time and memory that a run will take."""
    content = wanted["content"]
    seconds = pace * content[0, 0].numel() * steps
    need = memory_needed(network, sum(layers_of(wanted), ()), *content.shape[-2:])
    return f"{steps} steps: about {spell(seconds)} on this machine, and {max(1, need / 1e6):,.0f} MB of memory"


def spell(seconds: float) -> str:
    """
    >>> spell(0.2), spell(80.4), spell(200)
    ('1 s', '80 s', '3 min')
    """
    return f"{max(1, seconds):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
