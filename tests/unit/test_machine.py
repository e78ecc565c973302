"""What a program may use of the machine: limits as Linux, containers, `ulimit` and JupyterHub tell them."""

import io
import math
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nstlib
from nstlib import machine
from nstlib.__main__ import main
from nstlib.images import reading
from nstlib.networks import devices

GIB = 2**30
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux keeps them")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """`tree(files, mounts, groups)`: a machine of 8 GiB, 6 of them free, with these files under tmp_path, these lines
    of mountinfo (AT stands for tmp_path) and these of /proc/self/cgroup.
    """
    for name in ("MEM_LIMIT", "CPU_LIMIT", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "user_limits", dict)  # whatever `ulimit` says where the tests run

    def make(files, mounts=(), groups=()):
        files = {
            "proc/meminfo": "MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable:    6291456 kB\nSwapFree: 0 kB\n",
            "proc/self/status": "Name:\tpython\nVmSize:\t 3145728 kB\nVmRSS:\t  524288 kB\n",
            "proc/self/cgroup": "".join(f"{line}\n" for line in groups),
            "proc/self/mountinfo": "".join(
                f"{line}\n".replace("AT", str(tmp_path).replace(" ", r"\040")) for line in mounts
            ),
            **files,
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)

    return make


V2 = "30 23 0:26 / AT/fs rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "35 31 0:32 / AT/fs/memory rw,relatime - cgroup cgroup rw,memory"
V1_CPU = "32 31 0:29 / AT/fs/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct"
UNIFIED = "41 31 0:38 / AT/fs/unified rw,relatime - cgroup2 cgroup2 rw"


def test_without_a_container_the_machine_is_the_limit(tree):
    tree({})
    assert machine.total_memory() == 8 * GIB and machine.memory_left() == 6 * GIB and machine.processors() == math.inf


@pytest.mark.parametrize(
    "files, mounts, groups, total, left",
    [
        pytest.param(
            {
                "fs/user/hub/memory.max": "max",
                "fs/user/memory.max": str(2 * GIB),
                "fs/user/memory.stat": "anon 1024\nfile 9\n",
            },
            [V2],
            ["0::/user/hub"],
            2 * GIB,
            2 * GIB - 1024,
            id="version 2, limited above",
        ),
        pytest.param(
            {"fs/user/hub/memory.max": str(GIB), "fs/user/memory.max": str(2 * GIB), "fs/user/memory.stat": "anon 0"},
            [V2],
            ["0::/user/hub"],
            GIB,
            GIB,
            id="version 2, the smallest is the own one",
        ),
        pytest.param(
            {
                "fs/a/b/memory.max": str(3 * GIB),
                "fs/a/memory.max": str(4 * GIB),
                "fs/a/memory.stat": f"anon {3 * GIB}\nfile {GIB}\nshmem {GIB // 2}\n",
            },
            [V2],
            ["0::/a/b"],
            3 * GIB,
            GIB // 2,
            id="version 2, others of the group have taken it; files give way",
        ),
        pytest.param(
            {
                "fs/memory/docker/x/memory.limit_in_bytes": "9223372036854771712",
                "fs/memory/docker/memory.limit_in_bytes": str(GIB),
                "fs/memory/docker/memory.stat": f"rss 5\nshmem 5\ntotal_rss {GIB // 4}\ntotal_shmem 0\ntotal_cache 7\n",
                "fs/memory/memory.limit_in_bytes": "9223372036854771712",
            },
            [V1_CPU, V1, UNIFIED],
            ["4:memory:/docker/x", "3:cpu,cpuacct:/", "0::/"],
            GIB,
            GIB - GIB // 4,
            id="version 1, limited above",
        ),
        pytest.param(
            {"fs/memory/memory.limit_in_bytes": str(GIB)},
            ["35 31 0:32 /docker/x AT/fs/memory rw,relatime - cgroup cgroup rw,memory"],
            ["4:memory:/docker/x"],
            GIB,
            GIB,
            id="version 1, a container that sees only its own group",
        ),
        pytest.param(
            {"fs/memory/slice/job/memory.limit_in_bytes": str(GIB)},
            ["35 31 0:32 /docker/x AT/fs/memory rw,relatime - cgroup cgroup rw,memory"],
            ["4:memory:/docker/x/slice/job"],
            GIB,
            GIB,
            id="version 1, a group inside a container",
        ),
        pytest.param(
            {"fs/memory.max": str(GIB)},
            [V2],
            ["0::/../../elsewhere"],
            GIB,
            GIB,
            id="version 2, a group outside of what is seen",
        ),
        pytest.param(
            {"my fs/user/memory.max": str(GIB)},
            [r"30 23 0:26 / AT/my\040fs rw shared:4 - cgroup2 cgroup2 rw"],
            ["0::/user"],
            GIB,
            GIB,
            id="a folder with a space",
        ),
        pytest.param({"fs/memory.max": "rubbish"}, [V2], ["0::/"], 8 * GIB, 6 * GIB, id="no number"),
    ],
)
def test_the_smallest_limit_of_all_groups_above(tree, files, mounts, groups, total, left):
    """Met in: jupyterhub/systemdspawner#15"""
    tree(files, mounts, groups)
    assert (machine.total_memory(), machine.memory_left()) == (total, left)


def test_more_is_taken_than_there_is(tree):
    tree({"fs/memory.max": str(GIB), "fs/memory.stat": f"anon {2 * GIB}"}, [V2], ["0::/"])
    assert machine.memory_left() == 0


def test_a_hub_s_limit(tree, monkeypatch):
    """Met in: jupyterhub/sudospawner#55"""
    tree({})
    monkeypatch.setenv("MEM_LIMIT", str(GIB))
    assert machine.total_memory() == GIB and machine.memory_left() == GIB - 524288 * 1024
    for text in ("", "many", "-1"):
        monkeypatch.setenv("MEM_LIMIT", text)
        assert machine.total_memory() == 8 * GIB


@linux
def test_limits_of_the_user():
    """ulimit -v and -d, in a process of its own: what is left is the limit without what is taken and reserved."""
    code = (
        "import resource, sys\nfrom nstlib import machine\n"
        "kind = getattr(resource, sys.argv[1])\nhard = resource.getrlimit(kind)[1]\n"
        "resource.setrlimit(kind, (2**30, hard))\nprint(machine.total_memory(), machine.memory_left())"
    )
    for kind in ("RLIMIT_AS", "RLIMIT_DATA"):
        done = subprocess.run([sys.executable, "-c", code, kind], capture_output=True, text=True)
        total, left = map(float, done.stdout.split())
        assert total == GIB and GIB // 3 < left < GIB, done.stderr


@pytest.mark.parametrize(
    "files, mounts, groups, granted",
    [
        ({"fs/pod/a/cpu.max": "max 100000", "fs/pod/cpu.max": "150000 100000"}, [V2], ["0::/pod/a"], 1.5),
        ({"fs/pod/a/cpu.max": "50000 100000", "fs/pod/cpu.max": "150000 100000"}, [V2], ["0::/pod/a"], 0.5),
        (
            {
                "fs/cpu,cpuacct/pod/cpu.cfs_quota_us": "200000",
                "fs/cpu,cpuacct/pod/cpu.cfs_period_us": "100000",
                "fs/cpu,cpuacct/cpu.cfs_quota_us": "-1",
                "fs/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            [V1, V1_CPU],
            ["3:cpu,cpuacct:/pod", "4:memory:/"],
            2,
        ),
        ({"fs/cpu.max": "max 100000"}, [V2], ["0::/"], math.inf),
    ],
    ids=["version 2, above", "version 2, own", "version 1", "none"],
)
def test_the_processors_that_a_container_grants(tree, files, mounts, groups, granted):
    tree(files, mounts, groups)
    assert machine.processors() == granted


def test_the_processors_that_a_hub_grants(tree, monkeypatch):
    tree({})
    for text, granted in (
        ("0.5", 0.5),
        ("2", 2),
        ("", math.inf),
        ("0", math.inf),
        ("nan", math.inf),
        ("all", math.inf),
    ):
        monkeypatch.setenv("CPU_LIMIT", text)
        assert machine.processors() == granted


@pytest.mark.parametrize("granted, threads", [(0.5, 1), (1, 1), (1.5, 2), (4, 4), (8, 6), (math.inf, 6)])
def test_threads_follow_the_quota_downwards_only(granted, threads, monkeypatch):
    """On a machine of six cores."""
    now = [6]
    monkeypatch.setattr(torch, "get_num_threads", lambda: now[0])
    monkeypatch.setattr(torch, "set_num_threads", lambda number: now.append(now.pop() and number))
    monkeypatch.setattr(devices, "processors", lambda: granted)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    devices.heed_quota()
    assert now == [threads]
    now[:] = [6]
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    devices.heed_quota()
    assert now == [6], "the user's own number is left"


def test_threads_are_set_before_the_first_picture():
    """In a process of its own, as a hub starts it."""
    code = "import torch, nstlib; nstlib.load_network; print(torch.get_num_threads())"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    run = lambda **more: subprocess.run(
        [sys.executable, "-c", code], env=environment | more, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert run(CPU_LIMIT="0.5") == "1"


@pytest.mark.parametrize(
    "error, memory",
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            True,
        ),
        (ImportError("libc10.so: cannot open shared object file"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_how_a_lack_of_memory_is_said(error, memory):
    assert machine.is_out_of_memory(error) is memory


def test_a_vague_error_is_a_lack_of_memory_only_where_there_is_little(monkeypatch):
    """What oneDNN says under `ulimit -v`."""
    for left, memory in ((2**20, True), (2**40, False)):
        monkeypatch.setattr(machine, "memory_left", lambda left=left: left)
        assert machine.is_out_of_memory(RuntimeError("could not create a primitive")) is memory


@linux
def test_what_earlier_work_left_behind_is_given_back_first(tree, monkeypatch):
    """An allocator that holds 1 GiB until it is asked."""
    tree({"fs/memory.max": str(2 * GIB), "fs/memory.stat": f"anon {GIB}"}, [V2], ["0::/"])
    asked = []

    class C:
        def __init__(self, name):
            pass

        def malloc_trim(self, pad):
            asked.append(pad)
            tree({"fs/memory.stat": "anon 0"}, [V2], ["0::/"])

    monkeypatch.setattr(machine.ctypes, "CDLL", C)
    assert machine.memory_left(GIB // 2) == GIB and asked == [], "nothing is asked where there is enough"
    assert machine.memory_left(1.5 * GIB) == 2 * GIB and asked == [0]


@linux
@pytest.mark.parametrize("option, limit", [("RLIMIT_AS", 2 * GIB), ("RLIMIT_DATA", 500 * 2**20)])
def test_too_little_to_load_pytorch_is_said_before_it_dies(option, limit):
    """C libraries end the process while they are loaded: `terminate called after throwing std::bad_alloc`."""
    code = (
        "import resource, sys\nkind = getattr(resource, sys.argv[1])\n"
        "resource.setrlimit(kind, (int(sys.argv[2]), resource.getrlimit(kind)[1]))\n"
        "from nstlib.__main__ import main\nsys.exit(main(['pictures']))"
    )
    if not (Path(torch.__file__).parent / "lib" / "libtorch_cuda.so").exists():
        pytest.skip("PyTorch's CPU build takes less")
    done = subprocess.run([sys.executable, "-c", code, option, str(limit)], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("nstlib: ulimit -") and "; raise it (ulimit -" in done.stderr


# ---- what is counted -----------------------------------------------------------------------------------------------------


def encoded(image, kind="PNG"):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


RGB, RGBA = Image.new("RGB", (1000, 1000)), Image.new("RGBA", (1000, 1000))


@pytest.mark.parametrize(
    "source, needed",
    [
        (RGB, 20),
        (encoded(RGB), 20),
        (encoded(RGB, "JPEG"), 20),
        (RGBA, 52),
        (encoded(RGBA), 52),
        (np.zeros((1000, 1000, 3), np.uint8), 20),
        (torch.zeros(1, 3, 1000, 1000), 20),
    ],
    ids=["PIL", "PNG", "JPEG", "transparent", "transparent PNG", "array", "tensor"],
)
@pytest.mark.filterwarnings("ignore:.* is transparent in places:UserWarning")
def test_loading_of_pictures_is_counted(source, needed, monkeypatch, tmp_path):
    """A million pixels, with a little less and a little more than they need."""
    sources = [source]
    if isinstance(source, bytes):
        (tmp_path / "picture").write_bytes(source)
        sources.append(tmp_path / "picture")
    for source in sources:
        monkeypatch.setattr(reading, "memory_left", lambda _: needed * 10**6 + 1)
        assert nstlib.load_image(source).shape == (1, 3, 1000, 1000)
        monkeypatch.setattr(reading, "memory_left", lambda _: needed * 10**6 - 1)
        with pytest.raises(MemoryError, match=r"has 1\.0 million pixels, and to open it takes about \d+ MiB of memory"):
            nstlib.load_image(source)


@pytest.mark.parametrize("place", ["PIL.Image.Image.load", "PIL.Image.open"])
def test_a_lack_of_memory_is_no_damaged_picture(place, monkeypatch):
    def lack(*_, **__):
        raise MemoryError

    data = encoded(RGB)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load" if "load" in place else place, lack)
    with pytest.raises(MemoryError, match=r"not enough memory to open this picture .bytes.; make it smaller"):
        nstlib.load_image(data)


@linux
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["a run", "a dry run"])
def test_a_command_within_a_hub_s_limit(more, tmp_path, monkeypatch, capsys):
    """400 MiB are left of it: too little for 1600 pixels; the size that is advised is painted.

    Met in: jupyterhub/sudospawner#55
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "user_limits", dict)
    machine.memory_left(math.inf)  # what other tests left behind
    taken = int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    monkeypatch.setenv("MEM_LIMIT", str(taken + 400 * 2**20))
    save = nstlib.save_image(torch.rand(1, 3, 60, 80), "photo.png")
    words = ["transfer", str(save), str(save), "-o", "out.png", "--steps", "2", *more]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is enlarged
        assert main([*words, "--size", "1600"]) == 1
        said = capsys.readouterr().err
        assert (found := re.search(r"would take another .* MiB are left; try a size of (\d+)\.\n", said)), said
        assert 200 < int(found[1]) < 900
        assert main([*words, "--size", str(int(found[1]) - 16)]) == 0, capsys.readouterr().err


MEASURE = """
import re, sys, warnings, torch
from pathlib import Path
warnings.simplefilter("ignore")
torch.set_num_threads(1)
amount = lambda name: 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
import nstlib, nstlib.optimize.memory as memory
nstlib.load_image("cat")
"""


@linux
@pytest.mark.parametrize("size, precision", [(96, "float32"), (600, "float32"), (600, "bfloat16")])
def test_what_is_counted_is_what_is_taken(size, precision):
    """The peak of a process of its own, from the check on: not more than was counted, and not much less."""
    code = MEASURE + (
        "counted, before = [], []\nreal = memory.check_memory\n"
        "def check(network, layers, height, width, *, scales=None, **more):\n"
        "    counted.append(memory.WORK + memory.memory_needed(network, layers, height, width, scales=scales, **more))\n"
        "    before.append(amount('VmRSS'))\n"
        "nstlib.transfer.check_memory = check\n"
        "nstlib.style_transfer('riverside_town', 'night_swirls', size=int(sys.argv[1]), precision=sys.argv[2], steps=5,"
        " progress=False)\n"
        "print(counted[0], amount('VmHWM') - before[0])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(size), precision], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counted, taken = map(float, done.stdout.split())
    assert counted / 2 < taken < 1.05 * counted


@linux
@pytest.mark.parametrize(
    "mode, kind, each",
    [("RGB", "JPEG", reading.BYTES), ("P", "PNG", reading.BYTES), ("RGBA", "PNG", reading.BYTES_CLEAR)],
)
def test_what_is_counted_for_a_picture_is_what_it_takes(mode, kind, each, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 4), dtype=np.uint8)
    Image.fromarray(noise if mode == "RGBA" else noise[..., :3]).convert(mode).resize((4000, 3000)).save(
        tmp_path / "large", kind
    )
    code = MEASURE + "before = amount('VmRSS')\nnstlib.load_image(sys.argv[1])\nprint(amount('VmHWM') - before)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "large")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert each / 2 < float(done.stdout) / 12e6 < 1.05 * each
