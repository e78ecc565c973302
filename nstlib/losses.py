"""The equations of Gatys, Ecker and Bethge (CVPR 2016), one function each.

Everything here takes activations, not pictures: `features` is what a network gives for one picture at one layer,

    F   features   (1, N, h, w)   N filters, M = h·w positions

and is read as the paper's matrix F with N rows and M columns. Losses are unweighted scalars; weights belong to whoever
adds them up.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

POSITIONS = 2**14  # of a feature map, multiplied at a time


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Half the squared distance between the activations of two pictures at one layer.

        L_content(p, x, l) = ½ Σᵢⱼ (Fᵢⱼ − Pᵢⱼ)²        equation 1; notebooks/03_content

    Parameters
    ----------
    features : Tensor (1, N, h, w)
        F: activations of the picture being painted.
    target : Tensor of the same shape
        P: activations of the photograph.

    Returns
    -------
    Tensor (): a sum, as in the paper, so it grows with the number of filters and of positions.

    Raises
    ------
    ValueError: the shapes differ.

    Examples
    --------
    >>> F, P = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 5.0]]]])
    >>> content_loss(F, P)  # ½ (0² + 3²)
    tensor(4.5000)
    """
    _same_shape(features, target)
    return 0.5 * (full_precision(features) - full_precision(target)).square().sum()


def content_loss_gradient(features: Tensor, target: Tensor) -> Tensor:
    """Derivative of `content_loss` by the activations, carried through the ReLU that made them.

        ∂L_content/∂Fᵢⱼ = (F − P)ᵢⱼ  where Fᵢⱼ > 0,  else 0        equation 2; notebooks/03_content

    The condition is the ReLU's derivative: this is the gradient that arrives *before* the ReLU, at convB_I, of a loss
    on reluB_I. Shapes and errors as for `content_loss`; returns a Tensor of the shape of `features`.

    >>> F, P = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[4.0, 4.0]]]])
    >>> content_loss_gradient(F, P).flatten()
    tensor([-3., 0.])
    """
    _same_shape(features, target)
    return torch.where(features > 0, features - target, 0)


def gram_matrix(features: Tensor) -> Tensor:
    """Which filters fire together: inner products of all pairs of feature maps, summed over positions.

        Gᵢⱼ = Σₖ Fᵢₖ Fⱼₖ        equation 3; notebooks/04_gram_matrices_and_style

    Parameters
    ----------
    features : Tensor (B, N, h, w)

    Returns
    -------
    Tensor (B, N, N): symmetric, diagonal not negative, **not normalised**: it grows with the number of positions.

    Raises
    ------
    ValueError: not four dimensions.

    Examples
    --------
    >>> F = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])  # two filters, two positions
    >>> gram_matrix(F)[0]  # [[1·1 + 2·2, 1·0 + 2·3], [0·1 + 3·2, 0·0 + 3·3]]
    tensor([[5., 6.],
            [6., 9.]])
    """
    if features.ndim != 4:
        raise ValueError(
            f"gram_matrix got a tensor of shape {tuple(features.shape)}; wanted (batch, filters, height, width), "
            'as in network(image, ["relu3_1"])["relu3_1"].'
        )
    return _Gram.apply(features.flatten(2))  # (B, N, M)


class _Gram(torch.autograd.Function):
    """F Fᵀ in at least float32, a slice of positions at a time so that no second copy of F is needed, and its gradient.

    With D = ∂L/∂G the gradient is D F + Dᵀ F: one product, of D + Dᵀ, where autograd by itself would take two and add
    them up. It is taken in the precision of F, since it goes back into the network in that.
    """

    @staticmethod
    def forward(ctx, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return sum(part @ part.mT for part in map(full_precision, flat.split(POSITIONS, 2)))

    @staticmethod
    def backward(ctx, derivative: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        both = derivative + derivative.mT
        return (flat.mT @ both.to(flat.dtype)).mT


def full_precision(values: Tensor) -> Tensor:
    """At least float32."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def layer_style_loss(features: Tensor, target_gram: Tensor, *, target_positions: int | None = None) -> Tensor:
    """Squared distance between the Gram matrices of two pictures at one layer.

        E = 1 / (4 N² M²) · Σᵢⱼ (Gᵢⱼ − Aᵢⱼ)²        equation 4; notebooks/04_gram_matrices_and_style

    Parameters
    ----------
    features : Tensor (1, N, h, w)
        F: activations of the picture being painted; G is their Gram matrix and M = h·w.
    target_gram : Tensor (1, N, N)
        A: Gram matrix of the painting.
    target_positions : int, optional
        Positions that A sums over, where that is not M. The paper resizes the painting to the photograph, so that both
        are M; otherwise A is taken per position, A · M / target_positions.

    Returns
    -------
    Tensor (): for given pictures it hardly depends on their size.

    Raises
    ------
    ValueError: `target_gram` is not of shape (1, N, N).

    Examples
    --------
    >>> F = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
    >>> layer_style_loss(F, torch.zeros(1, 2, 2))  # (5² + 6² + 6² + 9²) / (4 · 2² · 2²)
    tensor(2.7812)
    """
    gram = gram_matrix(features)
    if target_gram.shape != gram.shape:
        raise ValueError(
            f"The features have a Gram matrix of shape {tuple(gram.shape)}, the target {tuple(target_gram.shape)}; "
            "take both from the same layer of the same network."
        )
    filters, positions = features.shape[1], features.shape[2] * features.shape[3]  # N, M
    if target_positions is not None:
        target_gram = target_gram * (positions / target_positions)
    return (gram - target_gram).square().sum() / (4 * filters**2 * positions**2)


def style_loss_gradient(features: Tensor, target_gram: Tensor) -> Tensor:
    """Derivative of `layer_style_loss` by the activations, carried through the ReLU that made them.

        ∂E/∂Fᵢⱼ = 1 / (N² M²) · ((F)ᵀ (G − A))ⱼᵢ  where Fᵢⱼ > 0,  else 0    equation 6;
        notebooks/04_gram_matrices_and_style

    Shapes as for `layer_style_loss`; returns a Tensor of the shape of `features`.

    >>> F = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
    >>> style_loss_gradient(F, torch.zeros(1, 2, 2)).flatten()  # G F / 16, masked where F is 0
    tensor([0.3125, 1.7500, 0.0000, 2.4375])
    """
    filters, positions = features.shape[1], features.shape[2] * features.shape[3]
    difference = gram_matrix(features) - target_gram  # (1, N, N), symmetric: (Fᵀ D)ⱼᵢ = (D F)ᵢⱼ
    gradient = (difference @ full_precision(features.flatten(2))).view_as(features) / (filters**2 * positions**2)
    return torch.where(features > 0, gradient, 0)


def style_loss(
    features: Mapping[str, Tensor],
    target_grams: Mapping[str, Tensor],
    layer_weights: Sequence[float] | Mapping[str, float] | None = None,
    *,
    target_positions: Mapping[str, int] | None = None,
) -> Tensor:
    """Weighted sum of the layers' style losses.

        L_style(a, x) = Σₗ wₗ Eₗ        equation 5; notebooks/04_gram_matrices_and_style

    Parameters
    ----------
    features : layer name -> Tensor (1, N, h, w), of the picture being painted
    target_grams : layer name -> Tensor (1, N, N), of the painting; its layers are the sum's
    target_positions : layer name -> int, optional, where the painting has another size than the photograph; see
        `layer_style_loss`
    layer_weights : wₗ in the order of `target_grams`, or by name; the paper's 1 / (number of layers) where None

    Returns
    -------
    Tensor ()

    Raises
    ------
    ValueError: a layer is missing, or there are not as many weights as layers.

    Examples
    --------
    >>> F = {"relu1_1": torch.ones(1, 1, 1, 2), "relu2_1": torch.ones(1, 1, 1, 1)}
    >>> A = {"relu1_1": torch.zeros(1, 1, 1), "relu2_1": torch.zeros(1, 1, 1)}
    >>> style_loss(F, A)  # E = 2² / (4·2²) = ¼ and 1² / 4 = ¼, each weighing one half
    tensor(0.2500)
    """
    if isinstance(layer_weights, Mapping):
        if layer_weights.keys() != target_grams.keys():
            names, layers = ", ".join(layer_weights), ", ".join(target_grams)
            raise ValueError(f"layer_weights has weights for {names}; wanted one for each of {layers}.")
        layer_weights = [layer_weights[name] for name in target_grams]
    weights = [1 / len(target_grams)] * len(target_grams) if layer_weights is None else list(layer_weights)
    if len(weights) != len(target_grams):
        raise ValueError(f"{len(weights)} layer weights for {len(target_grams)} layers ({', '.join(target_grams)}).")
    if missing := [name for name in target_grams if name not in features]:
        raise ValueError(f"There are no features of {', '.join(missing)}; ask the network for those layers too.")
    positions = target_positions or {}
    return sum(
        weight * layer_style_loss(features[name], gram, target_positions=positions.get(name))
        for weight, (name, gram) in zip(weights, target_grams.items(), strict=True)
    )


def total_variation(image: Tensor) -> Tensor:
    """How rough a picture is: mean squared difference of neighbouring pixels, across and down. Not in the paper.

        TV(x) = mean (xₕ,ᵥ₊₁ − xₕ,ᵥ)² + mean (xₕ₊₁,ᵥ − xₕ,ᵥ)²

    `image` is a Tensor (B, C, H, W); a mean, so that its weight does not depend on the size.

    >>> total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))  # 1 across, 0 down
    tensor(1.)
    """
    across = (image[..., :, 1:] - image[..., :, :-1]).square()
    down = (image[..., 1:, :] - image[..., :-1, :]).square()
    return sum(part.mean() if part.numel() else image.new_zeros(()) for part in (across, down))


def _same_shape(features: Tensor, target: Tensor) -> None:
    if features.shape != target.shape:
        raise ValueError(
            f"The activations have shapes {tuple(features.shape)} and {tuple(target.shape)}; a content loss compares "
            "two pictures of one size at one layer (nstlib.resize_image makes them equal)."
        )
