"""The file that lesson 05 ends with, notebooks/solutions/my_transfer.py: it paints, and its functions are right."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nstlib
from nstlib import checks

FILE = Path(__file__).parents[2] / "notebooks" / "solutions" / "my_transfer.py"


def test_it_paints_a_picture_and_its_losses_fall(tmp_path):
    out = tmp_path / "out.png"
    command = [sys.executable, str(FILE), "riverside_town", "woodblock_wave", str(out), "64"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    lines = [re.fullmatch(r"step +(\d+) +content (\d+) +style (\d+)", line) for line in done.stdout.splitlines()]
    steps = {int(line[1]): (float(line[2]), float(line[3])) for line in lines}
    assert list(steps) == [1, 20, 40, 60, 80, 100]
    (content, style), (content_after, style_after) = steps[1], steps[100]
    assert content == 0 < content_after and style_after < style / 5
    assert content_after + style_after < style / 2
    image = nstlib.load_image(out)
    assert image.shape == nstlib.load_image("riverside_town", size=64).shape
    assert (image - nstlib.load_image("riverside_town", size=64)).abs().mean() > 0.02  # it is another picture


def test_it_says_how_it_is_called():
    done = subprocess.run([sys.executable, str(FILE)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "PHOTO PAINTING OUT.png" in done.stderr


@pytest.mark.parametrize("name", ["my_objective", "my_paint"])
def test_its_functions_pass_the_checkers_of_the_lesson(name, capsys):
    spec = importlib.util.spec_from_file_location("my_transfer", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    getattr(checks, f"check_{name}")(getattr(module, name))
    assert f"{name}: right" in capsys.readouterr().out
