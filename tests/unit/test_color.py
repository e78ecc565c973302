"""Colours kept: against numbers by hand, and what must be equal afterwards."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

import nstlib
from nstlib import match_color, transfer_luminance
from nstlib.__main__ import main
from nstlib.color import METHODS

SHORT = {"size": 48, "steps": 3, "progress": False, "precision": "float32"}


@pytest.fixture(scope="module")
def pictures():
    """A photograph, and a painting of other proportions."""
    return nstlib.load_image("riverside_town", size=96), nstlib.load_image("night_swirls", size=80)[..., :50]


def lab(image):
    return rgb2lab(image[0].permute(1, 2, 0).double().numpy())


def grey(*values):
    return torch.tensor(values).view(1, 1, 1, -1).expand(1, 3, 1, -1)


def test_histograms_by_hand():
    """Four values take the ranks of four others."""
    matched = match_color(grey(0.9, 0.1, 0.4, 0.5), to=grey(0.2, 0.6, 0.3, 0.8))
    torch.testing.assert_close(matched, grey(0.8, 0.2, 0.3, 0.6))


def test_covariance_by_hand():
    """Channels that do not vary together: each is stretched, here by 0.1 / 0.2, 0.2 / 0.1 and not at all."""
    signs = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    picture = lambda *spread: (0.5 + torch.tensor(spread)[:, None] * signs).view(1, 3, 2, 2)
    matched = match_color(picture(0.2, 0.1, 0.1), to=picture(0.1, 0.2, 0.1) + 0.05, method="covariance")
    torch.testing.assert_close(matched, picture(0.1, 0.2, 0.1) + 0.05)


@pytest.mark.parametrize("method", METHODS)
def test_what_each_method_makes_equal(method, pictures):
    """Both pictures are of low contrast here, so that nothing is clipped."""
    photo, painting = (0.4 + 0.2 * picture for picture in pictures)
    matched = match_color(painting, to=photo, method=method)
    assert matched.shape == painting.shape and (matched - painting).abs().mean() > 0.01
    if method == "meanstd":
        for found, wanted in zip(*([p.mean((0, 1)), p.std((0, 1))] for p in map(lab, (matched, photo))), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-3)
    else:
        flat, wanted = (picture[0].flatten(1).double() for picture in (matched, photo))
        torch.testing.assert_close(flat.mean(1), wanted.mean(1), atol=2e-3, rtol=0)
        if method == "covariance":
            torch.testing.assert_close(flat.cov(correction=0), wanted.cov(correction=0), atol=1e-6, rtol=1e-4)
        else:
            levels = torch.linspace(0.05, 0.95, 9, dtype=torch.float64)
            torch.testing.assert_close(flat.quantile(levels, 1), wanted.quantile(levels, 1), atol=2e-3, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_in_its_own_colours_is_itself(method, pictures):
    torch.testing.assert_close(match_color(pictures[1], to=pictures[1], method=method), pictures[1], atol=1e-3, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_one_colour_alone(method):
    """Nothing varies: no division by zero, and the mean is what counts."""
    flat = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    other = flat.flip(1)
    torch.testing.assert_close(match_color(flat, to=other, method=method), other, atol=2e-3, rtol=0)


def test_the_chroma_is_the_photograph_s_within_rounding(pictures):
    photo, painting = pictures[0], nstlib.resize_image(pictures[1], tuple(pictures[0].shape[-2:]))
    result = transfer_luminance(painting, photo)
    assert np.abs(lab(result) - lab(photo))[..., 1:].max() < 0.1  # of ± 100
    lightness = np.abs(lab(result) - lab(painting))[..., 0]
    assert np.median(lightness) < 0.02 and (lightness > 0.5).mean() < 0.1  # those that cannot have this colour


def test_a_lightness_that_cannot_have_the_colour_gives_way():
    """White cannot be blue: the colour stays, and it is as light as such a blue can be."""
    blue, white = torch.tensor([0.1, 0.1, 0.9]).view(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
    found = lab(transfer_luminance(white, blue))[0, 0]
    assert np.abs(found - lab(blue)[0, 0])[1:].max() < 0.1
    assert lab(blue)[0, 0, 0] + 1 < found[0] < 60
    assert transfer_luminance(white, blue).max() > 0.999  # at the end of what there is


def test_a_photograph_of_another_size_and_type(pictures):
    photo, painting = pictures
    result = transfer_luminance(painting.double(), photo)
    assert result.shape == painting.shape and result.dtype == torch.float64


def test_a_method_that_is_none(pictures, mini):
    with pytest.raises(ValueError, match=r"method is 'mean'; it must be \"histogram\", \"meanstd\" or \"covariance\""):
        match_color(*pictures, method="mean")
    with pytest.raises(ValueError, match="keep_colors is 'yes'; it must be one of histogram, meanstd, covariance, lum"):
        nstlib.style_transfer(*pictures, network=mini, keep_colors="yes", **SHORT)


def test_style_transfer_keeps_them_before_or_after(pictures, mini):
    photo, painting = pictures
    run = lambda style, **more: nstlib.style_transfer(photo, style, network=mini, **SHORT, **more)
    small = nstlib.resize_image(photo, 48)
    before = run(painting, keep_colors="histogram")
    assert torch.equal(before.image, run(match_color(painting, to=small)).image)
    assert before.settings["keep_colors"] == "histogram" and run(painting).settings["keep_colors"] is None
    after = run(painting, keep_colors="luminance")
    assert torch.equal(after.image, transfer_luminance(run(painting).image, photo))
    assert not torch.equal(after.image, before.image)


def test_pictures_on_the_way_keep_them_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = ["--size", "48", "--steps", "3", "--save-every", "3", "--keep-colors", "luminance", "--quiet"]
    assert main(["transfer", "cat", "night_swirls", "-o", "out.png", *more]) == 0
    photo = lab(nstlib.load_image("cat", size=48))
    for file in ("out.png", "out_3.png"):
        assert np.abs(lab(nstlib.load_image(file)) - photo)[..., 1:].mean() < 0.5  # 8 bits
