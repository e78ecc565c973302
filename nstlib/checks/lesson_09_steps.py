"""Three broken programs of lesson 09 that take steps: bugs 1, 3 and 4.

The source of each broken version is what the lesson shows (tests/course/test_bugs.py holds the two together).
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from nstlib.checks.lesson_09_judge import Bug

Loss = Callable[[Tensor], Tensor]


# Bug 1: a picture whose loss is smaller than the start's


def paint(start, loss, steps):  # steps of Adam that make loss(image) smaller
    image = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.02)
    image = image.detach().clamp(0, 1).requires_grad_(True)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(image).backward()
        optimizer.step()
    return image.detach()


def _adam(start: Tensor, loss: Loss, steps: int) -> Tensor:
    image = start.detach().clamp(0, 1).requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(image).backward()
        optimizer.step()
    return image.detach()


def _lbfgs(start: Tensor, loss: Loss, steps: int) -> Tensor:
    image = start.detach().clamp(0, 1).requires_grad_(True)
    _lbfgs_steps(image, lambda: loss(image), steps)
    return image.detach()


def _lbfgs_steps(variable: Tensor, value: Callable[[], Tensor], steps: int) -> None:
    optimizer = torch.optim.LBFGS([variable], max_iter=1, history_size=20)

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = value()
        total.backward()
        return total

    for _ in range(steps):
        optimizer.step(closure)


def _by_hand(start: Tensor, loss: Loss, steps: int) -> Tensor:
    image = start.detach().clamp(0, 1)
    for _ in range(steps):
        image = image.requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(image), image)
        image = (image - 0.01 * gradient / (gradient.square().mean().sqrt() + 1e-12)).detach()
    return image


def _blind_1(calls: Sequence[Mapping]) -> str:
    if all(call["steps"] == 0 for call in calls):
        return "Without a step no version can do anything."
    return ""


BUG_1 = Bug(
    told="The optimiser held another tensor than the loss.",
    broken=paint,
    right=_adam,
    others=((_lbfgs, "uses L-BFGS"), (_by_hand, "makes plain steps down the gradient")),
    blind=_blind_1,
    hints=(
        "What must be true of the picture that comes back, whichever optimiser is used?",
        "Make a loss of your own, of which you know where it is small: a distance from a grey picture, say.",
        "Start away from that picture, and assert loss(after) < loss(start).",
    ),
)


# Bug 3: a picture in [0, 1] whose loss is clearly smaller than the start's


def minimize(start, loss, steps):  # L-BFGS; the pixels stay between 0 and 1
    image = start.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=1, history_size=20)

    def closure():
        image.data.clamp_(0, 1)
        optimizer.zero_grad()
        value = loss(image)
        value.backward()
        return value

    for _ in range(steps):
        optimizer.step(closure)
    return image.detach().clamp(0, 1)


def _clamp_at_the_end(start: Tensor, loss: Loss, steps: int) -> Tensor:
    image = start.clone().requires_grad_(True)
    _lbfgs_steps(image, lambda: loss(image), steps)
    return image.detach().clamp(0, 1)


def _sigmoid(start: Tensor, loss: Loss, steps: int) -> Tensor:
    hidden = start.clamp(0.01, 0.99).logit().requires_grad_(True)
    _lbfgs_steps(hidden, lambda: loss(hidden.sigmoid()), steps)
    return hidden.detach().sigmoid()


def _projected(start: Tensor, loss: Loss, steps: int) -> Tensor:
    image = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(image).backward()
        optimizer.step()
        image.data.clamp_(0, 1)
    return image.detach()


def _blind_3(calls: Sequence[Mapping]) -> str:
    """Whether no right version ever leaves the range, or the broken one comes to the same picture all the same."""
    seen = []

    def watching(loss: Loss) -> Loss:
        return lambda image: (seen.append((image.detach() - 0.5).abs().max().item()), loss(image))[1]

    same = []
    for call in calls:
        start, loss, steps = call["start"], call["loss"], call["steps"]
        pictures = _clamp_at_the_end(start, watching(loss), steps), minimize(start, loss, steps)
        same.append(torch.allclose(*pictures, atol=0.01))
    if max(seen, default=0) <= 0.5:
        return "With your loss no pixel wants to leave the range from 0 to 1, so nothing is ever clamped."
    if all(same):
        return (
            "With your loss the broken version comes to the same picture as a right one. Let the pixels differ: some want "
            "to be inside 0…1, some outside."
        )
    return ""


BUG_3 = Bug(
    told="The pixels were clamped inside the closure, behind L-BFGS's back.",
    broken=minimize,
    right=_clamp_at_the_end,
    others=((_sigmoid, "keeps the range by a sigmoid"), (_projected, "uses Adam and clamps between the steps")),
    blind=_blind_3,
    hints=(
        "Which line knows about the range? When does it do anything at all?",
        "Make a loss that wants some pixels outside 0…1: a distance from a picture with pixels below 0 and above 1.",
        "Let that picture go from -0.5 to 1.5, start from grey, take 60 steps, and assert that the loss has fallen by half.",
    ),
    both="From your start the loss of the broken version falls too. How far should it fall?",
)


# Bug 4: x ← x − rate · ∂L/∂x, `steps` times


def descend(start, loss, steps, rate):  # image - rate * gradient, again and again
    image = start.clone().requires_grad_(True)
    for _ in range(steps):
        loss(image).backward()
        with torch.no_grad():
            image -= rate * image.grad
    return image.detach()


def _descend_sgd(start: Tensor, loss: Loss, steps: int, rate: float) -> Tensor:
    image = start.clone().requires_grad_(True)
    optimizer = torch.optim.SGD([image], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(image).backward()
        optimizer.step()
    return image.detach()


def _descend_autograd(start: Tensor, loss: Loss, steps: int, rate: float) -> Tensor:
    image = start.clone()
    for _ in range(steps):
        image = image.requires_grad_(True)
        image = (image - rate * torch.autograd.grad(loss(image), image)[0]).detach()
    return image


def _descend_summed(start: Tensor, loss: Loss, steps: int, rate: float) -> Tensor:
    """In other roundings: start minus the sum of all gradients, kept in double precision."""
    image, total = start.clone(), torch.zeros_like(start, dtype=torch.double)
    for _ in range(steps):
        image = image.detach().requires_grad_(True)
        total += torch.autograd.grad(loss(image), image)[0].double()
        image = (start.double() - rate * total).to(start.dtype)
    return image.detach()


def _blind_4(calls: Sequence[Mapping]) -> str:
    if all(call["steps"] <= 1 for call in calls):
        return "You look at the first step only. It is right; what is wrong with the second?"
    return ""


BUG_4 = Bug(
    told="The gradients of all steps pile up, because nobody sets image.grad back to zero (zero_grad).",
    broken=descend,
    right=_descend_sgd,
    others=(
        (_descend_autograd, "takes the gradient from torch.autograd.grad"),
        (_descend_summed, "rounds its numbers at another place"),
    ),
    blind=_blind_4,
    hints=(
        "The first step is right. Look at the second.",
        "Take a loss whose gradient you know: of (x²/2).sum() it is x itself.",
        "From 1, with rate 0.1, one step gives 0.9 and two steps give 0.81. Or: two steps at once must be one step "
        "and then one more.",
    ),
    both="That is true of both. Where exactly should the steps lead?",
)
