"""What this program may use of the machine: memory and processors, as the system, a container, `ulimit` or a hub
allows. Without PyTorch.
"""

import contextlib
import ctypes
import gc
import importlib.util
import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

with contextlib.suppress(ImportError):  # not on Windows
    import resource

PROC, UNLIMITED = Path("/proc"), 2**60  # bytes: what stands for "no limit" is more than that
LOADED = 350 * 2**20  # bytes that Python and PyTorch take, beside what they read from their files, by measurement
WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate",
    "failed to map segment",  # of a library that is to be loaded
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is how Python, NumPy, PyTorch or the system says that there was no more memory."""
    text = str(error).lower()
    vague = "could not create a primitive" in text  # oneDNN says so of other troubles too
    return isinstance(error, MemoryError) or any(word in text for word in WORDS) or (vague and memory_left() < 2**30)


def total_memory() -> float:
    """Bytes that all programs of this machine, this container and this user's limits have together; infinite where the
    system does not tell.
    """
    return min((limit for limit, _ in _memory()), default=math.inf)


def memory_left(needed: float = 0) -> float:
    """Bytes that this program can still take before the system refuses them, or ends it.

    Where that is less than is `needed`, it first gives back what earlier work has left behind: C's allocator on Linux
    keeps hundreds of MB for later.
    """
    left = max(0, min((limit - taken for limit, taken in _memory()), default=math.inf))
    if left < needed:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
        return memory_left()
    return left


def check_room() -> None:
    """MemoryError where PyTorch cannot even be loaded: the system would end the program without a word."""
    torch = importlib.util.find_spec("torch")
    cuda = torch and torch.origin and Path(torch.origin).with_name("lib").joinpath("libtorch_cuda.so").exists()
    for option, (limit, _, _, loaded) in user_limits().items():
        if cuda and limit < loaded:
            raise MemoryError(
                f"ulimit {option} allows {amount(limit)}, and PyTorch with its CUDA libraries needs {amount(loaded)}; "
                f"raise it (ulimit {option} unlimited), or install PyTorch's CPU build"
            )
    if (left := memory_left()) < LOADED:
        raise MemoryError(
            f"{amount(left)} of memory are left here, and Python with PyTorch alone takes about {amount(LOADED)}; "
            "close other programs, or raise the limit (of the container, of JupyterHub, ulimit -v)"
        )


def pytorch_error(error: ImportError | OSError) -> MemoryError | ImportError | None:
    """What to raise where `error` means that PyTorch cannot be loaded; None where PyTorch is all right."""
    if is_out_of_memory(error):
        return MemoryError(
            f"There is not enough memory to load PyTorch ({error}). Close other programs, or raise the limit (of the "
            "container; ulimit -v unlimited)."
        )
    try:
        import torch  # noqa: F401
    except (ImportError, OSError):
        return ImportError(
            f"nstlib needs PyTorch, which cannot be imported here: {error}. Install it anew (pip install "
            "--force-reinstall torch); on Windows, Microsoft's Visual C++ Redistributable too."
        )
    return None


def amount(number: float) -> str:
    """Bytes for a reader.

    >>> amount(300 * 2**20), amount(1.25 * 2**30)
    ('300 MiB', '1.2 GiB')
    """
    return f"{number / 2**20:.0f} MiB" if number < 2**30 else f"{number / 2**30:.1f} GiB"


def processors() -> float:
    """How many processors' time a container grants this program, such as 1.5; infinite where nothing is said."""
    quotas = [math.inf]
    for folder in _control_groups("cpu"):
        quota, period = [*_text(folder / "cpu.max").split(), "", ""][:2]
        if not quota:
            quota, period = (_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
        if quota.isdecimal() and period.isdecimal() and int(period):  # else "max", or -1
            quotas.append(int(quota) / int(period))
    with contextlib.suppress(KeyError, ValueError):
        quotas.append(float(os.environ["CPU_LIMIT"]))  # JupyterHub's
    return min(quota for quota in quotas if quota > 0)


def _memory() -> Iterator[tuple[float, float]]:
    """(bytes allowed, bytes taken of them) by each limit that this program meets."""
    machine, program = _amounts(PROC / "meminfo"), _amounts(PROC / "self/status")
    if "MemAvailable" in machine:
        yield machine["MemTotal"], machine["MemTotal"] - machine["MemAvailable"] - machine.get("SwapFree", 0)
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), 0
    for folder in _control_groups("memory"):
        limit = _text(folder / "memory.max").strip() or _text(folder / "memory.limit_in_bytes").strip()
        if limit.isdecimal() and int(limit) < UNLIMITED:
            # Not the cache of files, which gives way; "total_" is what version 1 calls a group with those below it
            taken = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
            names = ("total_rss", "total_shmem") if "total_rss" in taken else ("anon", "shmem")
            yield int(limit), sum(int(taken.get(name, 0)) for name in names)
    for limit, name, reserved, _ in user_limits().values():
        yield limit, program.get(name, 0) + reserved
    if os.environ.get("MEM_LIMIT", "").isdecimal():  # JupyterHub's, in bytes
        yield int(os.environ["MEM_LIMIT"]), program.get("VmRSS", 0)


def user_limits() -> dict[str, tuple[int, str, int, int]]:
    """Option of `ulimit` -> (bytes allowed; what /proc calls that which counts; bytes that threads and C's allocator
    reserve of it while PyTorch works, and bytes that it takes to be loaded, both by measurement: PyTorch 2.14 with its
    CUDA libraries, two threads).
    """
    if not sys.platform.startswith("linux"):  # elsewhere they are not kept
        return {}
    known = {
        "-v": (resource.RLIMIT_AS, "VmSize", 350 * 2**20, 3380 * 2**20),
        "-d": (resource.RLIMIT_DATA, "VmData", 150 * 2**20, 850 * 2**20),
    }
    limits = {option: (resource.getrlimit(kind)[0], *more) for option, (kind, *more) in known.items()}
    return {option: limit for option, limit in limits.items() if 0 <= limit[0] < UNLIMITED}


def _control_groups(kind: str) -> Iterator[Path]:
    """The folders of Linux' control groups, version 1 and 2, that limit this program's "memory" or "cpu": from its own
    up to the root, as far as they can be seen from here.
    """
    own = [line.split(":", 2) for line in _text(PROC / "self/cgroup").splitlines()]
    own = {name: path for _, names, path in own for name in names.split(",")}  # version 2 has no names
    for line in _text(PROC / "self/mountinfo").splitlines():
        mount, system = (part.split() for part in line.split(" - "))
        versions = {"cgroup2": "", "cgroup": kind if kind in system[-1].split(",") else None}
        group = own.get(versions.get(system[0]))
        if group is None:
            continue
        root, point = (re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), text) for text in mount[3:5])
        top = Path(point)
        folder = top / os.path.relpath(group, root)  # top itself in a container that sees only its own group
        yield from [folder, *folder.parents][: len(folder.parts) - len(top.parts) + 1]


def _amounts(file: Path) -> dict[str, int]:
    """Bytes by name, of a file with lines such as "MemTotal:  24000 kB"."""
    return {name: 1024 * int(amount) for name, amount in re.findall(r"^(\w+):\s+(\d+) kB$", _text(file), re.MULTILINE)}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
