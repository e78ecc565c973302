"""Running out of memory, said in a sentence and, where it can be foreseen, before it happens."""

from collections.abc import Sequence

import torch

import nstlib.machine as machine
from nstlib.images import resized_shape
from nstlib.networks import FeatureNetwork, block_of

PROGRAM = 800 * 2**20  # bytes of Python, PyTorch, its libraries and what its allocator keeps, by measurement
WORK = 200 * 2**20  # the part of PROGRAM that is only taken while it works: buffers, compiled kernels, threads
SMALL = 32  # pixels: no advice to try less than that


def out_of_memory(height: int, width: int) -> MemoryError:
    """The error for a picture of this size that turned out to need more memory than was free."""
    return MemoryError(
        f"Not enough memory for a picture of {width} × {height} pixels; try a size of "
        f"{max(1, max(height, width) // 2)}, which takes a quarter of it."
    )


def check_memory(
    network: FeatureNetwork,
    layers: Sequence[str],
    height: int,
    width: int,
    *,
    scales: int | None = None,
    copied: Sequence[str] = (),
) -> None:
    """MemoryError, with a size that fits, where a picture of this size needs more than is left on this machine, in its
    container or by this user's limits.

    Without it, Linux would let the run begin and kill it without a word.
    """

    def need(side: int) -> float:
        shape = resized_shape((height, width), side)
        return WORK + memory_needed(network, layers, *shape, scales=scales, copied=copied)

    needed, fits = need(max(height, width)), max(height, width)
    if needed <= (left := memory_left(network.device, needed)):
        return
    while fits > SMALL and need(fits) > left:
        fits = int(0.97 * fits)
    advice = f"try a size of {fits}" if fits > SMALL else "close other programs and notebooks, or raise the limit"
    raise MemoryError(
        f"A picture of {width} × {height} pixels would take another {machine.amount(needed)} of memory, and "
        f"{machine.amount(left)} are left; {advice}."
    )


def memory_needed(
    network: FeatureNetwork,
    layers: Sequence[str],
    height: int,
    width: int,
    *,
    scales: int | None = None,
    copied: Sequence[str] = (),
) -> float:
    """Bytes that an optimisation of pixels needs beside Python and PyTorch: what the derivative keeps of every layer
    down to the deepest of `layers`, at the picture and its `scales` - 1 smaller copies (None: many), what its
    calculation holds at the widest place (block 1), L-BFGS's pairs, about 15 pictures, and the weights twice. Of the
    layers `copied` the loss keeps the activations twice more, in float32.

    The factors are measured (tools/benchmark.py prints the truth beside them).
    """
    deepest = max((network.layers.index(name) for name in layers if name in network.layers), default=0)
    widths = {
        name: network.get_submodule(name).out_channels
        for name in network.layers[: deepest + 1]
        if name.startswith("conv")
    }
    kept = sum(width / 4 ** (block_of(name) - 1) for name, width in widths.items())
    more = sum(
        2 * network.get_submodule("conv" + name[4:]).out_channels / 4 ** (block_of(name) - 1)
        for name in copied
        if name[4:] in {each[4:] for each in widths}
    )
    held = 2 * max(width for name, width in widths.items() if name.startswith("conv1"))
    pixels, picture = height * width, 12 * height * width  # three float32 for each pixel
    # As given, and the copy of `for_optimization`
    weights = sum(p.numel() * (4 + p.itemsize) for p in network.parameters())
    copies = sum(4.0**-k for k in range(scales or 8))  # 1 + ¼ + …
    return (
        pixels * (network.dtype.itemsize * (1.1 * copies * kept + held) + 4 * copies * more)
        + picture * (2 * history_size(picture) + 15)
        + weights
    )


def copied_layers(style_loss: str, style_layers: Sequence[str]) -> Sequence[str]:
    """Those of which the style loss copies the activations: all, but for Gram matrices, which need no copy."""
    return () if style_loss == "gram" else style_layers


def history_size(picture: int) -> int:
    """How many steps L-BFGS remembers, two pictures of `picture` bytes for each: 20, or as many as 512 MiB hold, at
    least 5.

    >>> history_size(12 * 384 * 288), history_size(12 * 2048 * 1536)
    (20, 7)
    """
    return max(5, min(20, 2**29 // (2 * picture)))


def memory_left(device: torch.device, needed: float) -> float:
    """Bytes that this program can still take; infinite where the system does not tell. See `machine.memory_left`."""
    if device.type != "cuda":
        return machine.memory_left(needed)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # for later, by PyTorch
    return torch.cuda.mem_get_info(device)[0] + kept
