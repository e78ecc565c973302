"""Running out of memory, said in a sentence and, where it can be foreseen, before it happens."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from nstlib.networks import FeatureNetwork

WORDS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory", "failed to allocate")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is how Python, NumPy or PyTorch says that there was no more memory."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in WORDS)


def out_of_memory(height: int, width: int) -> MemoryError:
    """The error for a picture of this size that turned out to need more memory than was free."""
    return MemoryError(f"Not enough memory for a picture of {width} × {height} pixels; try a size of {max(1, max(height, width) // 2)}, "
                       "which takes a quarter of it.")


def check_memory(network: FeatureNetwork, layers: Sequence[str], height: int, width: int) -> None:
    """MemoryError, with a size that fits, where a picture of this size is sure to need more than there is.

    Without it, Linux would let the run begin and kill it without a word.
    """
    there, pixel = total_memory(network.mean.device), bytes_per_pixel(network, layers)
    if pixel * height * width > there:
        fits = int(max(height, width) * (0.7 * there / (pixel * height * width)) ** 0.5)  # the rest: Python, the weights, other programs
        raise MemoryError(f"A picture of {width} × {height} pixels would take about {pixel * height * width / 2**30:.0f} GiB of memory, and "
                          f"there are {there / 2**30:.0f} GiB; try a size of {fits}.")


def bytes_per_pixel(network: FeatureNetwork, layers: Sequence[str]) -> float:
    """What an optimisation of pixels needs, measured on two networks: 5 floats for each activation, 50 pictures for L-BFGS."""
    deepest = max((network.layers.index(name) for name in layers if name in network.layers), default=0)
    convolutions = [name for name in network.layers[:deepest + 1] if name.startswith("conv")]
    activations = sum(network.get_submodule(name).out_channels / 4 ** (int(name[4]) - 1) for name in convolutions)
    return 4 * (5 * activations + 50 * 3)


def total_memory(device: torch.device) -> float:
    """Bytes that there are, for all programs together; infinite where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    limits = [float("inf")]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):  # a container's own limit
        text = Path(file).read_text().strip() if os.access(file, os.R_OK) else ""
        limits.append(float(text) if text.isdecimal() else float("inf"))
    return min(limits)
