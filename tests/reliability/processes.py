"""What test_interrupted.py runs in processes of its own, which are forked from one that has imported nstlib already."""

import contextlib
import os
import re
import resource
import sys
import traceback
from pathlib import Path

import torch

from nstlib import images, load_image, save_image
from nstlib.__main__ import main
from nstlib.optimize import checkpoint


def command(arguments: list[str], folder: str, ready, limits: dict | None, seconds: float) -> None:
    """`nstlib …` as its user runs it: what it says goes to the file `said`, its exit status is the process's."""
    torch.set_num_threads(1)
    checkpoint.SECONDS = seconds  # often, so that it is killed while it writes, too
    os.chdir(folder)
    for name, amount in (limits or {}).items():
        if taken := {"RLIMIT_AS": "VmSize", "RLIMIT_DATA": "VmData"}.get(name):  # bytes beyond what is taken already
            amount += 1024 * int(re.search(rf"{taken}:\s+(\d+)", Path("/proc/self/status").read_text())[1])
        resource.setrlimit(getattr(resource, name), (amount, amount))
    with (
        open("said", "w", encoding="utf-8") as said,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        ready.set()
        try:
            code = main(arguments)
        except BaseException:
            traceback.print_exc()
            code = 99
    os._exit(code)


def save_again_and_again(path: str, value: float, until) -> None:
    torch.set_num_threads(1)
    image = torch.full((1, 3, 60, 60), value)
    while not until.is_set():
        save_image(image, path)


def fetch(name: str, known: dict, cache: str, start, results) -> None:
    os.environ["NSTLIB_CACHE"] = cache
    images.registry.registry = lambda: known
    start.wait()
    try:
        results.put(tuple(load_image(name).shape))
    except Exception as error:
        results.put(f"{type(error).__name__}: {error}")
    sys.stdout.flush()
