"""Checkers for the exercises of lesson 03."""

from collections.abc import Callable

from torch import Tensor

from nstlib.checks.answers import check_cases, random_activations, random_numbers

# Each formula stands below its hint.
# fmt: off


def check_content_loss(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Exercise of lesson 03: equation 1 times a weight, features and target (1, N, h, w), weight -> a number."""

    def square(F: Tensor, P: Tensor) -> Tensor:
        return (F - P).square().sum()

    check_cases(
        "content_loss",
        function,
        [
            (random_activations(1, 3, 2, 5, seed=0), random_activations(1, 3, 2, 5, seed=1), 7.0),
            (random_activations(1, 5, 4, 3, seed=2), random_activations(1, 5, 4, 3, seed=3), 0.3),
        ],
        lambda F, P, w: w * 0.5 * square(F, P),
        {
            "The factor ½ is missing.":
                lambda F, P, w: w * square(F, P),
            "This is a mean; equation 1 is a sum over filters and positions.":
                lambda F, P, w: w * 0.5 * square(F, P) / F.numel(),
            "This is a mean, and without the factor ½; equation 1 is half a sum.":
                lambda F, P, w: w * square(F, P) / F.numel(),
            "You divided by the number of filters; equation 1 divides by nothing.": (
                lambda F, P, w: w * 0.5 * square(F, P) / F.shape[1],
                lambda F, P, w: w * square(F, P) / F.shape[1],
            ),
            "You divided by the number of positions; equation 1 divides by nothing.": (
                lambda F, P, w: w * 0.5 * square(F, P) / F[0, 0].numel(),
                lambda F, P, w: w * square(F, P) / F[0, 0].numel(),
            ),
            "The weight is inside the square, where 7 counts as 49: put it before the sum.":
                lambda F, P, w: 0.5 * w**2 * square(F, P),
            "The weight is inside the square, where 7 counts as 49, and the factor ½ is missing.":
                lambda F, P, w: w**2 * square(F, P),
            "The weight belongs to the whole difference: put F − P in brackets.":
                lambda F, P, w: 0.5 * (w * F - P).square().sum(),
            "The ½ is inside the square, where it counts as ¼.":
                lambda F, P, w: w * 0.25 * square(F, P),
            "The weight is missing: this is the loss alone.":
                lambda F, P, w: 0.5 * square(F, P),
            "The weight is missing, and the factor ½.":
                lambda F, P, w: square(F, P),
            "The weight is missing, and this is a mean; equation 1 is half a sum.": (
                lambda F, P, w: square(F, P) / F.numel(),
                lambda F, P, w: 0.5 * square(F, P) / F.numel(),
            ),
            "The differences are not squared: those of opposite sign cancel.": (
                lambda F, P, w: w * 0.5 * (F - P).sum(),
                lambda F, P, w: w * (F - P).sum(),
            ),
            "You squared the sum, so that differences of opposite sign cancel; square first, then sum.": (
                lambda F, P, w: w * 0.5 * (F - P).sum() ** 2,
                lambda F, P, w: w * (F - P).sum() ** 2,
            ),
            "This is a difference of squares; square the difference.": (
                lambda F, P, w: w * 0.5 * (F.square() - P.square()).sum(),
                lambda F, P, w: w * (F.square() - P.square()).sum(),
            ),
            "You took absolute differences; equation 1 squares them.": (
                lambda F, P, w: w * 0.5 * (F - P).abs().sum(),
                lambda F, P, w: w * (F - P).abs().sum(),
            ),
            "This is the norm itself; equation 1 has its square, without the root.": (
                lambda F, P, w: w * 0.5 * square(F, P).sqrt(),
                lambda F, P, w: w * square(F, P).sqrt(),
            ),
            "The sum over filters and positions is missing: one number is wanted.": (
                lambda F, P, w: w * 0.5 * (F - P).square(),
                lambda F, P, w: w * (F - P).square(),
            ),
        },
        gradient_of=0,
        praise="With weight 1 it agrees with nstlib.content_loss.",
    )


def check_content_loss_gradient(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 03: equation 2 from the activations before the ReLU, and P; both (1, N, h, w), as is the
    answer.
    """

    def activations(*shape: int, seed: int) -> tuple[Tensor, Tensor]:
        """C, with both signs and zeros at one position, where P has none; and P."""
        before, target = random_numbers(*shape, seed=seed) - 0.5, random_activations(*shape, seed=seed + 1)
        before[..., 0, 0], target[..., 0, 0] = 0, 0.6
        return before, target

    def right(C: Tensor, P: Tensor) -> Tensor:
        return (C.relu() - P) * (C > 0)

    check_cases(
        "content_loss_gradient",
        function,
        [activations(1, 3, 2, 5, seed=0), activations(1, 5, 4, 3, seed=2)],
        right,
        {
            "The mask is missing: where a filter is silent, the ReLU lets no gradient through.":
                lambda C, P: C.relu() - P,
            "The mask is C > 0, not C ≥ 0: at 0 the filter is silent, and equation 2 gives 0.":
                lambda C, P: (C.relu() - P) * (C >= 0),
            "The ReLU is missing, and with it the mask: F is what comes after it, C what comes before.":
                lambda C, P: C - P,
            "The mask is the wrong way round: the gradient is 0 where the filter is silent.":
                lambda C, P: (C.relu() - P) * (C <= 0),
            "The sign is wrong: the gradient points uphill, F − P.":
                lambda C, P: -right(C, P),
            "The sign is wrong, and the mask is missing.": (
                lambda C, P: P - C.relu(),
                lambda C, P: P - C,
            ),
            "A factor 2 too large: the square gives a 2, which the ½ of equation 1 takes away.":
                lambda C, P: 2 * right(C, P),
            "A factor 2 too large, and the mask is missing: where a filter is silent, the ReLU lets no gradient through.": (
                lambda C, P: 2 * (C.relu() - P),
                lambda C, P: 2 * (C - P),
            ),
            "Half of it: the ½ of equation 1 is used up by the 2 that the square gives.":
                lambda C, P: right(C, P) / 2,
            "This is the gradient of a mean; equation 1 is a sum.": (
                lambda C, P: right(C, P) / C.numel(),
                lambda C, P: 2 * right(C, P) / C.numel(),
            ),
            "The mask looks at the target: it is F that must be above 0, not P.":
                lambda C, P: (C.relu() - P) * (P > 0),
            "The mask looks at the difference: it is F that must be above 0, not F − P.": (
                lambda C, P: (C.relu() - P).relu(),
                lambda C, P: (C - P).relu(),
            ),
            "That is the mask alone: multiply it by F − P.":
                lambda C, P: C > 0,
            "P is missing: the difference is F − P.":
                lambda C, P: C.relu(),
            "That is the loss, one number; the gradient has a number for each activation.":
                lambda C, P: 0.5 * (C.relu() - P).square().sum(),
        },
        praise="It agrees with nstlib.content_loss_gradient(C.relu(), P).",
    )
