"""nstlib doctor"""

import argparse
import math
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from nstlib.commands.options import called_as, command, one_line


def add_to(commands) -> None:
    command(commands, "doctor", run, "Say what is installed, what is missing and how to mend it.")


def run(options: argparse.Namespace) -> int:
    print(f"Python       {platform.python_version()} on {platform.system()} ({platform.machine()})")
    problems = [*_packages(), *_library()]
    free = shutil.disk_usage(home if os.path.isdir(home := os.path.expanduser("~")) else ".").free / 2**30
    print(f"disk         {free:.0f} GiB free")
    for problem in problems:
        print(f"to mend: {problem}")
    print("Something is missing, see above." if problems else "All is well.")
    return 1 if problems else 0


def _packages() -> list[str]:
    """Tells the versions of what nstlib needs, as its installed metadata says; the problems."""
    problems = []
    try:
        needed = [Requirement(text) for text in requires("nstlib") or []]
    except PackageNotFoundError:
        return ["nstlib itself is not installed, only lying in this folder: pip install -e ."]
    for requirement in needed:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name, wanted = requirement.name, requirement.specifier
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        print(f"{name:12} {found}")
        if found == "missing":
            problems.append(f"{name} is missing: pip install '{name}{wanted}'")
        elif not wanted.contains(found, prereleases=True):
            problems.append(f"{name} is {found}, wanted is {wanted}: pip install '{name}{wanted}'")
    return problems


def _library() -> list[str]:
    """Tells what nstlib finds on this machine; the problems."""
    try:
        import torch

        from nstlib import load_network, picture_info, picture_names
        from nstlib.images import DATA
        from nstlib.machine import total_memory
        from nstlib.networks import default_device

        device = default_device()
        print(f"device       {device}, {torch.get_num_threads()} threads")
        memory = total_memory() / 2**30
        print(f"memory       {f'{memory:.0f} GiB' if math.isfinite(memory) else 'unknown'}")
        parameters = sum(p.numel() for p in load_network().parameters())
        print(f"mini         {DATA / 'mini.safetensors'}: right, {parameters / 1e6:.2f} million weights")
        state, problems = _vgg19()
        print(f"vgg19        {state}")
        here = sum(picture_info(name)["offline"] for name in picture_names())
        print(f"pictures     {len(picture_names())} by name, {here} of them here: {called_as()} pictures")
    except (ImportError, ValueError, OSError) as error:
        return [one_line(error)]
    return problems + (["there is less than 3 GiB of memory: use --size 256 or less"] if memory < 3 else [])


def _vgg19() -> tuple[str, list[str]]:
    """Whether the file of VGG-19's weights is here, by its size and its hash; the problems."""
    from nstlib.images.downloads import has_hash
    from nstlib.networks import vgg19_file

    _, file = vgg19_file()
    part = file.with_name(file.name + ".part")
    if not file.exists():
        begun = f"{part.stat().st_size / 2**20:.0f} of 548 MB are here; " if part.is_file() else ""
        return f"not here; {begun}optional: {called_as()} fetch vgg19 (548 MB)", []
    if not file.is_file():
        return f"{file} is not a file", [f"{file} is not a file: move it away"]
    size = file.stat().st_size
    shown = f"{size / 2**20:.0f} MB" if size >= 2**20 else f"{size} bytes"
    if has_hash(file, file.stem.rsplit("-", 1)[-1]):
        return f"{file}: right, {shown}", []
    return f"{file}: damaged, {shown}", [
        f"the file of vgg19 is damaged ({shown}): delete {file}, then {called_as()} fetch vgg19"
    ]
