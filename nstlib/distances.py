"""Distances between the styles of two pictures at one layer: the Gram matrices' of the paper, and eight others.

A style is taken as what is left of the activations when their positions are forgotten: M vectors f of N filters, as if
drawn at random. Each distance is a pair of functions. `statistic(features)` is what is kept of the painting, and
`loss(features, target)` how far the picture in the making is from that:

    F   features   (1, N, h, w)   N filters, M = h·w positions
    w   weights    (1, 1, h, w)   how much each position counts, with the sum 1; None: all alike, 1 / M

All losses are scalars, not weighted, 0 where the two distributions are the same, and hardly depend on the pictures'
size. μ is the mean of f, C its covariance, G / M its second moment, E f fᵀ.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from nstlib.losses import POSITIONS, full_precision, gram_matrix, layer_style_loss

Statistic = tuple[Tensor | int, ...]

LEVELS = 1024  # of a distribution function, at which it is kept
FREQUENCIES = 128  # of the Gaussian kernel
VARIANCE = 1e-5  # that is added before a root, whose slope is infinite at 0 (as in Huang and Belongie)


def mean_of_statistics(statistics: Sequence[Statistic], shares: Sequence[float]) -> Statistic:
    """The statistic between those of several paintings, number by number; `shares` have the sum 1."""
    return tuple(
        sum(s * part for s, part in zip(shares, parts, strict=True)) for parts in zip(*statistics, strict=True)
    )


class Distance(NamedTuple):
    statistic: Callable[[Tensor, Tensor | None], Statistic]
    loss: Callable[[Tensor, Statistic, Tensor | None], Tensor]
    mean: Callable[[Sequence[Statistic], Sequence[float]], Statistic] | None = mean_of_statistics  # None: there is none


# ---- the paper's -------------------------------------------------------------------------------------------------


def gram_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """A = Σₖ fₖ fₖᵀ, and how many positions it sums over. With weights, the guided Gram matrix of Gatys et al.,
    Controlling perceptual factors (2017): of the features times a guidance channel, here √(wₖ M).
    """
    return gram_matrix(_guided(features, weights)), features[0, 0].numel()


def gram_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """E = ‖G / M − A / Mₐ‖² / 4N²        equation 4 of the paper, `layer_style_loss`"""
    gram, positions = target
    return layer_style_loss(_guided(features, weights), gram, target_positions=positions)


def _guided(features: Tensor, weights: Tensor | None) -> Tensor:
    return features if weights is None else features * (weights * weights.numel()).sqrt()


def _mean_gram(statistics: Sequence[Statistic], shares: Sequence[float]) -> Statistic:
    """Per position, since paintings differ in size."""
    return sum(share * gram / positions for share, (gram, positions) in zip(shares, statistics, strict=True)), 1


# ---- moments -----------------------------------------------------------------------------------------------------


def mean_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """μ = E f"""
    return (_expectation(features, weights),)


def mean_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """‖μ − μₐ‖² / N: the maximum mean discrepancy with the kernel k(x, y) = x·y"""
    return (_expectation(features, weights) - target[0]).square().mean()


def meanstd_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """μ and σ of each filter"""
    mean = _expectation(features, weights)
    variance = _expectation(full_precision(features).square(), weights) - mean.square()
    return mean, (variance.clamp(min=0) + VARIANCE).sqrt()


def meanstd_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """(‖μ − μₐ‖² + ‖σ − σₐ‖²) / N: Li et al., Demystifying neural style transfer; Huang and Belongie (both 2017)"""
    return _squares(meanstd_statistic(features, weights), target) / features.shape[1]


def covariance_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """C = G / M − μ μᵀ, the Gram matrix of activations from which their means are taken off"""
    return (_mean_and_covariance(features, weights)[1],)


def covariance_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """‖C − Cₐ‖² / 4N²: equation 4 with centred Gram matrices, blind to the means"""
    return _squares(covariance_statistic(features, weights), target) / (4 * features.shape[1] ** 2)


def wasserstein_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """μ, C"""
    return _mean_and_covariance(features, weights)


def wasserstein_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """W₂² / N between two Gaussians with these means and covariances: the least mean squared way of the activations.

    W₂² = ‖μ − μₐ‖² + tr(C + Cₐ − 2 (Cₐ^½ C Cₐ^½)^½)        (used by crowsonkb's style-transfer-pytorch)
    """
    (mean, covariance), (target_mean, target_covariance) = _mean_and_covariance(features, weights), target
    root = _root(target_covariance)
    both = torch.linalg.eigvalsh(root @ covariance @ root)  # the trace of a root: the roots of the eigenvalues
    least = torch.finfo(both.dtype).eps * both.detach().amax().clamp(min=1e-30)  # below that, rounding
    trace = covariance.trace() + target_covariance.trace() - 2 * both.clamp(min=least).sqrt().sum()
    return ((mean - target_mean).square().sum() + trace) / features.shape[1]


def _expectation(values: Tensor, weights: Tensor | None) -> Tensor:
    """E f: (1, N, h, w) -> (N,)"""
    return full_precision(values if weights is None else values * (weights * weights.numel()))[0].mean((1, 2))


def _mean_and_covariance(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    mean, (gram, positions) = _expectation(features, weights), gram_statistic(features, weights)
    return mean, gram[0] / positions - torch.outer(mean, mean)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _squares(parts: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    return sum((part - other).square().sum() for part, other in zip(parts, others, strict=True))


# ---- whole distributions -----------------------------------------------------------------------------------------


def histogram_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """Q, the inverse of each filter's cumulative histogram, at 1024 levels"""
    return (_quantiles(_flat(features), weights),)


def histogram_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """Σₖ wₖ (fₖ − Qₐ(rank of fₖ))², the mean over filters: each activation's way to where histogram matching would move
    it (Risser et al., 2017, there beside Gram matrices). It is W₂² between the two distributions of a filter.
    """
    return _distance_to_ranks(_flat(features), weights, target[0])


def sliced_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """As `histogram_statistic`, of the activations along N random directions at right angles"""
    return (_quantiles(_projected(features), weights),)


def sliced_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """Sliced Wasserstein distance (Heitz et al., 2021): as `histogram_loss`, along N random directions. They are the
    same in every step, not new ones each time: L-BFGS needs an objective that stays what it is.
    """
    return _distance_to_ranks(_projected(features), weights, target[0])


def _flat(features: Tensor) -> Tensor:
    return full_precision(features[0].flatten(1)).contiguous()  # (N, M), each filter's activations side by side


def _projected(features: Tensor) -> Tensor:
    flat = _flat(features)
    return _directions(len(flat)).to(flat) @ flat


@functools.cache
def _directions(filters: int) -> Tensor:
    return torch.linalg.qr(torch.randn(filters, filters, generator=torch.Generator().manual_seed(0)))[0]


def _ranks(flat: Tensor, order: Tensor, weights: Tensor | None) -> Tensor:
    """(N or 1, M): of the sorted values of each row, the weight of those before, and half of its own."""
    if weights is None:
        return (torch.arange(flat.shape[1], device=flat.device, dtype=flat.dtype)[None] + 0.5) / flat.shape[1]
    sorted_weights = weights.flatten()[order]
    return sorted_weights.cumsum(1) - sorted_weights / 2


@torch.no_grad()
def _quantiles(flat: Tensor, weights: Tensor | None) -> Tensor:
    """(N, M) -> (N, LEVELS), at the ranks (j + ½) / LEVELS"""
    values, order = flat.sort(1)
    ranks = _ranks(flat, order, weights).expand_as(flat).contiguous()
    levels = (
        ((torch.arange(LEVELS, device=flat.device, dtype=flat.dtype) + 0.5) / LEVELS).expand(len(flat), -1).contiguous()
    )
    above = torch.searchsorted(ranks, levels).clamp(max=flat.shape[1] - 1)
    below = (above - 1).clamp(min=0)
    low, high = ranks.gather(1, below), ranks.gather(1, above)
    share = ((levels - low) / (high - low)).nan_to_num(0).clamp(0, 1)
    return values.gather(1, below).lerp(values.gather(1, above), share)


def _distance_to_ranks(flat: Tensor, weights: Tensor | None, quantiles: Tensor) -> Tensor:
    """Σ w (f − Q(rank of f))², the mean over rows"""
    with torch.no_grad():
        order = flat.argsort(1)
        place = (_ranks(flat, order, weights) * LEVELS - 0.5).clamp(0, LEVELS - 1)
        below = place.long().clamp(max=LEVELS - 2)
        low, high = (
            quantiles.gather(1, at) if len(at) == len(quantiles) else quantiles[:, at[0]] for at in (below, below + 1)
        )
        wanted = torch.empty_like(flat).scatter_(1, order, low.lerp(high, (place - below).expand_as(low)))
    squares = (flat - wanted).square()
    return squares.mean() if weights is None else (squares @ weights.flatten()).mean()


# ---- kernels -----------------------------------------------------------------------------------------------------


def polynomial_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """A / M, μ, and the kernel's c: tr A / M, the mean squared length of f"""
    gram, positions = gram_statistic(features, weights)
    return gram / positions, _expectation(features, weights), gram[0].trace() / positions


def polynomial_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """MMD² / 4N² with the kernel k(x, y) = (x·y + c)²: ‖G / M − A / Mₐ‖² + 2c ‖μ − μₐ‖². With c = 0 it is equation 4
    (Li et al., Demystifying neural style transfer, 2017).
    """
    gram, mean, c = target
    means = (_expectation(features, weights) - mean).square().sum()
    return gram_loss(features, (gram, 1), weights) + c * means / (2 * features.shape[1] ** 2)


def gaussian_statistic(features: Tensor, weights: Tensor | None = None) -> Statistic:
    """E φ(f) of `gaussian_loss`, and its σ: σ² = 2 tr C, the mean squared distance of two of the activations"""
    width = (2 * _mean_and_covariance(features, weights)[1].trace()).clamp(min=VARIANCE).sqrt()
    return _mean_of_waves(features, width, weights), width


def gaussian_loss(features: Tensor, target: Statistic, weights: Tensor | None = None) -> Tensor:
    """MMD² with the kernel k(x, y) = exp(−‖x − y‖² / 2σ²), which sees whole distributions.

    A sum over all pairs of positions is too much, so k is taken as the mean of cos(ω·(x − y)) over 128 frequencies ω
    drawn from a Gaussian with deviation 1 / σ (random Fourier features, Rahimi and Recht, 2007): then

        MMD² = ‖E φ(f) − E φ(a)‖²        φ(f) = (cos ω·f, sin ω·f) / √128
    """
    waves, width = target
    return (_mean_of_waves(features, width, weights) - waves).square().sum()


def _mean_of_waves(features: Tensor, width: Tensor, weights: Tensor | None) -> Tensor:
    """A slice of positions at a time, each calculated again for its gradient: 2 · 128 waves take much memory."""
    flat = _flat(features)
    frequencies = _frequencies(len(flat)).to(flat) / width
    w = flat.new_full(flat.shape[1:], 1 / flat.shape[1]) if weights is None else weights.flatten()

    def waves(part: Tensor, w: Tensor) -> Tensor:
        angles = frequencies @ part
        return torch.cat([angles.cos() @ w, angles.sin() @ w])

    parts = zip(flat.split(POSITIONS, 1), w.split(POSITIONS), strict=True)
    return sum(checkpoint(waves, *part, use_reentrant=False) for part in parts) / math.sqrt(FREQUENCIES)


@functools.cache
def _frequencies(filters: int) -> Tensor:
    return torch.randn(FREQUENCIES, filters, generator=torch.Generator().manual_seed(0))


#: What `style_loss` may be.
DISTANCES = {
    "gram": Distance(gram_statistic, gram_loss, _mean_gram),
    "meanstd": Distance(meanstd_statistic, meanstd_loss),
    "covariance": Distance(covariance_statistic, covariance_loss),
    "wasserstein": Distance(wasserstein_statistic, wasserstein_loss),
    "histogram": Distance(histogram_statistic, histogram_loss),
    "sliced": Distance(sliced_statistic, sliced_loss),
    "mmd-linear": Distance(mean_statistic, mean_loss),
    "mmd-polynomial": Distance(polynomial_statistic, polynomial_loss),
    "mmd-gaussian": Distance(gaussian_statistic, gaussian_loss, None),  # each painting has its own σ
}


def check_distance(name: object) -> None:
    """ValueError where no distance is called so."""
    if name not in DISTANCES:
        raise ValueError(f"style_loss is {name!r}; it must be one of {', '.join(DISTANCES)}.")
