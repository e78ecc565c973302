"""Values that would give a wrong picture without a word: each is refused in a sentence that says what to do."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

import nstlib
from nstlib import load_image, optimize_image, save_image
from nstlib.__main__ import main
from nstlib.optimize import Stopped

GREY = torch.full((1, 3, 8, 8), 0.5)


# ---- arrays and tensors --------------------------------------------------------------------------------------------------


def masked(values, hide):
    return np.ma.masked_array(values, mask=np.broadcast_to(hide, values.shape))


@pytest.mark.parametrize(
    "values",
    [np.full((4, 6, 3), 0.5), np.full((4, 6), 0.5), np.full((4, 6, 3), 128, np.uint8), np.full((1, 3, 4, 6), 0.5)],
    ids=["colours", "grey", "uint8", "a batch of one"],
)
def test_a_mask_is_not_lost(values):
    """What is under it is not part of the picture: it may hold anything."""
    hide = np.zeros(values.shape, bool)
    hide[..., 0] = True
    hidden = hide.sum()
    with pytest.raises(ValueError, match=rf"masked array that hides {hidden} of {values.size} values; .*filled\(1\)"):
        load_image(masked(values, hide))
    assert torch.equal(load_image(masked(values, False)), load_image(values)), "nothing is hidden"
    assert torch.equal(load_image(np.ma.masked_array(values)), load_image(values)), "no mask at all"
    filled = masked(values, hide).filled(1)
    assert torch.equal(load_image(filled), load_image(np.where(hide, 1, values).astype(values.dtype)))


@pytest.mark.parametrize("style", [False, True])
def test_a_mask_is_not_lost_on_the_way_to_a_painting(mini, style):
    picture = masked(np.full((8, 8, 3), 0.5), np.eye(8)[..., None] > 0)
    pictures = [torch.rand(1, 3, 8, 8), picture] if style else [picture, torch.rand(1, 3, 8, 8)]
    with pytest.raises(ValueError, match="masked array that hides 24 of 192 values"):
        nstlib.style_transfer(*pictures, network=mini, size=8, steps=1, progress=False)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's own, of prototypes
@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.to_sparse(),
        lambda x: x.to("meta"),
        lambda x: torch.masked.masked_tensor(x, x > 0.5),
        lambda x: torch.nested.nested_tensor([x]),
        lambda x: torch.quantize_per_tensor(x, 1 / 255, 0, torch.quint8),
    ],
    ids=["sparse", "meta", "masked", "nested", "quantized"],
)
def test_a_tensor_of_another_kind_is_refused_in_a_sentence(make):
    try:
        tensor = make(torch.rand(3, 8, 8))
    except RuntimeError:
        pytest.skip("not in this build of PyTorch")
    with pytest.raises(ValueError, match=r"that cannot be read; convert it to a plain one"):
        load_image(tensor)


def test_views_and_orders_of_bytes_are_read():
    x = torch.rand(3, 8, 8)
    marked = torch.complex(x, -x).conj().imag  # x, by a mark on a view of −x
    assert marked.is_neg() and torch.equal(load_image(marked), load_image(x))
    two = (x.numpy() * 65535).astype(np.uint16)
    assert torch.equal(load_image(two.astype(">u2")), load_image(two))


@pytest.mark.parametrize(
    "image, remedy",
    [
        (GREY * 255, "from 127.5 to 127.5, wanted 0 to 1; image / 255 rescales them"),
        (GREY - 1, "from -0.5 to -0.5, wanted 0 to 1; image.clamp"),
        (GREY * 2.2, "from 1.1 to 1.1, wanted 0 to 1; image.clamp"),
        (torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 100, "wanted 0 to 1; image.clamp"),
    ],
    ids=["0 to 255", "-1 to 1", "a little too light", "normalised"],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_values_that_are_no_picture_are_not_saved(image, remedy, suffix, tmp_path):
    """They would be white, or black, or both."""
    file = tmp_path / f"a{suffix}"
    save_image(GREY, file)
    before = file.read_bytes()
    with pytest.raises(ValueError) as error:
        save_image(image, file)
    assert remedy in str(error.value) and file.read_bytes() == before
    for other in (image.half(), image.double()[0]):
        with pytest.raises(ValueError, match="wanted 0 to 1"):
            save_image(other, file)
    save_image(GREY * 2 + 5e-5, file)  # rounding
    with Image.open(file) as saved:
        assert np.asarray(saved).min() >= 254


@pytest.mark.parametrize("image", [GREY * 255, GREY * 5, GREY - 2], ids=["0 to 255", "too light", "too dark"])
def test_values_that_are_no_picture_are_no_start(image):
    """A step moves a pixel by a twentieth of its range, so they would be white or black to the end."""
    objective = lambda x: {"d": (x - 0.25).square().sum()}
    with pytest.raises(ValueError, match=r"start from holds values from .*, wanted 0 to 1"):
        optimize_image(image, objective, steps=3, progress=False)
    noise = 0.5 + 0.3 * torch.randn(GREY.shape, generator=torch.Generator().manual_seed(0))  # some beyond 0 and 1
    assert optimize_image(noise, objective, steps=3, progress=False).fell > 0


# ---- layers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twice", [["relu1_1", "relu1_1"], ("relu2_1", "relu1_1", "relu2_1"), ["conv1_1"] * 3])
def test_a_layer_twice_is_refused(mini, twice):
    """It would count once, with half of the weight."""
    picture, how = torch.rand(1, 3, 32, 32), {"network": mini, "size": 32, "steps": 1, "progress": False}
    for call in (
        lambda: nstlib.style_transfer(picture, picture, style_layers=twice, **how),
        lambda: nstlib.style_transfer(picture, picture, content_layers=twice, **how),
        lambda: nstlib.synthesize_texture(picture, twice, **how),
        lambda: nstlib.gatys_objective(picture, picture, mini, style_layers=twice),
        lambda: nstlib.gatys_objective(picture, picture, mini, content_layers=twice),
        lambda: nstlib.texture_objective(picture, twice, mini),
        lambda: nstlib.estimate(32, mini, style_layers=twice),
    ):
        with pytest.raises(ValueError, match=rf"'{max(twice, key=list(twice).count)}' twice"):
            call()
    both = nstlib.style_transfer(picture, picture, content_layers=["relu1_1"], style_layers=["relu1_1"], **how)
    assert set(both.losses) == {"total", "content", "style"}, "once for each is no repeat"


# ---- a loss that is not finite -------------------------------------------------------------------------------------------


def spoilt_at(number, bad):
    """An objective that falls, and is `bad` at the `number`-th evaluation."""
    count = iter(range(1, 100))
    return lambda x: {"x": x.square().sum() * (bad if next(count) == number else 1)}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_picture_that_is_still_the_start_is_called_so(bad):
    with pytest.warns(UserWarning, match="step 2 is not finite. Here is the picture that the run began with"):
        first = optimize_image(GREY, spoilt_at(2, bad), steps=9, progress=False)
    assert torch.equal(first.image, GREY) and first.fell == 0 and first.stopped is Stopped.NOT_FINITE
    with pytest.warns(UserWarning, match="step 5 is not finite. Here is the best picture before that"):
        later = optimize_image(GREY, spoilt_at(5, bad), steps=9, progress=False)
    assert later.fell > 0 and not torch.equal(later.image, GREY)


@pytest.mark.filterwarnings("default::UserWarning")  # of the loss: the command prints it
@pytest.mark.parametrize("command", ["transfer", "demo"])
@pytest.mark.parametrize("at, painted", [(1, False), (2, False), (6, True)])
def test_a_command_whose_loss_is_not_finite_fails(at, painted, command, tmp_path, monkeypatch, capsys):
    """Exit 1; and the photograph is no result."""
    real, evaluations = nstlib.objectives.gatys_objective, iter(range(1, 1000))

    def spoilt(*pictures, **options):
        objective = real(*pictures, **options)
        return lambda x: {
            name: loss * (math.nan if next(evaluations) >= at else 1) for name, loss in list(objective(x).items())[:1]
        }

    monkeypatch.setattr(nstlib.transfer, "gatys_objective", spoilt)
    monkeypatch.chdir(tmp_path)
    what = ["transfer", "cat", "gravel", "-o", "out.png"] if command == "transfer" else ["demo"]
    if command == "transfer":
        what += ["--init", "noise"]  # so that the first of the losses, of the content, can fall
    else:
        monkeypatch.setattr(nstlib.transfer, "first_image", lambda init, content, style, seed: torch.rand_like(content))
    assert main([*what, "--size", "64", "--steps", "20"]) == 1
    out, err = capsys.readouterr()
    file = tmp_path / ("out.png" if command == "transfer" else "outputs/demo_result.png")
    assert file.exists() == painted and "not" in err and "finite" in err
    assert (str(file.name) in out) == painted and "Traceback" not in err
