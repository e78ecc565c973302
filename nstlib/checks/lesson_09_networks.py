"""Two broken programs of lesson 09 that nobody sees in the picture: bugs 11 and 12.

The source of each broken version is what the lesson shows (tests/course/test_bugs.py holds the two together).
"""

import copy
import itertools
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision.transforms.functional import normalize

from nstlib.checks.lesson_09_judge import Bug, tensors_of

# Bug 11: what each named layer gave, whatever comes after it


def activations(layers, image, wanted):  # layers: name -> module, from shallow to deep
    found = {}
    for name, layer in layers.items():
        image = layer(image)
        if name in wanted:
            found[name] = image
    return found


def _cloned(layers: Mapping[str, nn.Module], image: Tensor, wanted: Iterable[str]) -> dict[str, Tensor]:
    found, image = {}, image.clone()
    for name, layer in layers.items():
        image = layer(image)
        if name in wanted:
            found[name] = image.clone()
    return found


def _not_in_place(layers: Mapping[str, nn.Module], image: Tensor, wanted: Iterable[str]) -> dict[str, Tensor]:
    found = {}
    for name, layer in layers.items():
        if getattr(layer, "inplace", False):
            layer = copy.copy(layer)
            layer.inplace = False
        image = layer(image)
        if name in wanted:
            found[name] = image
    return found


def _cut(layers: Mapping[str, nn.Module], image: Tensor, wanted: Iterable[str]) -> dict[str, Tensor]:
    """A network of its own for each layer."""
    names = list(layers)
    return {
        name: nn.Sequential(*(layers[other] for other in names[: names.index(name) + 1]))(image.clone())
        for name in names
        if name in wanted
    }


def _blind_11(calls: Sequence[Mapping]) -> str:
    if not any(getattr(layer, "inplace", False) for call in calls for layer in call["layers"].values()):
        return "None of your layers works in place. torchvision's do: torch.nn.ReLU(inplace=True)."
    for call in calls:
        names = list(call["layers"])
        after = dict(itertools.pairwise(names))
        if any(getattr(call["layers"].get(after.get(name)), "inplace", False) for name in call["wanted"]):
            return ""
    return "You never ask for a layer that stands just before an in-place ReLU. Only such a one is overwritten."


BUG_11 = Bug(
    told="The in-place ReLU overwrote the activation that had been stored before it.",
    broken=activations,
    right=_cloned,
    others=((_not_in_place, "lets no layer work in place"), (_cut, "runs a cut network for each layer")),
    blind=_blind_11,
    hints=(
        "The answer holds a tensor, not a copy of it. Who may change it after that?",
        "Build a network of two layers, a convolution and torch.nn.ReLU(inplace=True), and ask for the convolution.",
        "What comes back must be what the convolution alone gives: found['conv'] equals layers['conv'](image). Or: it "
        "must hold numbers below zero.",
    ),
)


# Bug 12: RGB in [0, 1] <-> BGR in 0…255, minus the mean of each colour, as VGG's authors trained it


def caffe(image, back=False):  # RGB, 0…1 -> BGR, 0…255, minus the means of VGG
    means = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    return (image.flip(1) + means) / 255 if back else (255 * image - means).flip(1)


def _flip_first(image: Tensor, back: bool = False) -> Tensor:
    means = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    return ((image + means) / 255).flip(1) if back else 255 * image.flip(1) - means


def _caffe_torchvision(image: Tensor, back: bool = False) -> Tensor:
    red_green_blue = [123.68, 116.779, 103.939]
    if back:
        return normalize(image[:, [2, 1, 0]], [-mean for mean in red_green_blue], [1, 1, 1]) / 255
    return normalize(image * 255, red_green_blue, [1, 1, 1])[:, [2, 1, 0]]


def _caffe_channels(image: Tensor, back: bool = False) -> Tensor:
    means = (103.939, 116.779, 123.68)  # of channels 2, 1 and 0 of an RGB picture
    if back:
        planes = [(image[:, 2 - c] + means[2 - c]) / 255 for c in range(3)]
    else:
        planes = [(image[:, 2 - c].double() * 255 - means[c]).to(image.dtype) for c in range(3)]
    return torch.stack(planes, 1)


def _red_first(image: Tensor, back: bool = False) -> Tensor:
    """Not right: red, green, blue, as a test may expect."""
    return _flip_first(image.flip(1), back=True) if back else _flip_first(image).flip(1)


def _blind_12(calls: Sequence[Mapping]) -> str:
    ways = [call.get("back", False) for call in calls]
    if any(ways) and not all(ways):
        return "A round trip undoes on the way back what was wrong on the way there. Look at the numbers in between."
    if all(image.shape[1] == 3 and _no_colour(image) for image in tensors_of(calls, "image")):
        return "You do not look at which number stands in which channel. Compare channel by channel."
    return ""


def _no_colour(image: Tensor) -> bool:
    return bool((image == image[:, :1]).all())


BUG_12 = Bug(
    told="The blue mean was taken from red, and the red mean from blue; the way back made the same mistake.",
    broken=caffe,
    right=_flip_first,
    others=(
        (_caffe_torchvision, "uses torchvision's normalize"),
        (_caffe_channels, "takes channel by channel, in double precision"),
    ),
    blind=_blind_12,
    hints=(
        "There and back gives the same picture. So look at what is in between.",
        "Calculate by hand what one pixel of pure red becomes, RGB (1, 0, 0).",
        "Its BGR numbers are (0 - 103.939, 0 - 116.779, 255 - 123.68). Compare with a tolerance.",
    ),
    expected=((_red_first, "Did you expect red first? It gives blue first."),),
)
