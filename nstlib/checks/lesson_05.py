"""Checkers for the short exercises of lesson 05; the two long ones have modules of their own."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from nstlib.checks.answers import check_cases, random_activations, random_numbers
from nstlib.losses import gram_matrix, layer_style_loss

# Each formula stands below its hint.
# fmt: off

Layers = dict[str, tuple[int, int, int]]  # name -> (N, h, w)


def check_weighted_style_loss(function: Callable[[Mapping, Mapping, Mapping], Tensor]) -> None:
    """Exercise of lesson 05: equation 5; features, grams and weights by name of layer -> a number."""

    def case(layers: Layers, weights: dict[str, float], *, seed: int) -> tuple[dict, dict, dict]:
        """Features with one layer more than the sum has; Gram matrices in another order than weights and features."""
        features = {l: random_activations(1, *shape, seed=seed + i) for i, (l, shape) in enumerate(layers.items())}
        others = {l: random_activations(1, *layers[l], seed=seed + 9 + i) for i, l in enumerate(sorted(weights))}
        return features, {l: gram_matrix(other) for l, other in others.items()}, weights

    def summed(term: Callable[[float, Tensor, Tensor], Tensor]) -> Callable:
        """The sum over layers of a term made of w, E and F."""
        return lambda features, grams, weights: sum(
            term(weights[l], layer_style_loss(features[l], A), features[l]) for l, A in grams.items()
        )

    def only(which: int) -> Callable:
        """The term of one layer, the first (0) or last (-1) of a dictionary."""
        return lambda f, g, w: (l := list(g)[which]) and w[l] * layer_style_loss(f[l], g[l])

    right = summed(lambda w, E, F: w * E)
    check_cases(
        "weighted_style_loss",
        function,
        [
            # As many filters everywhere: what is paired by position instead of by name still gives a number.
            case({"relu4_2": (3, 2, 4), "relu3_1": (3, 5, 4), "relu1_1": (3, 4, 7), "relu2_1": (3, 2, 5)},
                 {"relu2_1": 0.7, "relu3_1": 1.9, "relu1_1": 3.1}, seed=0),
            case({"relu2_1": (5, 3, 2), "relu1_1": (4, 6, 7), "relu4_2": (7, 2, 3)},
                 {"relu2_1": 0.6, "relu1_1": 2.3}, seed=5),
        ],
        right,
        {
            "The weights are missing: this is the sum of the E.":
                summed(lambda w, E, F: E),
            "The weights are missing, and what you took is the mean of the layers.":
                lambda f, g, w: summed(lambda w, E, F: E)(f, g, w) / len(g),
            "You divided by the number of layers; equation 5 does not, the weights do that.":
                lambda f, g, w: right(f, g, w) / len(g),
            "You divided by the sum of the weights; equation 5 does not.":
                lambda f, g, w: right(f, g, w) / sum(w.values()),
            "The weights are inside the square: multiply each E by its weight, once.":
                summed(lambda w, E, F: w**2 * E),
            "Layers are paired by their place in the dictionaries, which may differ: look up each one by its name.": (
                lambda f, g, w: sum(v * layer_style_loss(f[l], A) for v, (l, A) in zip(w.values(), g.items(), strict=True)),
                lambda f, g, w: sum(v * layer_style_loss(F, A) for F, A, v in zip(f.values(), g.values(), w.values(), strict=False)),
                lambda f, g, w: sum(w[l] * layer_style_loss(F, A) for F, (l, A) in zip(f.values(), g.items(), strict=False)),
            ),
            "One normaliser for all layers: each has its own N and M.": tuple(
                lambda f, g, w, which=which: summed(lambda w, E, F: w * E * F.numel() ** 2)(f, g, w) / which(f, g) ** 2
                for which in (
                    lambda f, g: f[next(iter(f))].numel(),
                    lambda f, g: f[next(iter(g))].numel(),
                    lambda f, g: f[list(g)[-1]].numel(),
                )
            ),
            "M² is missing: each layer is divided by 4 N² M² of its own.":
                summed(lambda w, E, F: w * E * F[0, 0].numel() ** 2),
            "N² is missing: each layer is divided by 4 N² M² of its own.":
                summed(lambda w, E, F: w * E * F.shape[1] ** 2),
            "N and M stand below the line as squares: N² and M².": (
                summed(lambda w, E, F: w * E * F.numel()),
                summed(lambda w, E, F: w * E * F[0, 0].numel()),
                summed(lambda w, E, F: w * E * F.shape[1]),
            ),
            "M is the number of positions, height times width; you took one side, or its square.": (
                summed(lambda w, E, F: w * E * F.shape[2] ** 2),
                summed(lambda w, E, F: w * E * F.shape[3] ** 2),
                summed(lambda w, E, F: w * E * (F.shape[2] / F.shape[3]) ** 2),
                summed(lambda w, E, F: w * E * (F.shape[3] / F.shape[2]) ** 2),
            ),
            "The factor ¼ is missing in each E.":
                summed(lambda w, E, F: 4 * w * E),
            "The division by 4 N² M² is missing in each E.":
                summed(lambda w, E, F: w * E * 4 * F.numel() ** 2),
            "This is the last layer only; add them up.":
                only(-1),
            "This is the first layer only; add them up. (Is your `return` inside the loop?)":
                only(0),
        },
        gradient_of=0,
        praise="With weights 1/5 it is the paper's style loss.",
    )


def check_alpha_for(function: Callable[[float, int, int], float]) -> None:
    """Exercise of lesson 05: α for 512 × 512 pixels -> α with the same balance at width × height."""
    check_cases(
        "alpha_for",
        function,
        [(2.0, 256, 128), (0.03, 420, 700)],
        lambda a, w, h: a * 512**2 / (w * h),
        {
            "The other way round: fewer pixels make the content loss smaller, so α must grow.":
                lambda a, w, h: a * w * h / 512**2,
            "Count pixels, not the longer side: the content loss is a sum over height times width positions.": (
                lambda a, w, h: a * 512 / max(w, h),
                lambda a, w, h: a * (512 / max(w, h)) ** 2,
            ),
            "Count pixels, not the shorter side: the content loss is a sum over height times width positions.": (
                lambda a, w, h: a * 512 / min(w, h),
                lambda a, w, h: a * (512 / min(w, h)) ** 2,
            ),
            "That is for a square picture of this width; this one is width × height.": (
                lambda a, w, h: a * 512**2 / w**2,
                lambda a, w, h: a * 512 / w,
            ),
            "That is for a square picture of this height; this one is width × height.": (
                lambda a, w, h: a * 512**2 / h**2,
                lambda a, w, h: a * 512 / h,
            ),
            "That is for a square whose side is the mean of width and height; count this picture's own pixels.": (
                lambda a, w, h: a * (1024 / (w + h)) ** 2,
                lambda a, w, h: a * 1024 / (w + h),
            ),
            "That is the root of the right factor: the number of pixels counts, not the side of a square.":
                lambda a, w, h: a * (512**2 / (w * h)) ** 0.5,
            "… / width * height multiplies by the height: put width * height in brackets.":
                lambda a, w, h: a * 512**2 / w * h,
            "// cuts off what is behind the decimal point: use /.": (
                lambda a, w, h: a * (512**2 // (w * h)),
                lambda a, w, h: a * 512**2 // (w * h),
            ),
            "That is the factor alone: multiply it by α.":
                lambda a, w, h: 512**2 / (w * h),
            "α does not stay: a sum over fewer positions is smaller, a mean is not.":
                lambda a, w, h: a,
        },
        praise="style_transfer does this for you.",
    )


def check_to_bytes(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 05: floats, nearly all in [0, 1] -> whole numbers 0…255 as torch.uint8, of the same shape."""

    def cut(x: Tensor) -> Tensor:
        return x.clamp(0, 1)

    check_cases(
        "to_bytes",
        function,
        [
            (random_numbers(1, 3, 2, 5, seed=0),),  # all within [0, 1]
            (1.6 * random_numbers(1, 3, 7, 4, seed=1) - 0.3,),  # with strays on both sides
        ],
        lambda x: (x * 255).round().clamp(0, 255),
        {
            "The strays wrap around: what was above 1 has become dark, what was below 0 bright. Clamp before you cast.": (
                lambda x: (x * 255).long().remainder(256),
                lambda x: (x * 255).round().remainder(256),
            ),
            "The strays are still there: clamp to 0…255.":
                lambda x: (x * 255).round(),
            "Cut off, not rounded: 0.999 is nearer to 255 than to 254.":
                lambda x: (cut(x) * 255).floor(),
            "Rounding is missing; the type would cut off what is behind the decimal point.":
                lambda x: cut(x) * 255,
            "Rounded up; round to the nearest.":
                lambda x: (cut(x) * 255).ceil(),
            "256 is one too many: white is 255.": (
                lambda x: (cut(x) * 256).floor().clamp(max=255),
                lambda x: (cut(x) * 256).round().clamp(max=255),
                lambda x: (cut(x) * 256).to(torch.uint8),
            ),
            "Only 0 and 1 are left: multiply by 255 before you round.": (
                lambda x: cut(x).round(),
                lambda x: cut(x).floor(),
            ),
            "Your numbers run from 0 to 1: multiply by 255.":
                cut,
            "You stretched this picture to its own darkest and brightest value, which changes its colours. Clamp to [0, 1], then multiply by 255.": (
                lambda x: (x - x.min()) / (x.max() - x.min()) * 255,
                lambda x: ((x - x.min()) / (x.max() - x.min()) * 255).round(),
                lambda x: ((x - x.min()) / (x.max() - x.min()) * 255).floor(),
            ),
            "You divided by this picture's largest value, which changes its colours. Clamp to [0, 1], then multiply by 255.": (
                lambda x: cut(x / x.max()) * 255,
                lambda x: (cut(x / x.max()) * 255).round(),
                lambda x: (cut(x / x.max()) * 255).floor(),
            ),
            "You took the range for -1 to 1; the course's pixels run from 0 to 1.": (
                lambda x: (x * 127.5 + 127.5).round().clamp(0, 255),
                lambda x: (x * 127.5 + 127.5).floor().clamp(0, 255),
            ),
        },
        dtype=torch.uint8,
        praise="nstlib.save_image does the same.",
    )
