"""Checker for the second long exercise of lesson 05: the loop that follows the gradient of an objective."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import Stopped, attempt, one_line, random_numbers, refuse_if

NEEDS_NO_GRADIENT = (
    "The picture that the objective gets needs no gradient: call requires_grad_(True) on your copy, and hand that copy to "
    "the objective."
)


class Valley:
    """An objective with three losses, each of its own third of the picture, that watches who asks it."""

    def __init__(self, height: int, width: int, seed: int):
        self.start, self.end, self.steep = (
            random_numbers(1, 3, height, width, seed=s) for s in (seed, seed + 1, seed + 2)
        )
        self.calls, self.leaf = 0, None
        self.pictures, self.gradients = [], []  # that needed a gradient; that had come to them before a step

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        thirds = (1000 * self.steep * (image - self.end).square()).tensor_split(3, dim=3)
        return {name: third.sum() for name, third in zip(("content", "style", "tv"), thirds, strict=True)}

    def total(self, image: Tensor) -> float:
        return sum(self.losses(image).values()).item()

    def gradient(self, image: Tensor) -> Tensor:
        return 2000 * self.steep * (image - self.end)

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        if image.requires_grad and torch.is_grad_enabled():
            self.pictures.append(image.detach().clone())
            if image.is_leaf and image is not self.leaf:
                self.leaf = image
                image.register_post_accumulate_grad_hook(lambda x: self.gradients.append(x.grad.clone()))
        return self.losses(image)


def check_my_paint(function: Callable[[Tensor, Callable, int], Tensor]) -> None:
    """Exercise of lesson 05: the picture that is left when `steps` steps have followed the gradient of an objective,
    from `image` on.
    """
    with one_line("my_paint", "nstlib.optimize_image does the same, and more."):
        steps, valley = 60, Valley(5, 9, seed=0)
        picture = _paint(function, valley, steps)
        _refuse_wrong_steps(valley, steps)
        refuse_if(
            torch.equal(picture, valley.start),
            "Your function returned the picture that it began with; return the one that the optimiser has changed.",
        )
        _refuse_a_small_fall(valley, picture, steps)
        short = Valley(4, 6, seed=5)
        _paint(function, short, 9)
        refuse_if(
            short.calls > _most_calls(9),
            f"With steps=9 the objective was asked {short.calls} times: make as many steps as `steps` says.",
        )


def _most_calls(steps: int) -> int:
    return steps + steps // 4 + 2


def _paint(function: Callable, valley: Valley, steps: int) -> Tensor:
    image = valley.start.clone()
    try:
        picture = attempt(lambda: function(image, valley, steps))
    except Stopped as stopped:
        refuse_if(valley.calls > 0 and not valley.pictures, NEEDS_NO_GRADIENT)
        refuse_if(
            valley.calls == 1 and "float() argument" in str(stopped),
            "Your closure returns nothing; L-BFGS needs the sum of the losses from it.",
        )
        raise stopped
    refuse_if(
        not isinstance(picture, Tensor),
        f"Your function returned {type(picture).__name__}; the painted picture alone is wanted, a tensor.",
    )
    refuse_if(
        not torch.equal(image, valley.start),
        "Your function paints over the picture that it is given: begin with image.clone().",
    )
    refuse_if(
        picture.shape != image.shape,
        f"Your picture has shape {tuple(picture.shape)}; {tuple(image.shape)} is wanted.",
    )
    refuse_if(picture.requires_grad, "The picture that you return still needs a gradient: return image.detach().")
    return picture


def _refuse_wrong_steps(valley: Valley, steps: int) -> None:
    """Steps that do not follow the gradient of the picture, once each."""
    refuse_if(not valley.calls, "Your function never asks the objective for its losses.")
    refuse_if(not valley.pictures, NEEDS_NO_GRADIENT)
    moved = any(not torch.equal(picture, valley.start) for picture in valley.pictures)
    refuse_if(
        not moved and not valley.gradients and valley.leaf is not None,
        "No gradient ever reaches the picture: call backward() on the sum of the losses before each step.",
    )
    refuse_if(
        not moved and valley.calls > 1,
        "The picture never moves. The optimiser must hold the very picture that the objective gets, [image]: not a "
        "copy, and not the network's weights. And its gradient must still be there when the step is made.",
    )
    refuse_if(
        _pile_up(valley),
        "The gradients of all steps pile up: clear the old one, with optimizer.zero_grad(), before backward().",
    )
    refuse_if(
        valley.calls > _most_calls(steps),
        f"The objective was asked {valley.calls} times in {steps} steps; once for each is enough. With L-BFGS take "
        "max_iter=1 and no line search, and keep the losses that the closure calculates.",
    )


def _pile_up(valley: Valley) -> bool:
    """Whether the second gradient is the sum of the first two, up to a factor."""
    if min(len(valley.gradients), len(valley.pictures)) < 2:
        return False
    first, second = valley.gradients[:2]
    own, other = (valley.gradient(picture) for picture in valley.pictures[:2])
    added = (second - first) * (own.norm() / first.norm())
    return bool((added - other).norm() < 1e-3 * other.norm())


def _refuse_a_small_fall(valley: Valley, picture: Tensor, steps: int) -> None:
    before, after = valley.losses(valley.start), valley.losses(picture)
    left = [name for name in before if after[name] > 0.9 * before[name]]
    refuse_if(
        0 < len(left) < len(before),
        f"Not every loss falls; these stay: {', '.join(left)}. Minimise the sum of all that the objective gives, whatever "
        "their names: sum(losses.values()).",
    )
    total, least = valley.total(valley.start), valley.total(picture)
    refuse_if(
        not least < 1.05 * total,
        f"The sum of the losses rises, from {total:.0f} to {least:.0f}: step against the gradient, and not too far.",
    )
    refuse_if(
        valley.calls < steps // 2 and least > total / 5,
        f"The objective was asked {'once' if valley.calls == 1 else f'{valley.calls} times'} in {steps} steps: each step "
        "needs a gradient of its own.",
    )
    refuse_if(
        least > total / 5,
        f"In {steps} steps the sum of the losses fell from {total:.0f} to {least:.0f}; it should fall fivefold. Take "
        "larger steps, or L-BFGS.",
    )
