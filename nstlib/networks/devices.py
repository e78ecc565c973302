"""Where networks compute, with how many threads, and in which precision."""

import functools
import math
import os
from pathlib import Path

import torch

from nstlib.machine import processors

CPUINFO = Path("/proc/cpuinfo")  # Linux
#: Features of a processor with which bfloat16 is faster than float32, as Linux names them. Measured: both losses and
#: their gradient for 256 × 192 pixels on `mini`, on one core of an Intel Xeon with AMX, PyTorch 2.14, where oneDNN was
#: let use (ONEDNN_MAX_CPU_ISA)
#:
#:     AMX            float32 0.117 s    bfloat16 0.057 s    2.1 times as fast
#:     AVX512_BF16            0.110 s             0.163 s    0.7
#:     AVX512                 0.112 s             0.376 s    0.3
#:     AVX2                   0.156 s             2.229 s    0.07
FAST_BFLOAT16 = ("amx_bf16",)
FIRST_GPU = (8, 0)  # NVIDIA's compute capability from which on its cores multiply bfloat16 (Ampere); not measured here


def default_device() -> torch.device:
    """CUDA where there is a usable GPU, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@functools.cache
def fast_precision(device: torch.device) -> str:
    """ "bfloat16" where the device multiplies it directly and faster than float32, else "float32".

    What the processor can do decides (`FAST_BFLOAT16`), not how busy the machine is: so the same machine always gives
    the same picture.
    """
    if device.type == "cuda":
        fast = bool(torch.version.cuda) and torch.cuda.get_device_capability(device) >= FIRST_GPU
    else:
        fast = device.type == "cpu" and torch.backends.mkldnn.is_available() and _has(FAST_BFLOAT16)
    return "bfloat16" if fast else "float32"


def as_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype for one of the words "auto", "float32" and "bfloat16"."""
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if precision != "auto" and precision not in known:
        raise ValueError(f'precision is {precision!r}; it must be "auto", "float32" or "bfloat16".')
    return known[fast_precision(device) if precision == "auto" else precision]


def heed_quota() -> None:
    """No more threads than a container grants processors; fewer are left as they are, and so is what the user asked for
    by OMP_NUM_THREADS.

    PyTorch counts the cores of the whole machine. The system stops a container that has used up its quota, and threads
    that wait for each other then all stand still.
    """
    granted = processors()
    if "OMP_NUM_THREADS" not in os.environ and granted < torch.get_num_threads():
        torch.set_num_threads(math.ceil(granted))


def _has(features: tuple[str, ...]) -> bool:
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not set(features).isdisjoint(flags.split())


heed_quota()
