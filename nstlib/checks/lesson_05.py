"""Checkers for the exercises of lesson 05."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import check
from nstlib.losses import gram_matrix


def check_weighted_style_loss(function: Callable[[dict, dict, dict], Tensor]) -> None:
    """Exercise of lesson 05: equation 5; features, grams and weights by name of layer -> a number."""
    # N = 3, M = 1
    features = {
        "relu1_1": torch.tensor([[[[1.0, 2.0], [0.0, 1.0]], [[0.0, 3.0], [1.0, 0.0]]]]),  # N = 2, M = 4
        "relu2_1": torch.tensor([[[[2.0]], [[1.0]], [[3.0]]]]),
    }
    grams = {"relu1_1": torch.tensor([[[5.0, 1.0], [1.0, 4.0]]]), "relu2_1": torch.eye(3)[None]}
    weights = {"relu1_1": 3.0, "relu2_1": 0.5}
    squares = {q: (gram_matrix(f) - grams[q]).square().sum() for q, f in features.items()}
    sizes = {q: (f.shape[1], f.shape[2] * f.shape[3]) for q, f in features.items()}

    def total(weigh: Callable[[str, float, float], Tensor]) -> Tensor:
        """Sum over layers of weigh(name, sum of squares, 4 N² M²)."""
        return sum(weigh(q, squares[q], 4 * sizes[q][0] ** 2 * sizes[q][1] ** 2) for q in squares)

    first = 4 * 2**2 * 4**2
    check(
        "weighted_style_loss",
        lambda: function({**features}, {**grams}, {**weights}),
        [],
        total(lambda q, s, n: weights[q] * s / n),
        {
            "The weights are missing: this is E₁ + E₂.": total(lambda q, s, n: s / n),
            "The weights are inside the square: multiply each E by its weight, once.": total(
                lambda q, s, n: weights[q] ** 2 * s / n
            ),
            "The weights are missing, and what you took is the mean of the layers.": total(lambda q, s, n: s / n) / 2,
            "One normaliser for all layers: each has its own N and M.": total(lambda q, s, n: weights[q] * s / first),
            "M² is missing: each layer is divided by 4 N² M² of its own.": total(
                lambda q, s, n: weights[q] * s / (4 * sizes[q][0] ** 2)
            ),
            "The factor ¼ is missing in each E.": total(lambda q, s, n: 4 * weights[q] * s / n),
            "You divided by the sum of the weights; equation 5 does not.": total(lambda q, s, n: weights[q] * s / n)
            / 3.5,
            "This is the last layer only; add them up.": weights["relu2_1"] * squares["relu2_1"] / (4 * 9),
            "This is the first layer only; add them up.": weights["relu1_1"] * squares["relu1_1"] / first,
        },
        praise="With weights 1/5 it is what style_transfer minimises.",
    )


def check_alpha_for(function: Callable[[float, int, int], float]) -> None:
    """Exercise of lesson 05: α for 512 × 512 pixels -> α with the same balance at width × height."""
    alpha, width, height = 2.0, 256, 128
    check(
        "alpha_for",
        function,
        [alpha, width, height],
        alpha * 512**2 / (width * height),
        {
            "The other way round: fewer pixels make the content loss smaller, so α must grow.": alpha
            * width
            * height
            / 512**2,
            "Count pixels, not the longer side: the content loss is a sum over height times width positions.": alpha
            * 512
            / width,
            "Count pixels, not the shorter side: the content loss is a sum over height times width positions.": alpha
            * 512
            / height,
            "That is for a square picture of this width; this one is width × height.": alpha * 512**2 / width**2,
            "That is the root of the right factor: the number of pixels counts, not the side of a square.": alpha
            * (512**2 / (width * height)) ** 0.5,
            "α does not stay: a sum over fewer positions is smaller, a mean is not.": alpha,
        },
        praise="style_transfer does this for you.",
    )


def check_to_bytes(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 05: floats, nearly all in [0, 1] -> whole numbers 0…255 as torch.uint8, of the same shape."""
    image = torch.tensor([[[[-0.1, 0.0, 0.5], [1.0, 1.1, 0.999]]]])
    right = (image * 255).round().clamp(0, 255)
    whole = (image * 255).long()

    def numbers(picture: Tensor) -> Tensor | None:
        answer = function(picture)
        return answer + torch.tensor(1000.0) if isinstance(answer, Tensor) and answer.dtype != torch.uint8 else answer

    check(
        "to_bytes",
        numbers,
        [image],
        right,
        {
            "The strays wrap around: 1.1 has become dark and -0.1 bright. Clamp first.": whole.remainder(256),
            "The strays wrap around: 1.1 has become dark and -0.1 bright. Clamp before you cast, after you round.": (
                image * 255
            )
            .round()
            .remainder(256),
            "Cut off, not rounded: 0.999 is nearer to 255 than to 254.": (image.clamp(0, 1) * 255).long(),
            "256 is one too many: white is 255.": (image.clamp(0, 1) * 256).clamp(max=255).long(),
            "The numbers are right, the type is not: torch.uint8 is wanted, for that is what a file holds.": right
            + 1000,
            "Only 0 and 1 are left: multiply by 255 before you round.": image.clamp(0, 1).round(),
            "Multiply by 255 first; the type is not torch.uint8 either.": image.clamp(0, 1) + 1000,
        },
        praise="nstlib.save_image does the same.",
    )
