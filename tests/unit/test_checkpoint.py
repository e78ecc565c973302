"""Interrupted runs: a checkpoint goes on to the very same picture, or says why not; what was painted is never lost."""

import contextlib
import json
import os
import random
import re
import warnings

import pytest
import torch
from safetensors.torch import load, save

import nstlib
from nstlib import coarse_to_fine, machine, optimize_image, style_transfer, transfer
from nstlib.files import sole_use
from nstlib.networks import devices
from nstlib.objectives import STYLE_LAYERS
from nstlib.optimize import Checkpoint, Stage, Stopped, checkpoint, memory, run

LEFT = torch.ones(1, 1, 60, 90)
LEFT[..., 50:] = 0
RUN = {"size": 200, "steps": 12, "progress": False}  # two sizes: 133, then 200


class Killed(Exception):
    """Stands for kill −9: nothing in nstlib catches it."""


def dies_at(number, error=Killed):
    def on_step(step, image, losses):
        if step == number:
            raise error

    return on_step


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "my run.checkpoint"


def same_but_for_the_time(one, other):
    return [{**record, "time": 0} for record in one] == [{**record, "time": 0} for record in other]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"init": "noise", "coarse_to_fine": False},
        {"method": "adam"},
        {"learning_rate": 0.5},
        {"style_loss": "sliced"},
        {"mask": LEFT, "keep_colors": "luminance"},
    ],
    ids=["lbfgs", "noise", "adam", "learning rate", "sliced", "a mask"],
)
def test_a_resumed_run_ends_in_the_very_same_picture(mini, file, options):
    run = lambda **more: style_transfer("cat", "gravel", network=mini, **RUN, **options, **more)
    whole = run()
    for number in (1, 6, 7, 11):  # killed again and again, at both sizes and where one follows the other
        seen = []
        with pytest.raises(Killed):
            run(
                checkpoint=file,
                on_step=lambda step, *rest, n=number, seen=seen: seen.append(step) or dies_at(n)(step, *rest),
            )
        assert len(seen) <= 6, "it did not begin anew"
    resumed = run(checkpoint=file)
    assert torch.equal(resumed.image, whole.image)
    assert same_but_for_the_time(resumed.history, whole.history)
    assert resumed.settings == whole.settings and not resumed.note
    assert os.listdir(file.parent) == [file.name]
    again = run(checkpoint=file, on_step=dies_at(1))  # finished: the picture comes back
    assert torch.equal(again.image, whole.image)


def test_the_best_picture_survives_though_the_last_is_worse(file):
    values = [5.0, 1.0, 7.0, 9.0, 8.0, 6.0]
    images = []

    def run(**options):
        kept = Checkpoint(file, {})
        left = iter(values[len(images) :])  # it goes on where it was killed

        def objective(x):
            images.append(x.detach().clone())
            return {"fake": x.sum() - x.sum().detach() + next(left)}

        start = torch.full((1, 3, 4, 4), 0.5)
        return coarse_to_fine(
            start, lambda size: objective, [Stage(4, 6)], method="adam", progress=False, saved=kept, **options
        )

    with pytest.raises(Killed):
        run(on_step=dies_at(4))
    result = run()
    assert (
        torch.equal(result.image, images[1])
        and [record["total"] for record in result.history] == values
        and result.losses["total"] == 1.0
    )


def test_it_is_written_every_half_minute(mini, file, monkeypatch):
    monkeypatch.undo()
    assert checkpoint.SECONDS == 30
    style_transfer("cat", "gravel", network=mini, size=48, steps=2, progress=False, checkpoint=file)
    assert not file.exists()


@pytest.fixture(scope="module")
def stored(mini, tmp_path_factory):
    """The bytes of a checkpoint."""
    path = tmp_path_factory.mktemp("stored") / "a.checkpoint"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SECONDS", 0)
        with pytest.raises(Killed):
            style_transfer("cat", "gravel", network=mini, **RUN, on_step=dies_at(3), checkpoint=path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"size": 208}, "size 200 there, 208 here"),
        ({"steps": 13}, "steps 12 there, 13 here"),
        ({"content_weight": 2.0}, "content_weight "),
        ({"method": "adam"}, "method 'lbfgs' there, 'adam' here"),
        ({"style_layers": ["relu1_1"]}, "style_layers ['relu1_1', 'relu2_1', "),
        ({"layer_weights": torch.ones(5)}, "layer_weights None there, [1.0, 1.0, 1.0, 1.0, 1.0] here"),
        ({"init": "noise"}, "init 'content' there, 'noise' here"),
        ({"seed": 1}, "seed 0 there, 1 here"),
        ({"style_loss": "sliced"}, "style_loss 'gram' there, 'sliced' here"),
        ({"style_mix": "layers"}, "style_mix 'losses' there, 'layers' here"),
        ({"style_scale": 2}, "style_scale 1.0 there, 2.0 here"),
        ({"keep_colors": "luminance"}, "keep_colors None there, 'luminance' here"),
        ({"style": ["gravel", "brick"], "style_weights": [3, 1]}, "style_weights [1.0] there, [0.75, 0.25] here"),
        ({"mask": "cat"}, "another mask"),
        ({"style_masks": "gravel"}, "another mask"),
        ({"coarse_to_fine": False}, "coarse_to_fine True there, False here"),
        ({"content": "coffee"}, "another photograph"),
        ({"style": "brick"}, "another painting"),
        ({"network": "random"}, "network 'mini' there, 'random' here; another network"),
    ],
)
def test_other_settings_are_refused_with_the_difference(mini, stored, file, change, words):
    file.write_bytes(stored)
    settings = {"content": "cat", "style": "gravel", "network": mini, **RUN, **change}
    if settings["network"] == "random":
        settings["network"] = nstlib.load_network("random", normalized=False, device="cpu")
    with pytest.raises(
        ValueError, match=r"other settings: .*" + re.escape(words) + r".* or delete this one to begin anew"
    ):
        style_transfer(**settings, checkpoint=file)
    assert file.read_bytes() == stored


def test_no_damaged_file_is_believed(mini, stored, file):
    """Cut anywhere, one bit turned anywhere, or another file altogether: one sentence, never a wrong picture."""
    rng, header = random.Random(0), int.from_bytes(stored[:8], "little") + 8
    places = [*rng.choices(range(header), k=20), *rng.choices(range(header, len(stored)), k=20)]
    bad = [stored[:n] for n in (0, 7, 8, 100, header, len(stored) // 2, len(stored) - 1)]
    bad += [stored[:n] + bytes([stored[n] ^ 1 << rng.randrange(8)]) + stored[n + 1 :] for n in places]
    bad += [
        b"\xff" * 100,
        b"not a checkpoint",
        save({"x": torch.zeros(2)}),
        save({}, {"about": "{}", "sha256": "0"}),
        stored + b"more",
    ]
    # Another version's
    bad += [
        save({}, {"about": about, "sha256": checkpoint.digest(about, {})}) for about in ("{}", '{"nstlib": 1}', "[]")
    ]
    for raw in bad:
        file.write_bytes(raw)
        with pytest.raises(ValueError, match=r"is not a checkpoint of nstlib, or is damaged\. .*delete this one"):
            style_transfer("cat", "gravel", network=mini, **RUN, checkpoint=file)
    file.unlink()
    file.mkdir()
    with pytest.raises(ValueError, match="cannot be read"):
        style_transfer("cat", "gravel", network=mini, **RUN, checkpoint=file)


def test_the_file_is_tensors_and_json(stored):
    assert load(stored).keys() >= {"y", "start", "image"}
    about = json.loads(json.loads(stored[8 : 8 + int.from_bytes(stored[:8], "little")])["__metadata__"]["about"])
    assert about["settings"]["steps"] == 12 and len(about["history"]) == 3


def test_a_full_disk_ends_no_run(mini, file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(
        UserWarning, match="The checkpoint .* could not be written .No space left on device.*The run goes on"
    ):
        result = style_transfer("cat", "gravel", network=mini, size=48, steps=3, progress=False, checkpoint=file)
    assert not result.note and os.listdir(file.parent) == []


# ---- stopped, by the user or for lack of memory --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt,
        MemoryError,
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["Ctrl-C", "Python", "CUDA", "CPU"],
)
@pytest.mark.parametrize("where", [1, 3, 7, 8, 10, "second size"])
def test_the_picture_so_far_comes_back_wherever_it_stops(mini, error, where, monkeypatch):
    if where == "second size":
        begin = run.begin

        def not_again(image, **options):
            if max(image.shape) == 200:
                raise error
            return begin(image, **options)

        monkeypatch.setattr(run, "begin", not_again)
    expected = (
        contextlib.nullcontext()
        if error is KeyboardInterrupt
        else pytest.warns(UserWarning, match="try a size of (66|100), which")
    )
    on_step = None if where == "second size" else dies_at(where, error)
    with expected:
        result = style_transfer("cat", "gravel", network=mini, **RUN, on_step=on_step)
    steps = where if isinstance(where, int) else 4  # of 12, at two sizes
    assert result.stopped is (Stopped.INTERRUPTED if error is KeyboardInterrupt else Stopped.OUT_OF_MEMORY)
    assert result.note == f"{result.stopped.value} after {steps} of 12 steps"
    assert result.image.shape == (1, 3, 133, 200) and result.image.isfinite().all()
    assert len(result.history) == result.history[-1]["step"] == steps
    assert result.losses["total"] == min(r["total"] for r in result.history if r["size"] == result.history[-1]["size"])


def test_nothing_painted_yet_is_said(mini, monkeypatch):
    def broken(error):
        def forward(*_, **__):
            raise error

        return forward

    picture = torch.rand(1, 3, 40, 60)
    with pytest.raises(KeyboardInterrupt):
        optimize_image(picture, broken(KeyboardInterrupt), progress=False)
    with pytest.raises(
        MemoryError, match="Not enough memory for a picture of 60 × 40 pixels; try a size of 30, which takes a quarter"
    ):
        optimize_image(picture, broken(RuntimeError("MPS backend out of memory")), progress=False)
    with pytest.raises(RuntimeError, match="a mistake of the user's own"):
        optimize_image(picture, broken(RuntimeError("a mistake of the user's own")), progress=False)
    monkeypatch.setattr(transfer, "gatys_objective", broken(MemoryError()))
    with pytest.raises(MemoryError, match="for a picture of 133 × 88 pixels; try a size of 66"):
        style_transfer("cat", "gravel", network=mini, **RUN)


def test_a_picture_beyond_the_memory_is_refused_with_a_size_that_fits(mini, monkeypatch):
    monkeypatch.setattr(machine, "memory_left", lambda needed=0: 2 * 2**30)
    layers = STYLE_LAYERS
    with pytest.raises(
        MemoryError, match=r"4000 × 3000 .* another [\d.]+ GiB of memory, and 2.0 GiB are left; try a size of \d+\.$"
    ) as caught:
        memory.check_memory(mini.for_optimization("auto"), layers, 3000, 4000)
    fits = int(re.search(r"size of (\d+)", str(caught.value))[1])
    memory.check_memory(mini.for_optimization("auto"), layers, fits * 3 // 4, fits)
    assert 1000 < fits < 2500
    need = [memory.memory_needed(mini, names, 300, 400) for names in (["relu1_1"], ["relu3_1"], layers)]
    assert sorted(need) == need and len(set(need)) == 3
    picture = torch.rand(1, 3, 64, 64)
    monkeypatch.setattr(machine, "memory_left", lambda needed=0: 30 * 2**20)
    for paint in (
        lambda: style_transfer(picture, picture, network=mini, size=64, progress=False),
        lambda: nstlib.reconstruct_content(picture, "relu1_1", network=mini, size=64, progress=False),
        lambda: nstlib.synthesize_texture(picture, network=mini, size=64, progress=False),
        lambda: nstlib.estimate(96, mini),
    ):
        with pytest.raises(
            MemoryError, match="30 MiB are left; close other programs and notebooks, or raise the limit"
        ):
            paint()


# ---- what the machine chose, and who has the file ------------------------------------------------------------------------


def test_a_resumed_run_keeps_the_precision_that_it_began_with(mini, file, monkeypatch):
    """Whatever "auto" comes to later, here on two machines of which one multiplies bfloat16.

    Met in: jcjohnson/neural-style#171
    """
    run = lambda **more: style_transfer("cat", "gravel", network=mini, size=48, steps=6, progress=False, **more)
    for first, second in (("bfloat16", "float32"), ("float32", "bfloat16")):
        file.unlink(missing_ok=True)
        monkeypatch.setattr(devices, "fast_precision", lambda device, chosen=first: chosen)
        whole = run()
        with pytest.raises(Killed):
            run(checkpoint=file, on_step=dies_at(3))
        monkeypatch.setattr(devices, "fast_precision", lambda device, chosen=second: chosen)
        resumed = run(checkpoint=file)
        assert torch.equal(resumed.image, whole.image) and not torch.equal(run().image, whole.image)
        assert resumed.settings == whole.settings and whole.settings["precision"] == first


def test_what_is_compared_is_what_was_asked_for(mini, file):
    """Met in: jcjohnson/neural-style#275"""
    run = lambda **more: style_transfer("cat", "gravel", network=mini, size=48, steps=6, progress=False, **more)
    with pytest.raises(Killed):
        run(checkpoint=file, precision="float32", on_step=dies_at(3))
    with pytest.raises(ValueError, match="precision 'float32' there, 'bfloat16' here"):
        run(checkpoint=file, precision="bfloat16")
    assert run(checkpoint=file, precision="float32").settings["precision"] == "float32"


def test_one_run_at_a_time_has_the_file(mini, file):
    run = lambda **more: style_transfer("cat", "gravel", network=mini, size=48, steps=4, progress=False, **more)
    refused = []

    def on_step(step, image, losses):
        before = file.read_bytes()
        with pytest.raises(BlockingIOError) as error:
            run(checkpoint=file)
        refused.append(str(error.value))
        assert file.read_bytes() == before, "the other run's file is as it was"

    run(checkpoint=file, on_step=on_step)
    assert (
        refused
        == [f"{str(file)!r} is in use by process {os.getpid()}; wait until that has ended, or give another file"] * 4
    )
    assert os.listdir(file.parent) == [file.name], "no lock is left behind"
    with pytest.raises(Killed):
        run(checkpoint=file.with_name("b"), on_step=dies_at(2))
    assert run(checkpoint=file.with_name("b")).stopped is None, "an error gives it back"


def test_a_file_is_had_by_whatever_name(file):
    file.touch()
    other = file.parent / "another name"
    other.symlink_to(file)
    (file.parent / "folder").mkdir()
    with sole_use(file):
        for name in (other, file.parent / "folder" / ".." / file.name):
            with pytest.raises(BlockingIOError, match=f"in use by process {os.getpid()}; wait"), sole_use(name):
                pass
        with sole_use(file.parent / "not this one"):
            pass


@pytest.mark.parametrize("error", [NotImplementedError, OSError(37, "No locks available"), PermissionError(13, "no")])
def test_where_there_are_no_locks_the_run_goes_on(mini, file, error, monkeypatch):
    """Network drives, and folders where nothing can be written."""

    def acquire(*_, **__):
        raise error

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    result = style_transfer("cat", "gravel", network=mini, size=48, steps=2, progress=False, checkpoint=file)
    assert not result.note and os.listdir(file.parent) == [file.name]


def test_no_warning_where_there_is_no_trouble(mini):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style_transfer("cat", "gravel", network=mini, size=48, steps=2, progress=False)
