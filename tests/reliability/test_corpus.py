"""The corpus of tests/corpus.py through every door that a picture can come in by, and random arrays through the
same.
"""

import datetime
import os
import shutil
import subprocess
import sys
import warnings

import corpus
import ipywidgets as widgets
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import nstlib
from nstlib.__main__ import main
from nstlib.images import load_image, resize_image, save_image
from nstlib.widgets.common import upload

NOW = datetime.datetime.now(datetime.timezone.utc)
CASES = list(corpus.cases())
LIGHT = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_there_are_enough():
    assert len(CASES) >= 450 and len({case.name for case in CASES}) == len(CASES)
    rules = [case.rule for case in CASES]
    assert all(
        rules.count(rule) >= least
        for rule, least in {"shown": 150, "shown or refused": 100, "refused": 20, "any": 100}.items()
    )


def outcome(case, source):
    """The image, or None where it is refused with a sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of several frames, of transparency
        try:
            image = load_image(source)
        except ValueError as error:
            assert "\n" not in str(error) and ";" in str(error) and len(str(error)) < 600, case.name
            return None
    assert image.dtype == torch.float32 and image.shape[:2] == (1, 3), case.name
    assert 0 <= image.min() <= image.max() <= 1, case.name
    return image


def right(case, image):
    if case.rule == "refused":
        return image is None
    if image is None:
        return case.rule != "shown"
    if case.rule == "any":
        return True
    shown = image[0].permute(1, 2, 0).numpy()
    return shown.shape == case.pixels.shape and np.abs(shown - case.pixels).max() < 0.05


def test_from_bytes_and_from_files(tmp_path):
    wrong = []
    for case in CASES:
        file = tmp_path / case.name
        file.write_bytes(case.data)
        image, same = outcome(case, case.data), outcome(case, file)
        assert (image is None) == (same is None) and (image is None or torch.equal(image, same)), case.name
        wrong += [] if right(case, image) else [case.name]
        file.unlink()
    assert wrong == []


def test_from_the_command_line(mini, tmp_path, monkeypatch, capsys):
    """0 and a picture, or 1 and one line; the input is as it was, and no other file is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nstlib, "load_network", lambda *_, **__: mini)
    save_image(load_image("gravel", size=32), "style.png")
    counts = {0: 0, 1: 0}
    for number, case in enumerate(CASES):
        file = tmp_path / case.name
        file.write_bytes(case.data)
        places = [str(file), "style.png"] if number % 2 else ["style.png", str(file)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of several frames, of transparency
            code = main(["transfer", *places, "-o", "out.png", "--size", "32", "--steps", "1", "--quiet"])
        out, err = capsys.readouterr()
        counts[code] += 1
        assert out == "" and "Traceback" not in err, case.name
        if code:
            assert err.count("\n") == 1 and err.startswith("nstlib: ") and not os.path.exists("out.png"), (
                case.name,
                err,
            )
        else:
            with Image.open("out.png") as picture:
                assert max(picture.size) == 32, case.name
            os.unlink("out.png")
        assert file.read_bytes() == case.data, case.name
        if (
            case.rule in ("shown", "refused") and " by " not in case.name
        ):  # some of those shapes are too narrow for the network
            assert code == (case.rule == "refused"), (case.name, err)
        file.unlink()
    assert os.listdir(tmp_path) == ["style.png"] and min(counts.values()) > 150


def test_from_the_upload_of_a_widget():
    line, got = widgets.HTML(), []
    button = upload(line, lambda name, image: got.append(image))
    for case in CASES:
        got.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            name = f"<img src=x onerror=alert(1)>{case.name}"
            button.value = (
                {
                    "name": name,
                    "type": "image/png",
                    "size": len(case.data),
                    "content": memoryview(case.data),
                    "last_modified": NOW,
                },
            )
        assert "<img" not in line.value and "<script" not in line.value, case.name
        assert right(case, got[0] if got else None), case.name
        assert bool(got) != ("nst-wrong" in line.value) and len(got) <= 1, case.name


@pytest.mark.skipif(os.name == "nt", reason="no such file names on Windows")
def test_no_text_from_outside_becomes_html_or_a_program(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    evil = "<script>alert(1)</script>".replace("/", "∕")
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = "<script>alert(1)</script>"
    image = corpus.painting()
    (tmp_path / f"{evil}.jpg").write_bytes(
        corpus.encoded(image, "JPEG", exif=exif, comment=b"<script>alert(1)</script>")
    )
    assert main(["transfer", f"{evil}.jpg", "gravel", "-o", f"{evil}.png", "--size", "16", "--steps", "1"]) == 0
    result = nstlib.style_transfer(f"{evil}.jpg", "gravel", size=16, steps=1, progress=False)
    result.losses = {evil: 1.0}
    assert "<script" not in result._repr_html_() and "&lt;script" in result._repr_html_()
    assert b"script" not in (tmp_path / f"{evil}.png").read_bytes(), "what we write has no metadata"
    marker = tmp_path / "ran"
    program = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n({marker}) (w) file closefile showpage\n%%EOF\n".encode()
    with pytest.raises(ValueError, match="is not a picture that can be read here"):
        load_image(program)
    assert not marker.exists()


@pytest.mark.skipif(not shutil.which("sh"), reason="needs a shell")
def test_nothing_is_started(tmp_path):
    """Decoding starts no other program: PATH and all that Pillow might call are empty here."""
    for case in CASES:
        if case.rule == "refused":
            (tmp_path / case.name).write_bytes(case.data)
    code = (
        "import sys, subprocess, os, pathlib\n"
        "def no(*a, **k): raise SystemExit('a program was started')\n"
        "import nstlib; nstlib.load_image\nsubprocess.Popen = os.system = os.posix_spawn = no\n"
        "for file in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: nstlib.load_image(file)\n"
        "    except ValueError: continue\n"
        "    raise SystemExit(file.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---- properties ----------------------------------------------------------------------------------------------------------

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
seeds = st.integers(0, 2**16)


def random_image(shape, seed):
    return torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(seed))


@LIGHT
@given(shapes, seeds, st.sampled_from(["png", "webp", "jpg"]))
def test_what_is_saved_comes_back(tmp_path, shape, seed, suffix):
    image = random_image(shape, seed).mul(255).round().div(255)
    again = load_image(save_image(image, tmp_path / f"a.{suffix}"))
    assert again.shape == image.shape
    if suffix == "png":
        assert torch.allclose(again, image, atol=1e-6)
        assert torch.equal(load_image(save_image(again, tmp_path / "b.png")), again)


@LIGHT
@given(shapes, st.integers(1, 80), seeds)
def test_the_longer_side_is_the_size_and_proportions_stay(shape, size, seed):
    image = random_image(shape, seed)
    small = resize_image(image, size)
    assert max(small.shape[-2:]) == size and 0 <= small.min() <= small.max() <= 1
    assert abs(min(small.shape[-2:]) - max(1, min(shape) * size / max(shape))) <= 0.5 + 1e-9
    assert torch.equal(load_image(image, size=size), small)
    assert torch.allclose(resize_image(image.flip(3), size), small.flip(3), atol=1e-5), (
        "mirrored before or after: the same"
    )
    flat = resize_image(torch.full_like(image, 0.25), size)
    assert torch.allclose(flat, torch.full_like(flat, 0.25), atol=1e-5)


@LIGHT
@pytest.mark.filterwarnings("ignore:the array is transparent:UserWarning")  # four rows or columns may be RGBA
@given(shapes, seeds, st.sampled_from([np.uint8, np.uint16, np.float32, np.float64]), st.sampled_from([1, 3]))
def test_all_layouts_of_one_array_are_one_picture(shape, seed, dtype, channels):
    rng = np.random.default_rng(seed)
    pixels = (
        rng.random((*shape, channels))
        if np.issubdtype(dtype, np.floating)
        else rng.integers(0, np.iinfo(dtype).max, (*shape, channels))
    )
    pixels = pixels.astype(dtype)
    first = load_image(pixels[None])  # (1, H, W, C): ambiguous only where H is 1, 3 or 4
    assert first.shape[:2] == (1, 3)
    if not {1, 3, 4} & set(shape):
        for other in (
            pixels,
            pixels.transpose(2, 0, 1),
            pixels.transpose(2, 0, 1)[None],
            torch.from_numpy(pixels.transpose(2, 0, 1).copy()),
        ):
            assert torch.equal(load_image(other), first)
    assert torch.equal(load_image(first), first), "an image is its own image"


@LIGHT
@pytest.mark.filterwarnings("ignore:the array is transparent:UserWarning")
@given(
    st.lists(st.integers(0, 5), max_size=5),
    st.sampled_from(["float32", "float64", "uint8", "int32", "bool", "complex64", "float16"]),
    st.sampled_from([0.0, 1.0, 2.0, -1.0, float("nan"), float("inf"), 255.0]),
)
def test_any_array_is_a_picture_or_a_sentence(shape, dtype, value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN as a whole number
        array = np.full(shape, value).astype(dtype)
    for source in (array, torch.from_numpy(array)):
        try:
            image = load_image(source)
        except ValueError as error:
            assert "wanted" in str(error) or ";" in str(error)
        else:
            assert image.shape[:2] == (1, 3) and image.isfinite().all() and 0 <= image.min() <= image.max() <= 1


@LIGHT
@given(
    st.binary(max_size=200) | st.sampled_from([case.data for case in CASES if len(case.data) < 3000]),
    st.binary(max_size=20),
    st.integers(0, 3000),
)
def test_any_bytes_are_a_picture_or_a_sentence(raw, more, place):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            assert load_image(raw[:place] + more + raw[place:]).isfinite().all()
        except ValueError as error:
            assert ";" in str(error)


@LIGHT
@given(st.text(max_size=40))
def test_any_text_is_a_name_or_a_sentence(text):
    try:
        load_image(text)
    except (ValueError, FileNotFoundError) as error:
        assert len(str(error)) > 20


# ---- parameters ----------------------------------------------------------------------------------------------------------


def test_bad_arrays_do_not_become_paintings(mini):
    good = torch.rand(1, 3, 32, 32)
    for bad in (
        good * 255,
        good - 1,
        good * float("nan"),
        good / 0,
        good.mul(255).int(),
        torch.rand(2, 3, 32, 32),
        good[0, 0, 0],
        good[:, :2],
    ):
        for content, style, init in ((bad, good, "content"), (good, bad, "content"), (good, good, bad)):
            with pytest.raises(ValueError):
                nstlib.style_transfer(content, style, init=init, network=mini, size=32, steps=1, progress=False)
    for fine in (good.double(), good.half(), good.mul(255).byte(), good[0], good[:, :1]):
        assert nstlib.style_transfer(fine, good, network=mini, size=32, steps=1, progress=False).image.shape == (
            1,
            3,
            32,
            32,
        )


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"content_weight": "much"}, "content_weight is 'much'"),
        ({"content_weight": float("inf")}, "content_weight is inf"),
        ({"tv_weight": float("nan")}, "tv_weight is nan"),
        ({"layer_weights": [1, 1, 1, 1, -1]}, "not negative"),
        ({"layer_weights": [1, 1, 1, 1, float("nan")]}, "finite"),
        ({"content_layers": (), "style_layers": ()}, "nothing to paint for"),
        ({"content_layers": "relu9_9"}, "no layer 'relu9_9'"),
        ({"learning_rate": 0}, "learning_rate is 0; it must be a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ({"steps": -1}, "at least 1"),
        ({"size": -1}, "size is -1"),
        ({"size": 1}, "needs at least 4 × 4"),
        ({"size": 10**6}, "million pixels"),
        ({"size": 64.5}, "size is 64.5"),
        ({"method": None}, "method is None"),
        ({"init": "phot"}, 'init is .phot.; it must be "content", "noise", "style"'),
    ],
)
def test_parameters(mini, keywords, message):
    with pytest.raises(ValueError, match=message):
        nstlib.style_transfer(
            "cat", "gravel", **{"network": mini, "size": 32, "steps": 1, "progress": False} | keywords
        )


def test_only_one_of_the_two_losses(mini):
    for layers, name in (({"content_layers": ()}, "style"), ({"style_layers": ()}, "content")):
        result = nstlib.style_transfer(
            "cat", "gravel", network=mini, size=48, steps=3, init="noise", progress=False, **layers
        )
        assert set(result.history[-1]) == {"step", "time", "size", "total", name}
    one, same = (
        nstlib.style_transfer(
            "cat", "gravel", network=mini, size=32, steps=2, content_layers=layers, progress=False
        ).image
        for layers in ("relu4_2", ["relu4_2"])
    )
    assert torch.equal(one, same)


def test_the_same_picture_twice(mini):
    result = nstlib.style_transfer("gravel", "gravel", network=mini, size=48, steps=4, progress=False)
    assert result.image.isfinite().all() and result.losses["total"] <= result.history[0]["total"]


def test_a_texture_of_any_size_or_a_sentence(mini):
    assert nstlib.synthesize_texture(
        "gravel", ["relu1_1"], network=mini, size=1, steps=1, progress=False
    ).image.shape == (1, 3, 1, 1)
    for size in (0, -5, 1.5):
        with pytest.raises(ValueError, match="size is"):
            nstlib.synthesize_texture("gravel", network=mini, size=size, steps=1, progress=False)


@LIGHT
@given(
    st.lists(
        st.sampled_from(
            [
                "transfer",
                "demo",
                "pictures",
                "fetch",
                "doctor",
                "cat",
                "gravel",
                "-o",
                "o.png",
                "--size",
                "--steps",
                "-1",
                "0",
                "nan",
                "x" * 300,
                "é ü.png",
                "--checkpoint",
                "--resume",
                "--method",
                "adam",
                "--init",
                "",
                ".",
            ]
        ),
        max_size=8,
    )
)
def test_any_command_line_ends_with_a_message(tmp_path_factory, arguments):
    """Whatever words in whatever order: 0, 1 or 2, never a traceback. (What would really paint or fetch is not run.)"""
    folder = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(nstlib, "style_transfer", refuse)
        patch.setattr(nstlib, "sweep", refuse)
        patch.setattr("nstlib.commands.demo.run", refuse)
        patch.setattr("nstlib.commands.doctor.run", refuse)
        try:
            assert main(arguments) in (0, 1)
        except SystemExit as end:
            assert end.code in (0, 2)
    assert list(folder.iterdir()) == []


def refuse(*_, **__):
    raise ValueError("not now")
