"""The command line, run as its user runs it: in a process of its own where that matters."""

import re
import subprocess
import sys

import pytest
from PIL import Image

import nstlib
from nstlib.__main__ import main


def shape(file):
    with Image.open(file) as picture:
        return picture.size


def test_transfer_writes_the_picture_and_plain_lines(tmp_path):
    out = tmp_path / "out put.png"
    command = [
        sys.executable,
        "-m",
        "nstlib",
        "transfer",
        "cat",
        "gravel",
        "-o",
        str(out),
        "--size",
        "64",
        "--steps",
        "10",
    ]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=None)
    assert run.returncode == 0, run.stderr
    assert shape(out) == (64, 43)
    assert "step 10 of 10: total " in run.stdout and "64 × 43 picture after 10 steps" in run.stdout
    assert list(tmp_path.iterdir()) == [out]


def test_quiet_prints_nothing(tmp_path, capsys):
    assert (
        main(["transfer", "cat", "gravel", "-o", str(tmp_path / "o.jpg"), "--size", "48", "--steps", "2", "--quiet"])
        == 0
    )
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "o.jpg").is_file()


def test_a_dry_run_paints_nothing(tmp_path, capsys):
    assert (
        main(["transfer", "cat", "gravel", "-o", str(tmp_path / "o.png"), "--size", "96", "--steps", "20", "--dry-run"])
        == 0
    )
    assert re.fullmatch(
        r"96 × 64 pixels, 20 steps on mini: about \d+ s and \d\.\d GiB of memory on this machine\n",
        capsys.readouterr().out,
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nosuch.jpg", "x.jpg", "-o", "y.png"], "no file 'nosuch.jpg'"),
        (["cat", "x.jpg", "-o", "y.png"], "no file 'x.jpg'"),
        (["cat", "gravel", "-o", "no/such/folder/y.png"], "there is no folder"),
        (["cat", "gravel", "-o", "y.txt"], "must end in .png"),
        (["mine.png", "gravel", "-o", "mine.png"], "the output mine.png is one of the two input pictures"),
        (
            ["mine.png", "gravel", "-o", "y.png", "--checkpoint", "mine.png"],
            "the checkpoint mine.png is one of the two input pictures",
        ),
        (["broken.png", "gravel", "-o", "y.png"], "broken.png"),
        (["cat", "gravel", "-o", "y.png", "--size", "5"], "needs at least"),
        (["cat", "gravel", "-o", "y.png", "--content-weight", "nan"], "content_weight is nan"),
    ],
)
def test_a_mistake_is_one_line_and_exit_1(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nstlib.save_image(nstlib.load_image("cat", size=32), "mine.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "mine.png").read_bytes()[:200])
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert main(["transfer", *arguments]) == 1
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and out == ""
    assert before == {file: file.read_bytes() for file in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["transfer", "cat"],
        ["transfer", "a", "b", "-o", "c.png", "--steps", "0"],
        ["transfer", "a", "b", "-o", "c.png", "--network", "vgg16"],
    ],
)
def test_wrong_usage_is_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2 and "usage: nstlib" in capsys.readouterr().err


def test_demo(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--size", "64", "--steps", "6"]) == 0
    assert shape("outputs/demo_result.png") == (64, 48)
    width, height = shape("outputs/demo.png")
    assert width > 3 * height / 1.2
    text = capsys.readouterr().out
    for word in ("style loss", "content loss", "time", "demo_result.png", "Next:"):
        assert word in text


def test_pictures_and_doctor(capsys):
    assert main(["pictures"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in nstlib.picture_names())
    assert main(["doctor"]) == 0
    assert "All is well." in capsys.readouterr().out


def test_fetch(capsys):
    assert main(["fetch", "cat"]) == 0
    assert "cat is here" in capsys.readouterr().out
    assert main(["fetch", "catt"]) == 1
    assert "did you mean 'cat'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option, name, value",
    [
        ("--content-weight", "content_weight", 0.5),
        ("--style-weight", "style_weight", 2.0),
        ("--tv-weight", "tv_weight", 0.25),
        ("--scales", "scales", 2),
        ("--size", "size", 48),
        ("--steps", "steps", 3),
        ("--init", "init", "noise"),
        ("--method", "method", "adam"),
        ("--precision", "precision", "float32"),
        ("--seed", "seed", 7),
    ],
)
def test_every_option_reaches_style_transfer(option, name, value, tmp_path, monkeypatch):
    asked = {}

    def refuse(*pictures, **options):
        asked.update(options)
        raise ValueError("not now")

    monkeypatch.setattr(nstlib, "style_transfer", refuse)
    assert main(["transfer", "cat", "gravel", "-o", str(tmp_path / "o.png"), option, str(value)]) == 1
    assert asked[name] == value
    asked.clear()
    assert main(["transfer", "cat", "gravel", "-o", str(tmp_path / "o.png")]) == 1
    assert asked and name not in asked  # so its default is that of style_transfer
