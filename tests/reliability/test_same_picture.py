"""The same question gives the same picture: whatever the losses are multiplied by, and in a precision that is told."""

import pytest
import torch

import nstlib
from nstlib import PAPER, reconstruct_content, style_transfer, synthesize_texture
from nstlib.__main__ import main
from nstlib.networks import devices, fast_precision

WEIGHTS = ("content_weight", "style_weight", "tv_weight")


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weights_and_their_multiples_paint_the_same_picture(mini, method, precision):
    """Only their ratio counts. A power of two changes no digit, so the pictures are the same to the last bit.

    Met in: leongatys/PytorchNeuralStyleTransfer#4
    """
    weights = {"content_weight": 0.006, "style_weight": 1.0, "tv_weight": 0.25}
    how = {"network": mini, "size": 64, "steps": 8, "method": method, "precision": precision, "progress": False}
    run = lambda k, **more: style_transfer(
        "riverside_town", "night_swirls", **{n: k * w for n, w in weights.items()}, **how, **more
    )
    plain = run(1)
    assert plain.fell > 0.1
    for exponent in (-27, -13, 27, 60):
        other = run(2.0**exponent)
        assert torch.equal(other.image, plain.image)
        assert other.losses["style"] == plain.losses["style"] * 2.0**exponent, "reported as given"


@pytest.mark.parametrize("k", [1e-8, 1e8])
def test_the_papers_losses_times_a_number(mini, k):
    """No power of two: the last digits differ, and L-BFGS multiplies that. The pictures of the first steps are alike.

    Met in: leongatys/PytorchNeuralStyleTransfer#4
    """
    run = lambda k: style_transfer(
        "riverside_town",
        "night_swirls",
        network=mini,
        size=64,
        steps=6,
        precision="float32",
        progress=False,
        **PAPER | {"content_weight": k * PAPER["content_weight"], "style_weight": k},
    )
    plain, other = run(1), run(k)
    assert plain.fell > 0.3 and (other.image - plain.image).abs().mean() < 2e-3
    assert other.losses["total"] == pytest.approx(k * plain.losses["total"], rel=0.02)


def test_layer_weights_and_their_multiples_weave_the_same_texture(mini):
    objective = lambda k: nstlib.texture_objective(
        nstlib.load_image("gravel", size=64), ["relu1_1", "relu2_1"], mini, layer_weights=[k, 3 * k]
    )
    start = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    runs = [nstlib.optimize_image(start, objective(k), steps=8, progress=False) for k in (1, 2.0**-40, 2.0**40)]
    assert runs[0].fell > 0.3 and all(torch.equal(run.image, runs[0].image) for run in runs)


def test_the_precision_stands_in_the_result(mini):
    """Met in: jcjohnson/neural-style#51"""
    how, chosen = {"network": mini, "size": 32, "steps": 1, "progress": False}, fast_precision(torch.device("cpu"))
    for asked, told in (("auto", chosen), ("float32", "float32"), ("bfloat16", "bfloat16")):
        assert style_transfer("cat", "gravel", precision=asked, **how).settings["precision"] == told
    assert synthesize_texture("gravel", ["relu1_1"], **how).settings["precision"] == chosen
    assert reconstruct_content("cat", "relu1_1", **how).settings["precision"] == "float32"


@pytest.fixture
def with_amx(tmp_path, monkeypatch):
    """A processor that multiplies bfloat16."""
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu amx_bf16\n")
    monkeypatch.setattr(devices, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    fast_precision.cache_clear()
    yield
    fast_precision.cache_clear()


def test_nothing_is_measured(with_amx, mini, monkeypatch):
    """On a busy machine the slower precision may win a race, and the same command paints another picture.

    Met in: jcjohnson/neural-style#171
    """
    clock = iter([0.0])  # and no second look at it
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert fast_precision(torch.device("cpu")) == "bfloat16" and mini.for_optimization("auto").dtype is torch.bfloat16


def test_without_the_library_that_multiplies_it(with_amx, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert fast_precision(torch.device("cpu")) == "float32" == fast_precision(torch.device("mps"))


@pytest.mark.parametrize(
    "cuda, capability, precision",
    [
        ("12.4", (9, 0), "bfloat16"),
        ("12.4", (8, 0), "bfloat16"),
        ("12.4", (7, 5), "float32"),
        (None, (10, 3), "float32"),
    ],
    ids=["Hopper", "Ampere", "Turing", "another maker"],
)
def test_a_gpu_s_precision_is_that_of_its_kind(cuda, capability, precision, with_amx, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert fast_precision(torch.device("cuda")) == precision


def test_the_demo_says_its_precision(tmp_path, monkeypatch, capsys):
    """Met in: jcjohnson/neural-style#51"""
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--size", "48", "--steps", "2"]) == 0
    assert f" s, in {fast_precision(torch.device('cpu'))}\n" in capsys.readouterr().out
