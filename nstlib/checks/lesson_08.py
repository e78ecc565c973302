"""Checkers for the first two exercises of lesson 08; the race has a module of its own."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import attempt, check_cases, not_yet, one_line, refuse_if

RUNS = 6  # that `find_rate` may make
LOWEST, HIGHEST = 1e-4, 1.0  # rates between which it looks
GOOD = 1.1  # a rate counts if its loss is at most so many times the least


def check_two_loop(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 08: the direction of L-BFGS from the gradient g (n,) and the pairs S, Y (m, n), the oldest
    first, in double precision.
    """

    def case(steps: list[list[int]], g: list[int], root: list[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """Whole numbers, so that every input is exact; Y = S H with H = R Rᵀ + 1, so that all yᵀs are positive."""
        S, R = torch.tensor(steps, dtype=torch.float64), torch.tensor(root, dtype=torch.float64)
        return torch.tensor(g, dtype=torch.float64), S, S @ (R @ R.T + torch.eye(len(R)))

    # Each formula stands below its hint.
    # fmt: off
    check_cases(
        "two_loop",
        function,
        [
            case([[1, 0, 2, -1], [0, 3, -1, 1], [2, 1, 0, 1]], [3, -1, 2, 4],
                 [[2, 0, 1, 0], [0, 1, 0, 1], [1, 0, 3, 0], [0, 2, 0, 1]]),
            case([[1, -2, 0, 1, 1], [3, 0, 1, 0, -1]], [2, 5, -1, 1, 3],
                 [[1, 0, 0, 2, 0], [0, 3, 0, 0, 1], [1, 0, 1, 0, 0], [0, 0, 2, 1, 0], [0, 1, 0, 0, 2]]),
        ],
        recursion(),
        {
            "The sign: the direction goes downhill, so it is -r.":
                recursion(sign=1),
            "γ is missing between the loops.":
                recursion(gamma=lambda s, y: 1),
            "γ is upside down: it is sᵀy / yᵀy.":
                recursion(gamma=lambda s, y: (y @ y) / (s @ y)),
            "γ is sᵀy / yᵀy; yours has sᵀs above.":
                recursion(gamma=lambda s, y: (s @ s) / (s @ y)),
            "γ is taken from the oldest pair; the newest is the last row.":
                recursion(gamma_of=0),
            "Both loops run in the wrong direction: the first goes from the newest pair (the last row) to the oldest, the "
            "second back.":
                recursion(first=False, second=False),
            "The first loop runs in the wrong direction: it goes from the newest pair, the last row, to the oldest.": (
                recursion(first=False),
                recursion(first=False, paired=False)),
            "The second loop runs in the wrong direction: it goes from the oldest pair, the first row, to the newest.": (
                recursion(second=False),
                recursion(second=False, paired=False)),
            "Each α belongs to its pair: the first loop found that of the newest pair first, the second needs it last.":
                recursion(paired=False),
            "S and Y have changed places.":
                lambda g, S, Y: recursion()(g, Y, S),
            "α is ρ sᵀq; yours takes y.":
                recursion(alpha_by=lambda s, y: y),
            "β is ρ yᵀr; yours takes s.":
                recursion(beta_by=lambda s, y: s),
            "β is missing in the second loop: r ← r + (α - β) s.":
                recursion(share=lambda alpha, beta: alpha),
            "In the second loop it is α - β, not β - α.":
                recursion(share=lambda alpha, beta: beta - alpha),
            "In the first loop q loses α y, not α s.":
                recursion(off=lambda s, y: s),
            "In the second loop r gains a multiple of s, not of y.":
                recursion(on=lambda s, y: y),
            "The second loop is missing.":
                recursion(share=lambda alpha, beta: 0),
            "Only the newest pair is used; the loops go over all of them.":
                lambda g, S, Y: recursion()(g, S[-1:], Y[-1:]),
            "This is the direction of gradient descent: the pairs are not used.":
                lambda g, S, Y: -g,
        },
        dtype=torch.float64,
        praise="This is how PyTorch computes it, too.",
    )


def recursion(
    *,
    sign: float = -1,
    gamma: Callable = lambda s, y: (s @ y) / (y @ y),
    gamma_of: int = -1,
    first: bool = True,
    second: bool = True,
    paired: bool = True,
    alpha_by: Callable = lambda s, y: s,
    beta_by: Callable = lambda s, y: y,
    off: Callable = lambda s, y: y,
    on: Callable = lambda s, y: s,
    share: Callable = lambda alpha, beta: alpha - beta,
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The two-loop recursion, or one with a mistake: `first`, `second` and `paired` False turn a loop, or the order of
    its α, around.
    """

    def direction(g: Tensor, S: Tensor, Y: Tensor) -> Tensor:
        pairs = list(range(len(S)))
        q, alphas = g, {}
        for i in reversed(pairs) if first else pairs:
            alphas[i] = (alpha_by(S[i], Y[i]) @ q) / (Y[i] @ S[i])
            q = q - alphas[i] * off(S[i], Y[i])
        r = gamma(S[gamma_of], Y[gamma_of]) * q
        for i in pairs if second else reversed(pairs):
            beta = (beta_by(S[i], Y[i]) @ r) / (Y[i] @ S[i])
            r = r + share(alphas[i if paired else len(S) - 1 - i], beta) * on(S[i], Y[i])
        return sign * r

    return direction
    # fmt: on


class RateValley:
    """The last loss of a run, as a function of its rate: least at `best`, steeper beyond it, NaN far beyond."""

    def __init__(self, best: float, least: float):
        self.best, self.least = best, least
        self.tried: list[float] = []
        self.seen: list[float] = []

    def loss(self, rate: float) -> float:
        away = math.log(rate / self.best)
        if away > math.log(8):
            return math.nan
        return self.least * math.exp((0.2 if away < 0 else 0.35) * away**2)

    def __call__(self, rate: float) -> float:
        rate = float(rate)
        refuse_if(not (math.isfinite(rate) and rate > 0), f"A run with the rate {rate:g} makes no sense.")
        self.tried.append(rate)
        self.seen.append(self.loss(rate))
        return self.seen[-1]


def check_find_rate(function: Callable[[Callable[[float], float]], float]) -> None:
    """Exercise of lesson 08: the best rate of an optimiser, found in six runs of `loss_after(rate)`."""
    with one_line("find_rate", "Six runs were enough in every valley."):
        valleys = [RateValley(0.0023, 7.0), RateValley(0.031, 0.4), RateValley(0.21, 55.0), RateValley(0.0007, 3.0)]
        answers = [_rate(attempt(function, valley)) for valley in valleys]
        most = max(len(valley.tried) for valley in valleys)
        refuse_if(most > RUNS, f"You made {most} runs; six are allowed.")
        refuse_if(
            any(a in v.seen and a not in v.tried for a, v in zip(answers, valleys, strict=True)),
            "You returned a loss; the rate that led to it is wanted.",
        )
        refuse_if(
            len(set(answers)) == 1,
            f"You return {answers[0]:g} in every valley, whatever the runs say. Compare their losses.",
        )
        for answer, valley in zip(answers, valleys, strict=True):
            _refuse_a_poor_rate(answer, valley, fixed=len({tuple(v.tried) for v in valleys}) == 1)


def _rate(answer) -> float:
    try:
        rate = float(answer)
    except (TypeError, ValueError, RuntimeError):
        rate = math.nan
    refuse_if(not rate > 0, f"You returned {answer!r}; a rate, a number above zero, is wanted.")
    return rate


def _refuse_a_poor_rate(answer: float, valley: RateValley, *, fixed: bool) -> None:
    """`fixed`: whether the same rates were tried in every valley."""
    loss = valley.loss(answer)
    refuse_if(
        math.isnan(loss),
        f"The run at your rate, {answer:g}, ends in NaN. NaN compares as False with everything, so min() may keep it: "
        "count it as infinitely large.",
    )
    if loss <= GOOD * valley.least:
        return
    finite = [seen for seen in valley.seen if math.isfinite(seen)]
    refuse_if(
        len(set(finite)) > 1 and loss == max(finite),
        "You returned the rate with the largest loss; the smallest is wanted.",
    )
    steps = [b - a for a, b in zip(sorted(valley.tried), sorted(valley.tried)[1:], strict=False)]
    refuse_if(
        len(steps) > 2 and max(steps) < 1.01 * min(steps),
        "Your rates are evenly spaced. Space them by equal factors: 0.001 and 0.002 differ as much as 0.1 and 0.2.",
    )
    refuse_if(
        fixed,
        "You try the same rates in every valley. Let the first runs decide where the others look more closely.",
    )
    raise not_yet(f"In one valley your loss is {loss / valley.least:.1f} times the least. Look between the best two.")
