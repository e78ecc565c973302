"""Running out of memory, said in a sentence and, where it can be foreseen, before it happens."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from nstlib.networks import FeatureNetwork, block_of

PROGRAM = 800 * 2**20  # bytes of Python, PyTorch, its libraries and what its allocator keeps, by measurement
WORDS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory", "failed to allocate")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is how Python, NumPy or PyTorch says that there was no more memory."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in WORDS)


def out_of_memory(height: int, width: int) -> MemoryError:
    """The error for a picture of this size that turned out to need more memory than was free."""
    return MemoryError(
        f"Not enough memory for a picture of {width} × {height} pixels; try a size of "
        f"{max(1, max(height, width) // 2)}, which takes a quarter of it."
    )


def check_memory(
    network: FeatureNetwork, layers: Sequence[str], height: int, width: int, *, scales: int | None = None
) -> None:
    """MemoryError, with a size that fits, where a picture of this size is sure to need more than there is.

    Without it, Linux would let the run begin and kill it without a word.
    """
    there, need = total_memory(network.device), memory_needed(network, layers, height, width, scales=scales)
    if need > there:
        fits = int(max(height, width) * (0.7 * there / need) ** 0.5)  # the rest: Python, the weights, other programs
        raise MemoryError(
            f"A picture of {width} × {height} pixels would take about {need / 2**30:.0f} GiB of memory, and "
            f"there are {there / 2**30:.0f} GiB; try a size of {fits}."
        )


def memory_needed(
    network: FeatureNetwork, layers: Sequence[str], height: int, width: int, *, scales: int | None = None
) -> float:
    """Bytes that an optimisation of pixels needs beside Python and PyTorch: what the derivative keeps of every layer
    down to the deepest of `layers`, at the picture and its `scales` - 1 smaller copies (None: many), what its
    calculation holds at the widest place (block 1), L-BFGS's pairs, about 15 pictures, and the weights twice.

    The factors are measured (tools/benchmark.py prints the truth beside them).
    """
    deepest = max((network.layers.index(name) for name in layers if name in network.layers), default=0)
    widths = {
        name: network.get_submodule(name).out_channels
        for name in network.layers[: deepest + 1]
        if name.startswith("conv")
    }
    kept = sum(width / 4 ** (block_of(name) - 1) for name, width in widths.items())
    held = 2 * max(width for name, width in widths.items() if name.startswith("conv1"))
    pixels, picture = height * width, 12 * height * width  # three float32 for each pixel
    # As given, and the copy of `for_optimization`
    weights = sum(p.numel() * (4 + p.itemsize) for p in network.parameters())
    copies = sum(4.0**-k for k in range(scales or 8))  # 1 + ¼ + …
    return (
        pixels * network.dtype.itemsize * (1.1 * copies * kept + held)
        + picture * (2 * history_size(picture) + 15)
        + weights
    )


def history_size(picture: int) -> int:
    """How many steps L-BFGS remembers, two pictures of `picture` bytes for each: 20, or as many as 512 MiB hold, at
    least 5.

    >>> history_size(12 * 384 * 288), history_size(12 * 2048 * 1536)
    (20, 7)
    """
    return max(5, min(20, 2**29 // (2 * picture)))


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
