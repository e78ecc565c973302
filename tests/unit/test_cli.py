"""The command line, run as its user runs it: in a process of its own where that matters."""

import argparse
import contextlib
import hashlib
import inspect
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from PIL import Image

import nstlib
from nstlib.__main__ import main
from nstlib.commands import transfer
from nstlib.commands.options import DEFAULTS, called_as, what_next


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
        (["mine.png", "gravel", "-o", "mine.png"], "the output mine.png is one of the input pictures"),
        (
            ["mine.png", "gravel", "-o", "y.png", "--checkpoint", "mine.png"],
            "the checkpoint mine.png is one of the input pictures",
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


# ---- options -----------------------------------------------------------------------------------------------------

#: Every option that is a parameter of `style_transfer`: (as it is typed, the parameter, what arrives there).
OPTIONS = [
    ("--size 48", "size", 48),
    ("--size own", "size", None),
    ("--init noise", "init", "noise"),
    ("--seed 7", "seed", 7),
    ("--edges zeros", "edges", "zeros"),
    ("--content-weight 0.5", "content_weight", 0.5),
    ("--style-weight 2", "style_weight", 2.0),
    ("--tv-weight 0.25", "tv_weight", 0.25),
    ("--content-layers relu3_1,relu4_1", "content_layers", ["relu3_1", "relu4_1"]),
    ("--style-layers=relu1_1", "style_layers", ["relu1_1"]),
    ("--layer-weights 1,2,3,4,5", "layer_weights", [1, 2, 3, 4, 5]),
    ("--layer-weights relu1_1=1,relu2_1=0.5", "layer_weights", {"relu1_1": 1, "relu2_1": 0.5}),
    ("--scales 2", "scales", 2),
    ("--keep-colors luminance", "keep_colors", "luminance"),
    ("--style-loss sliced", "style_loss", "sliced"),
    ("--style-weights 2,1", "style_weights", [2, 1]),
    ("--style-mix scales", "style_mix", "scales"),
    ("--style-scale 0.5", "style_scale", 0.5),
    ("--mask cat", "mask", ["cat"]),
    ("--mask cat --mask gravel", "mask", ["cat", "gravel"]),
    ("--style-mask gravel", "style_masks", ["gravel"]),
    ("--steps 3", "steps", 3),
    ("--method adam", "method", "adam"),
    ("--learning-rate 0.1", "learning_rate", 0.1),
    ("--one-size", "coarse_to_fine", False),
    ("--precision float32", "precision", "float32"),
    ("--paper", "relative", False),
    ("--paper", "scales", 1),
    ("--paper", "content_layers", nstlib.PAPER["content_layers"]),
    ("--paper --scales 3", "scales", 3),
    ("--checkpoint state.ck", "checkpoint", Path("state.ck")),
    ("--quiet", "progress", False),
]
#: The others, each with a test of its own.
OTHERS = {"--help", "--style", "--output", "--network", "--dry-run", "--save-every", "--resume"}


def parser_of_transfer():
    commands = argparse.ArgumentParser().add_subparsers()
    transfer.add_to(commands)
    return commands.choices["transfer"]


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """`asked(arguments)`: what `nstlib transfer cat gravel -o o.png …` asks of `style_transfer`."""
    monkeypatch.chdir(tmp_path)

    def ask(*arguments):
        found = {}

        def refuse(*pictures, **options):
            found.update(options, pictures=pictures)
            raise ValueError("not now")

        with monkeypatch.context() as patch:
            patch.setattr(nstlib, "style_transfer", refuse)
            assert main(["transfer", "cat", "gravel", "-o", "o.png", *arguments]) == 1
        assert found, "it did not come to that"
        return found

    return ask


@pytest.mark.parametrize("typed, name, value", OPTIONS)
def test_every_option_reaches_style_transfer(typed, name, value, asked):
    """Met in: jcjohnson/neural-style#36, anishathalye/neural-style#114, anishathalye/neural-style#137,
    cysmith/neural-style-tf#98, ProGamerGov/neural-style-pt#48."""
    assert asked(*typed.split())[name] == value
    if name not in ("checkpoint", "progress"):
        assert name not in asked()  # so its default is that of style_transfer


def test_the_tables_have_every_option_and_every_parameter():
    options = {action.option_strings[-1] for action in parser_of_transfer()._actions if action.option_strings}
    assert options == OTHERS | {typed.split()[0].partition("=")[0] for typed, _, _ in OPTIONS}
    parameters = set(inspect.signature(nstlib.style_transfer).parameters)
    assert parameters == {name for _, name, _ in OPTIONS} | {"content", "style", "network", "on_step"}


def test_the_defaults_in_the_help_are_those_of_style_transfer(capsys):
    parameters = inspect.signature(nstlib.style_transfer).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS
    with pytest.raises(SystemExit):
        main(["transfer", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in ("(default: 384)", "(default: 0.005)", "relu3_2,relu3_4)", "(default: lbfgs)", "what is minimised:"):
        assert words in text


def test_the_help_is_short_and_grouped(capsys):
    with pytest.raises(SystemExit):
        main(["transfer", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 75 and max(map(len, lines)) <= 80
    assert [line for line in lines if line.endswith(":") and line[0] != " "][2:-1] == [
        "the picture:",
        "paintings and regions:",
        "what is minimised:",
        "how it is painted:",
        "on the way:",
    ]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--size 0", "'0' is not a whole number of at least 1"),
        ("--size huge", "'huge' is not a whole number"),
        ("--save-every 0", "is not a whole number of at least 1"),
        ("--layer-weights 1,x", "'1,x' is neither numbers (1,0.5,…) nor numbers by name"),
        ("--layer-weights relu1_1=1,2", "is neither numbers (1,0.5,…) nor numbers by name"),
        ("--edges round", "invalid choice: 'round'"),
        ("--learning-rate fast", "invalid float value: 'fast'"),
    ],
)
def test_an_option_of_another_kind_is_wrong_usage(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        main(["transfer", "a", "b", "-o", "c.png", *arguments.split()])
    assert error.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--style-layers block4_conv2", "Keras's block4_conv2 is 'relu4_2' here"),
        ("--style-layers relu1_1 --layer-weights 1,2", "There are 2 layer weights for 1 style layers"),
        ("--layer-weights relu1_1=1", "layer_weights has no weight for the style layer 'relu2_1'"),
        ("--content-weight 1e300", "content_weight is 1e+300"),
        ("--learning-rate -1", "learning_rate is -1.0; it must be a positive number"),
        ("--seed 99999999999999999999", "seed is 99999999999999999999; it must be a whole number from"),
        ("--init nois", "--init is neither content, noise nor style, and no file 'nois'"),
        ("--init broken.png", "'broken.png' is empty"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_setting_that_cannot_be_is_one_line_and_nothing_is_painted(
    arguments, message, dry, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("broken.png").touch()
    assert main(["transfer", "cat", "gravel", "-o", "o.png", "--size", "48", *arguments.split(), *dry]) == 1
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and out == "" and os.listdir() == ["broken.png"]


@pytest.mark.filterwarnings("ignore:The photograph is:UserWarning")
@pytest.mark.parametrize(
    "arguments, message",
    [
        (["narrow.png", "gravel", "--style-layers", "relu5_1"], "The photograph is 600 × 20 pixels, and 384 × 13"),
        (["cat", "narrow.png", "--style-layers", "relu5_1"], "The painting is 600 × 20 pixels, and 384 × 13"),
        (["cat", "gravel", "--size", "1"], "Ask for a size of 7"),
        (["cat", "gravel", "--size", "9000"], "try a size of"),
        (["cat", "gravel", "--checkpoint", "other.ck", "--resume"], "is not a checkpoint"),
        (["cat", "gravel", "--checkpoint", "other.ck"], "there is a checkpoint other.ck already"),
    ],
)
def test_a_dry_run_fails_as_the_run_would(arguments, message, tmp_path, monkeypatch, capsys):
    """Met in: futscdav/strotss#4."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEM_LIMIT", str(8 * 2**30))  # bytes: a larger machine would begin to paint 9000 pixels
    nstlib.save_image(torch.rand(1, 3, 20, 600), "narrow.png")
    Path("other.ck").write_text("something else")
    said = []
    for dry in ([], ["--dry-run"]):
        assert main(["transfer", *arguments, "-o", "o.png", "--steps", "1", *dry]) == 1
        said.append(capsys.readouterr().err)
    left = re.compile(r"[\d.]+ GiB are left.*")  # of memory: it comes and goes
    assert message in said[0] and left.sub("", said[0]) == left.sub("", said[1])
    assert sorted(os.listdir()) == ["narrow.png", "other.ck"]


def test_own_size_a_picture_to_start_from_and_a_home(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    photo, start = (torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    nstlib.save_image(photo, tmp_path / "photo.png")
    nstlib.save_image(start, tmp_path / "start.png")
    more = ["--size", "own", "--init", "~/start.png", "--steps", "1", "--one-size"]
    assert main(["transfer", "~/photo.png", "gravel", "-o", "~/out.png", *more]) == 0
    # After one step, the best picture is the one it began with
    assert torch.equal(nstlib.load_image(tmp_path / "out.png"), nstlib.load_image(tmp_path / "start.png"))
    assert "in place of" not in capsys.readouterr().out
    assert main(["transfer", "~/photo.png", "gravel", "-o", "~/out.png", *more]) == 0
    assert f"{tmp_path / 'out.png'} (in place of an older one): 56 × 40 picture" in capsys.readouterr().out
    assert main(["transfer", "~/photo.png", "gravel", "-o", "~/photo.png", *more]) == 1
    assert "is one of the input pictures" in capsys.readouterr().err


def test_pictures_on_the_way(tmp_path, monkeypatch):
    """Met in: jcjohnson/neural-style#36, cysmith/neural-style-tf#98."""
    monkeypatch.chdir(tmp_path)
    size = ["--size", "128", "--precision", "float32", "--quiet"]
    assert main(["transfer", "cat", "gravel", "-o", "out.jpg", "--steps", "10", "--save-every", "4", *size]) == 0
    assert sorted(os.listdir()) == ["out.jpg", "out_04.jpg", "out_08.jpg"]
    assert {shape(file) for file in os.listdir()} == {(128, 85)}, "the smaller sizes too"
    images = [nstlib.load_image(file) for file in sorted(os.listdir())]
    assert (images[1] - images[2]).abs().mean() > 0.01


def test_a_picture_on_the_way_harms_no_input_and_no_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nstlib.save_image(nstlib.load_image("cat", size=48), "out_2.png")
    more = ["--size", "48", "--steps", "4", "--save-every", "2", "--quiet"]
    assert main(["transfer", "out_2.png", "gravel", "-o", "out.png", *more]) == 1
    assert "the output out_2.png is one of the input pictures" in capsys.readouterr().err

    def full(image, path):
        raise OSError(f"{path} could not be written (No space left on device)")

    monkeypatch.setattr(nstlib, "save_image", full)
    assert main(["transfer", "cat", "gravel", "-o", "out.png", *more]) == 0
    assert capsys.readouterr().err.count("No space left on device") == 2 and shape("out.png") == (48, 32)


# ---- several photographs -----------------------------------------------------------------------------------------


@pytest.fixture
def threads(monkeypatch, mini):
    """Sweeps paint in this process, one after another. The event is set when one ends."""
    ended = threading.Event()

    @contextlib.contextmanager
    def pool():
        with ThreadPoolExecutor(1) as executor:
            try:
                yield executor.submit
            finally:
                ended.set()

    monkeypatch.setattr("nstlib.experiments.sweeps.worker_pool", pool)
    monkeypatch.setattr("nstlib.experiments.sweeps.transfer_network", lambda name: mini)
    return ended


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of two pictures, a broken one, and what is no picture."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("photos/b.png", "photos/a.jpg", "other/a.png")):
        nstlib.save_image(torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(seed)), name)
    Path("photos/broken.jpg").write_bytes(Path("photos/a.jpg").read_bytes()[:900])
    Path("photos/notes.txt").write_text("no picture")
    Path("photos/.hidden.png").touch()
    return [*["--size", "48", "--steps", "2", "--precision", "float32"]]


def test_several_photographs_into_a_folder(threads, photos, capsys):
    """Met in: anishathalye/neural-style#137."""
    assert main(["transfer", "cat", "photos/b.png", "other/a.png", "gravel", "-o", "new/painted", *photos]) == 0
    out, err = capsys.readouterr()
    assert sorted(os.listdir("new/painted")) == ["a.png", "b.png", "cat.png"], "nothing else stays"
    assert {shape(f"new/painted/{name}") for name in ("a.png", "b.png")} == {(48, 34)}
    assert out.splitlines()[-1] == f"{Path('new/painted')}: 3 of 3 pictures painted" and err == ""
    assert main(["transfer", "photos/b.png", "gravel", "-o", "alone.png", *photos]) == 0
    assert Path("alone.png").read_bytes() == Path("new/painted/b.png").read_bytes(), "as it is painted alone"


def test_a_folder_of_photographs_of_which_one_is_broken(threads, photos, capsys):
    assert main(["transfer", "photos", "other/a.png", "gravel", "-o", "painted", *photos]) == 1
    out, err = capsys.readouterr()
    assert sorted(os.listdir("painted")) == [".nstlib", "a-2.png", "a.png", "b.png"], "the second a has a number"
    assert err.startswith(f"nstlib: {Path('photos/broken.jpg')}: 'broken.jpg' is cut short") and err.count("\n") == 1
    assert "painted: 3 of 4 pictures painted" in out and "the same command goes on with the rest" in out
    shutil.copy("photos/b.png", "photos/broken.jpg")
    assert main(["transfer", "photos", "other/a.png", "gravel", "-o", "painted", *photos]) == 0
    assert capsys.readouterr().out.count(": painted (") == 4
    assert sorted(os.listdir("painted")) == ["a-2.png", "a.png", "b.png", "broken.png"]
    assert Path("painted/broken.png").read_bytes() == Path("painted/b.png").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_what_an_interruption_leaves_is_gone_on_with(threads, photos, monkeypatch, capsys):
    painted, style_transfer = [], nstlib.style_transfer

    def paint(**options):
        if painted:
            while not Path("painted/a.png").exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            threads.wait()
        painted.append(options)
        return style_transfer(**options)

    command = ["transfer", "photos/a.jpg", "photos/b.png", "cat", "gravel", "-o", "painted", *photos]
    monkeypatch.setattr("nstlib.experiments.sweeps.style_transfer", paint)
    assert main(command) == 130
    assert sorted(os.listdir("painted")) == [".nstlib", "a.png"] and len(painted) == 2
    assert "the same command goes on with the rest" in capsys.readouterr().out
    monkeypatch.setattr(
        "nstlib.experiments.sweeps.style_transfer", lambda **o: painted.append(o) or style_transfer(**o)
    )
    assert main([*command, "--quiet"]) == 0
    assert sorted(os.listdir("painted")) == ["a.png", "b.png", "cat.png"] and len(painted) == 4, "the first not again"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["photos", "gravel", "-o", "out.png"], "there are 3 photographs, and 'out.png' is one file; give -o a folder"),
        (["cat", "photos", "gravel", "-o", "out", "--checkpoint", "c"], "--checkpoint is for one photograph"),
        (["cat", "photos", "gravel", "-o", "out", "--save-every", "2"], "--save-every is for one photograph"),
        (["photos", "nosuch.jpg", "-o", "out"], "no file 'nosuch.jpg'"),
        (["photos", "gravel", "-o", "photos"], "b.png is one of the input pictures; give it another name"),
        (["empty", "gravel", "-o", "out"], "there is no picture in the folder empty"),
        (["photos", "gravel", "-o", "photos/notes.txt"], "notes.txt"),
        (["photos", "gravel", "-o", "out", "--style-layers", "conv_4"], "the PyTorch tutorial's conv_4 is 'conv2_2'"),
    ],
)
def test_several_photographs_that_cannot_be_painted(arguments, message, threads, photos, capsys):
    os.mkdir("empty")
    before = {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}
    assert main(["transfer", *arguments, "--steps", "1", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert message in err and out == "" and "Traceback" not in err
    assert err.count("\n") == 1 + ("conv_4" in arguments), (
        "a mistake that all share is told once, besides the broken file"
    )
    shutil.rmtree("out", ignore_errors=True)
    assert before == {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}


def test_a_dry_run_of_several(photos, monkeypatch, capsys):
    monkeypatch.setattr(nstlib, "sweep", None)
    assert main(["transfer", "photos", "cat", "gravel", "-o", "painted", *photos, "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert re.fullmatch(
        r"3 of 4 pictures on mini: about \d+ s one after another, and \d\.\d GiB of memory for each on this machine\n",
        out,
    )
    assert "broken.jpg: 'broken.jpg' is cut short" in err and not Path("painted").exists()


def test_one_photograph_into_a_folder_that_is_there(photos, capsys):
    os.mkdir("out")
    assert main(["transfer", "photos/a.jpg", "gravel", "-o", "out", *photos]) == 0
    assert os.listdir("out") == ["a.png"]


# ---- what else it says -------------------------------------------------------------------------------------------


def test_doctor_looks_into_the_file_of_vgg19(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = nstlib.networks.vgg19_file()[1]
    data = b"weights" * 2**18
    monkeypatch.setattr("nstlib.networks.vgg19_file", lambda: ("https://nowhere.invalid/", file))
    assert main(["doctor"]) == 0
    assert "vgg19        not here; optional: " in capsys.readouterr().out
    file.parent.mkdir(parents=True)
    file.with_name(file.name + ".part").write_bytes(data)
    assert main(["doctor"]) == 0
    assert "not here; 2 of 548 MB are here; optional" in capsys.readouterr().out
    for content, shown in ((b"12345", "5 bytes"), (data, "2 MB")):
        file.write_bytes(content)
        assert main(["doctor"]) == 1
        said = capsys.readouterr().out
        assert f"vgg19        {file}: damaged, {shown}" in said
        assert f"to mend: the file of vgg19 is damaged ({shown}): delete {file}, then {called_as()} fetch vgg19" in said
    file = file.with_name(f"vgg19-{hashlib.sha256(data).hexdigest()[:8]}.pth")
    file.write_bytes(data)
    assert main(["doctor"]) == 0
    assert f"vgg19        {file}: right, 2 MB" in capsys.readouterr().out


def test_how_it_is_called_here(tmp_path, monkeypatch):
    monkeypatch.delenv("NSTLIB_CALLED_AS", raising=False)
    folder = Path(sys.executable).parent
    for place in (folder, tmp_path):
        if place == tmp_path:  # a command of another environment
            (tmp_path / "nstlib").write_text("#!/bin/sh\n")
            (tmp_path / "nstlib").chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "which", lambda name, place=place: str(place / name))
            wanted = "nstlib" if place == folder else f"{shlex.quote(sys.executable)} -m nstlib"
            assert called_as() == wanted and f"with  {wanted} transfer PHOTO PAINTING -o OUT.png" in what_next()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert called_as().endswith(" -m nstlib")
    monkeypatch.setenv("NSTLIB_CALLED_AS", "python3 ../start.py")
    assert "python3 ../start.py transfer PHOTO" in what_next() and "python3 ../start.py lab" in what_next()
