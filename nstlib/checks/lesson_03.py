"""Checkers for the exercises of lesson 03."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import check


def check_content_loss(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Exercise of lesson 03: equation 1 times a weight, features and target (1, N, h, w), weight -> a number."""
    features = torch.tensor([[[[1.0, 0.0, 2.0]], [[3.0, 1.0, 0.0]]]])  # N = 2, M = 3
    target = torch.tensor([[[[1.0, 4.0, 0.0]], [[2.0, 1.0, 1.0]]]])
    weight, difference = 5.0, features - target
    square = difference.square().sum()
    check(
        "content_loss",
        function,
        [features, target, weight],
        weight * 0.5 * square,
        {
            "The factor ½ is missing.": weight * square,
            "This is a mean; equation 1 is a sum over filters and positions.": weight * 0.5 * square / 6,
            "This is a mean, and without the factor ½; equation 1 is half a sum.": weight * square / 6,
            "The weight is inside the square, where 5 counts as 25: put it before the sum.": 0.5 * weight**2 * square,
            "The weight is inside the square, where 5 counts as 25, and the factor ½ is missing.": weight**2 * square,
            "The ½ is inside the square, where it counts as ¼.": weight * 0.25 * square,
            "The weight is missing: this is the loss alone.": 0.5 * square,
            "The differences are not squared: those of opposite sign cancel.": weight * 0.5 * difference.sum(),
            "You took absolute differences; equation 1 squares them.": weight * 0.5 * difference.abs().sum(),
            "This is the norm itself; equation 1 has its square, without the root.": weight * 0.5 * square.sqrt(),
            "The sum over filters and positions is missing: one number is wanted.": weight * 0.5 * difference.square(),
        },
        praise="With weight 1 it agrees with nstlib.content_loss.",
    )


def check_content_loss_gradient(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 03: equation 2 from the activations before the ReLU, and P; both (1, N, h, w), as is the
    answer.
    """
    before = torch.tensor([[[[-1.0, 2.0, 0.5]], [[3.0, -2.0, 0.0]]]])  # N = 2, M = 3
    target = torch.tensor([[[[1.0, 0.0, 2.0]], [[1.0, 0.5, 3.0]]]])
    features, zero = before.relu(), torch.zeros(())
    difference = features - target
    right = torch.where(features > 0, difference, zero)
    check(
        "content_loss_gradient",
        function,
        [before, target],
        right,
        {
            "The mask is missing: where a filter is silent, the ReLU lets no gradient through.": difference,
            "The ReLU is missing, and with it the mask: F is what comes after it, C what comes before.": before
            - target,
            "The sign is wrong: the gradient points uphill, F − P.": -right,
            "The sign is wrong, and the mask is missing.": -difference,
            "A factor 2 too large: the square gives a 2, which the ½ of equation 1 takes away.": 2 * right,
            "Half of it: the ½ of equation 1 is used up by the 2 that the square gives.": right / 2,
            "This is the gradient of a mean; equation 1 is a sum.": right / 6,
            "The mask looks at the target: it is F that must be above 0, not P.": torch.where(
                target > 0, difference, zero
            ),
            "The mask looks at the difference: it is F that must be above 0, not F − P.": torch.where(
                difference > 0, difference, zero
            ),
            "P is missing: the difference is F − P.": features,
        },
        praise="It agrees with nstlib.content_loss_gradient(C.relu(), P).",
    )
