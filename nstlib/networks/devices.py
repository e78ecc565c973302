"""Where networks compute, and in which precision."""

import functools
import time

import torch
import torch.nn.functional as F


def default_device() -> torch.device:
    """CUDA where there is a usable GPU, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@functools.cache
def fast_precision(device: torch.device) -> str:
    """ "bfloat16" where a convolution and its gradient are clearly faster in it, else "float32".

    Found by a measurement (about 0.1 s) and remembered: some processors have no instruction for bfloat16 and are slower
    with it.
    """

    def seconds(precision: torch.dtype) -> float:
        image = (
            torch.ones(1, 64, 96, 96, device=device, dtype=precision)
            .to(memory_format=torch.channels_last)
            .requires_grad_(True)
        )
        weight = torch.ones(64, 64, 3, 3, device=device, dtype=precision).to(memory_format=torch.channels_last)
        started = time.perf_counter()
        F.conv2d(image, weight, padding=1).sum().backward()
        image.grad.sum().item()  # waits for a GPU
        return time.perf_counter() - started

    try:  # in turn, so that other work of the machine falls on both alike
        turns = [(seconds(torch.float32), seconds(torch.bfloat16)) for _ in range(8)]
    except (RuntimeError, TypeError, NotImplementedError):  # a device that has no bfloat16
        return "float32"
    plain, half = map(min, zip(*turns, strict=True))
    return "bfloat16" if half < plain / 1.2 else "float32"


def as_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype for one of the words "auto", "float32" and "bfloat16"."""
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if precision != "auto" and precision not in known:
        raise ValueError(f'precision is {precision!r}; it must be "auto", "float32" or "bfloat16".')
    return known[fast_precision(device) if precision == "auto" else precision]
