"""Checkers for the exercises of lesson 04."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nstlib.checks.answers import check_cases, random_activations
from nstlib.losses import gram_matrix

# Each formula stands below its hint.
# fmt: off


def sizes(features: Tensor) -> tuple[int, int]:
    """N, M of features (1, N, h, w)."""
    return features.shape[1], features.shape[2] * features.shape[3]


def features_and_target(filters: int, height: int, width: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """F of one picture, (1, N, h, w), and A of another, (1, N, N)."""
    F, other = (random_activations(1, filters, height, width, seed=s) for s in (seed, seed + 1))
    return F, gram_matrix(other)


def check_gram_matrix(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 3, features (1, N, h, w) -> (1, N, N)."""

    def gram(rows: Tensor) -> Tensor:
        return rows @ rows.mT

    def flat(f: Tensor) -> Tensor:
        return f.flatten(2)

    def centred(f: Tensor) -> Tensor:
        return flat(f) - flat(f).mean(2, keepdim=True)

    def mixed(f: Tensor) -> Tensor:
        """A reshape to (1, M, N) where a transpose is needed."""
        return f.reshape(1, -1, f.shape[1]).mT

    check_cases(
        "gram_matrix",
        function,
        [(random_activations(1, 3, 2, 5, seed=0),), (random_activations(1, 5, 4, 3, seed=1),)],
        lambda f: gram(flat(f)),
        {
            "This is positions × positions, the wrong axis: it tells which places are alike. Equation 3 sums over positions and leaves filters × filters.":
                lambda f: gram(flat(f).mT),
            "This is the mean over positions; equation 3 is a sum. (The division by M comes in equation 4.)":
                lambda f: gram(flat(f)) / sizes(f)[1],
            "You divided by filters and positions; equation 3 divides by nothing.":
                lambda f: gram(flat(f)) / f.numel(),
            "You divided by the number of filters; equation 3 divides by nothing.":
                lambda f: gram(flat(f)) / f.shape[1],
            "You divided by height or width; equation 3 divides by nothing.": (
                lambda f: gram(flat(f)) / f.shape[2],
                lambda f: gram(flat(f)) / f.shape[3],
            ),
            "You subtracted each filter's mean first: that is a covariance. Equation 3 takes activations as they are.": (
                lambda f: gram(centred(f)),
                lambda f: gram(centred(f)) / sizes(f)[1],
                lambda f: gram(centred(f)) / (sizes(f)[1] - 1),
            ),
            "You scaled each filter's row to length 1, so that only angles are left. Equation 3 takes activations as they are.":
                lambda f: gram(normalize(flat(f), dim=2)),
            "You scaled each position's activations to length 1. Equation 3 takes activations as they are.":
                lambda f: gram(normalize(flat(f), dim=1)),
            "You subtracted the means and scaled the rows: that is a correlation. Equation 3 takes activations as they are.":
                lambda f: gram(normalize(centred(f), dim=2)),
            "A reshape has mixed filters and positions: to (N, M) first, then a transpose, not at once to (M, N).":
                lambda f: gram(mixed(f)),
            "You squared entry by entry; that is the diagonal only. Multiply filter i with filter j, for all pairs.": (
                lambda f: flat(f).square().sum(2),
                lambda f: torch.diag_embed(flat(f).square().sum(2)),
            ),
            "These are products of the filters' sums. Multiply at each position first, then sum over positions.": (
                lambda f: gram(flat(f).sum(2, keepdim=True)),
                lambda f: gram(flat(f).mean(2, keepdim=True)),
            ),
            "You multiplied the rows within each map. Make each map one long row first: features.flatten(2).":
                lambda f: f @ f.mT,
        },
        praise="It agrees with nstlib.gram_matrix.",
    )


def check_layer_style_loss(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 4, features (1, N, h, w) and target_gram (1, N, N) -> a number."""

    def total(F: Tensor, A: Tensor) -> Tensor:
        return (gram_matrix(F) - A).square().sum()

    def divided(divisor: Callable[[int, int], float]) -> Callable:
        """The sum of squares divided by something made of N and M."""
        return lambda F, A: total(F, A) / divisor(*sizes(F))

    def only_G(share: Callable[[int, int], float], divisor: Callable[[int, int], float]) -> Callable:
        """G alone is divided, then the sum."""
        return lambda F, A: (gram_matrix(F) / share(*sizes(F)) - A).square().sum() / divisor(*sizes(F))

    check_cases(
        "layer_style_loss",
        function,
        [features_and_target(3, 2, 5, seed=0), features_and_target(5, 4, 7, seed=2)],
        divided(lambda N, M: 4 * N**2 * M**2),
        {
            "The factor ¼ is missing.":
                divided(lambda N, M: N**2 * M**2),
            "The factor is ¼; you have ½.":
                divided(lambda N, M: 2 * N**2 * M**2),
            "M² is missing: you divided by the filters only.":
                divided(lambda N, M: 4 * N**2),
            "N² is missing: you divided by the positions only.":
                divided(lambda N, M: 4 * M**2),
            "N and M stand below the line as squares: N² and M².":
                divided(lambda N, M: 4 * N * M),
            "M stands below the line as a square: M².":
                divided(lambda N, M: 4 * N**2 * M),
            "N stands below the line as a square: N².":
                divided(lambda N, M: 4 * N * M**2),
            "M is the number of positions, height times width; you took one side of the map.": (
                lambda F, A: total(F, A) / (4 * F.shape[1] ** 2 * F.shape[2] ** 2),
                lambda F, A: total(F, A) / (4 * F.shape[1] ** 2 * F.shape[3] ** 2),
            ),
            "M is the number of positions, height times width; you took the square of one side.": (
                lambda F, A: total(F, A) / (4 * F.shape[1] ** 2 * F.shape[2] ** 4),
                lambda F, A: total(F, A) / (4 * F.shape[1] ** 2 * F.shape[3] ** 4),
            ),
            "… / 4 * N**2 * M**2 multiplies by N² and M²: put everything below the line in brackets.":
                divided(lambda N, M: 4 / (N**2 * M**2)),
            "Normalised twice: the Gram matrices were divided by M already, and then the sum by M² again.":
                divided(lambda N, M: 4 * N**2 * M**4),
            "Normalised twice: the Gram matrices were divided by N M already, and then the sum by N² M² again.":
                divided(lambda N, M: 4 * N**4 * M**4),
            "Normalised twice by N: G and A were divided by N M, and then the mean over N² entries was taken.": (
                divided(lambda N, M: N**4 * M**2),
                divided(lambda N, M: 4 * N**4 * M**2),
            ),
            "This is the mean over entries, ΣΣ / N²; equation 4 also has ¼ and M² below the line.":
                divided(lambda N, M: N**2),
            "This is the bare sum; equation 4 divides it by 4 N² M².":
                total,
            "Only G was divided, not A: both must be treated alike.": tuple(
                only_G(share, divisor)
                for share in (lambda N, M: M, lambda N, M: N * M)
                for divisor in (lambda N, M: 1, lambda N, M: 4, lambda N, M: N**2, lambda N, M: 4 * N**2, lambda N, M: 4 * N**2 * M**2)
            ),
            "The squares are missing: differences of opposite sign cancel.":
                lambda F, A: (gram_matrix(F) - A).sum() / (4 * F.numel() ** 2),
            "You took absolute differences; equation 4 squares them.":
                lambda F, A: (gram_matrix(F) - A).abs().sum() / (4 * F.numel() ** 2),
            "This is the norm; equation 4 has its square, without the root.":
                lambda F, A: total(F, A).sqrt() / (4 * F.numel() ** 2),
            "The sum over i and j is missing: one number is wanted.":
                lambda F, A: (gram_matrix(F) - A).square() / (4 * F.numel() ** 2),
            "A is missing: the difference is G − A.":
                lambda F, A: gram_matrix(F).square().sum() / (4 * F.numel() ** 2),
        },
        gradient_of=0,
        praise="It agrees with nstlib.layer_style_loss.",
    )


def check_style_loss_gradient(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 6, features (1, N, h, w) and target_gram (1, N, N) -> a tensor like features."""

    def unmasked(F: Tensor, A: Tensor) -> Tensor:
        return ((gram_matrix(F) - A) @ F.flatten(2)).view_as(F) / F.numel() ** 2

    def right(F: Tensor, A: Tensor) -> Tensor:
        return unmasked(F, A) * (F > 0)

    def times(factor: Callable[[int, int], float]) -> Callable:
        """The gradient times something made of N and M."""
        return lambda F, A: right(F, A) * factor(*sizes(F))

    def only_G(share: Callable[[int, int], float], divisor: Callable[[int, int], float]) -> Callable:
        """G alone is divided, then the product."""
        return lambda F, A: ((gram_matrix(F) / share(*sizes(F)) - A) @ F.flatten(2)).view_as(F) * (F > 0) / divisor(*sizes(F))

    def turned(F: Tensor, A: Tensor) -> Tensor:
        """As equation 6 is written, Fᵀ (G − A): (1, M, N)."""
        return F.flatten(2).mT @ (gram_matrix(F) - A) / F.numel() ** 2

    check_cases(
        "style_loss_gradient",
        function,
        [features_and_target(3, 2, 5, seed=0), features_and_target(5, 4, 7, seed=2)],
        right,
        {
            "The mask is missing: where F is not above 0 the gradient is 0.":
                unmasked,
            "A transpose is missing: Fᵀ (G − A) is positions × filters, and equation 6 wants its entry ji at place ij.":
                lambda F, A: turned(F, A) * (F.flatten(2).mT > 0),
            "A transpose is missing, and the mask: Fᵀ (G − A) is positions × filters, and equation 6 wants its entry ji at place ij.":
                turned,
            "A reshape is not a transpose: Fᵀ (G − A) is positions × filters, so turn it first.":
                lambda F, A: turned(F, A).reshape(F.shape) * (F > 0),
            "A reshape is not a transpose, and the mask is missing: Fᵀ (G − A) is positions × filters, so turn it first.":
                lambda F, A: turned(F, A).reshape(F.shape),
            "A factor 4 too large: the square and the symmetry of G give 4, and the ¼ of equation 4 takes it away.":
                times(lambda N, M: 4),
            "A factor 2 too large: the square and the symmetry of G give 4 together, and the ¼ of equation 4 takes it all away.":
                times(lambda N, M: 2),
            "A factor 4 too small: the square and the symmetry of G give 4, which the ¼ of equation 4 takes away.":
                times(lambda N, M: 1 / 4),
            "Half of it: G holds every pair twice, ij and ji.":
                times(lambda N, M: 1 / 2),
            "The factor 1 / (N² M²) is missing.":
                times(lambda N, M: N**2 * M**2),
            "N and M stand below the line as squares: N² and M².":
                times(lambda N, M: N * M),
            "M stands below the line as a square: M².":
                times(lambda N, M: M),
            "N stands below the line as a square: N².":
                times(lambda N, M: N),
            "N² is missing below the line.":
                times(lambda N, M: N**2),
            "M² is missing below the line.":
                times(lambda N, M: M**2),
            "M is the number of positions, height times width; you took one side of the map.": (
                lambda F, A: right(F, A) * F.shape[2] ** 2,
                lambda F, A: right(F, A) * F.shape[3] ** 2,
            ),
            "… / N**2 * M**2 multiplies by M²: put everything below the line in brackets.":
                times(lambda N, M: M**4),
            "The sign is wrong: the gradient points uphill, G − A.": (
                lambda F, A: -right(F, A),
                lambda F, A: -unmasked(F, A),
            ),
            "A is missing: the difference is G − A.": (
                lambda F, A: right(F, torch.zeros_like(A)),
                lambda F, A: unmasked(F, torch.zeros_like(A)),
            ),
            "Only G was divided, not A: both must be treated alike.": (
                only_G(lambda N, M: M, lambda N, M: 1),
                only_G(lambda N, M: N * M, lambda N, M: 1),
                only_G(lambda N, M: M, lambda N, M: N**2 * M**2),
                only_G(lambda N, M: N * M, lambda N, M: N**2 * M**2),
            ),
        },
        praise="It agrees with nstlib.style_loss_gradient.",
    )
