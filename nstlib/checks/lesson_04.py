"""Checkers for the exercises of lesson 04."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import check


def check_gram_matrix(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 3, features (1, N, h, w) -> (1, N, N)."""
    # N = 3, M = 4
    features = torch.tensor([[[[1.0, 2.0], [0.0, 1.0]], [[0.0, 3.0], [1.0, 0.0]], [[2.0, 0.0], [1.0, 1.0]]]])
    flat, mixed = features.flatten(2), features.reshape(1, 4, 3).mT
    centred = flat - flat.mean(2, keepdim=True)
    right = flat @ flat.mT
    check(
        "gram_matrix",
        function,
        [features],
        right,
        {
            "This is positions × positions, the wrong axis: it tells which places are alike. Equation 3 sums over positions and leaves "
            "filters × filters.": flat.mT @ flat,
            "This is the mean over positions; equation 3 is a sum. (The division by M comes in equation 4.)": right / 4,
            "You divided by filters and positions; equation 3 divides by nothing.": right / 12,
            "You divided by the number of filters; equation 3 divides by nothing.": right / 3,
            "You subtracted each filter's mean first: that is a covariance. Equation 3 takes activations as they are.": centred
            @ centred.mT,
            "A reshape has mixed filters and positions: to (N, M) first, then a transpose, not at once to (M, N).": mixed
            @ mixed.mT,
            "You squared entry by entry; that is the diagonal only. Multiply filter i with filter j, for all pairs.": flat.square().sum(
                2
            ),
        },
        praise="It agrees with nstlib.gram_matrix.",
    )


def check_layer_style_loss(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 4, features (1, N, h, w) and target_gram (1, N, N) -> a number."""
    # N = 3, M = 5
    features = torch.tensor([[[[1.0, 2.0, 0.0, 1.0, 0.0]], [[0.0, 3.0, 1.0, 0.0, 0.0]], [[2.0, 0.0, 1.0, 1.0, 1.0]]]])
    target = torch.tensor([[[5.0, 1.0, 2.0], [1.0, 4.0, 0.0], [2.0, 0.0, 6.0]]])
    flat = features.flatten(2)
    gram = flat @ flat.mT
    total = (gram - target).square().sum()
    check(
        "layer_style_loss",
        function,
        [features, target],
        total / (4 * 3**2 * 5**2),
        {
            "The factor ¼ is missing.": total / (3**2 * 5**2),
            "M² is missing: you divided by the filters only.": total / (4 * 3**2),
            "N² is missing: you divided by the positions only.": total / (4 * 5**2),
            "N and M stand before the sum as squares, N² and M².": total / (4 * 3 * 5),
            "Normalised twice: the Gram matrices were divided by M already, and then the sum by M² again.": total
            / (4 * 3**2 * 5**4),
            "Normalised twice: the Gram matrices were divided by N M already, and then the sum by N² M² again.": total
            / (4 * 3**4 * 5**4),
            "Normalised twice by N: G and A were divided by N M, and then the mean over N² entries was taken.": total
            / (3**4 * 5**2),
            "This is the mean over entries, ΣΣ / N²; equation 4 also has ¼ and M² below the line.": total / 3**2,
            "This is the bare sum; equation 4 divides it by 4 N² M².": total,
            "Only G was divided, not A: both must be treated alike.": (gram / 5 - target).square().sum() / (4 * 3**2),
            "The squares are missing: differences of opposite sign cancel.": (gram - target).sum() / (4 * 3**2 * 5**2),
        },
        praise="It agrees with nstlib.layer_style_loss.",
    )


def check_style_loss_gradient(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 6, features (1, N, h, w) and target_gram (1, N, N) -> a tensor like features."""
    features = torch.tensor([[[[1.0, 2.0, 0.0]], [[0.0, 3.0, 1.0]]]])  # N = 2, M = 3
    target = torch.tensor([[[7.0, 1.0], [1.0, 4.0]]])
    flat, zero = features.flatten(2), torch.zeros(())
    gram = flat @ flat.mT
    whole = ((gram - target) @ flat).view_as(features) / (2**2 * 3**2)
    turned = (flat.mT @ (gram - target)) / (2**2 * 3**2)  # (1, M, N)
    reshaped, right = turned.reshape(features.shape), torch.where(features > 0, whole, zero)
    masked = torch.where(flat.mT > 0, turned, zero)
    check(
        "style_loss_gradient",
        function,
        [features, target],
        right,
        {
            "The mask is missing: where F is not above 0 the gradient is 0.": whole,
            "A transpose is missing: Fᵀ (G − A) is positions × filters, and equation 6 wants its entry ji at place ij.": masked,
            "A transpose is missing, and the mask: Fᵀ (G − A) is positions × filters, and equation 6 wants its entry ji at place ij.": turned,
            "A reshape is not a transpose: Fᵀ (G − A) is positions × filters, so turn it first.": torch.where(
                features > 0, reshaped, zero
            ),
            "A reshape is not a transpose, and the mask is missing: Fᵀ (G − A) is positions × filters, so turn it first.": reshaped,
            "A factor 4 too large: the square and the symmetry of G give 4, and the ¼ of equation 4 takes it away.": 4
            * right,
            "A factor 4 too small: the square and the symmetry of G give 4, which the ¼ of equation 4 takes away.": right
            / 4,
            "Half of it: G holds every pair twice, ij and ji.": right / 2,
            "The factor 1 / (N² M²) is missing.": right * (2**2 * 3**2),
            "The sign is wrong: the gradient points uphill, G − A.": -right,
            "A is missing: the difference is G − A.": torch.where(
                features > 0, (gram @ flat).view_as(features) / 36, zero
            ),
        },
        praise="It agrees with nstlib.style_loss_gradient.",
    )
