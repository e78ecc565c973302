"""The optimisation of pixels, step by step. Lesson: notebooks/05_style_transfer.

`descend` is the whole algorithm. What happens between its steps (a bar, a checkpoint, a stop button) is not its
business: see `nstlib.optimize.run`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nstlib.arguments import check_rate
from nstlib.objectives import Objective
from nstlib.optimize.memory import history_size

METHODS = ("lbfgs", "adam")
MAX_STEP_RMS = 0.05  # root mean square by which one step of L-BFGS may change the pixels
RANGE_PENALTY = 10.0  # on the mean square by which pixels leave [0, 1], as a multiple of the first loss
FIRST_LOSS = 1e4  # the first loss is scaled to this: PyTorch's L-BFGS ignores curvature below 1e-10


@dataclass
class Descent:
    """The state of an optimisation at one size: all that its next step depends on.

    Attributes
    ----------
    start : Tensor (1, 3, H, W), where it began
    y : Tensor (1, 3, H, W), what the optimiser changes; the picture is x = start + T y (`precondition`)
    optimizer : torch.optim.LBFGS or Adam, of y
    preconditioning : float, the exponent of T
    first_loss : float, the first sum of losses (where that is 0: how steep it is); 0 before the first step
    """

    start: Tensor
    y: Tensor
    optimizer: torch.optim.Optimizer
    preconditioning: float = 0
    first_loss: float = 0


def begin(
    image: Tensor, *, method: str = "lbfgs", learning_rate: float | None = None, preconditioning: float = 0
) -> Descent:
    """A `Descent` that has not made a step yet; parameters as for `nstlib.optimize_image`."""
    start = image.detach()
    # L-BFGS needs it contiguous
    y = torch.zeros_like(start, memory_format=torch.contiguous_format).requires_grad_(True)
    if method == "lbfgs":  # max_iter=1: one evaluation for each step; the curvature is kept between steps
        optimizer = torch.optim.LBFGS(
            [y],
            lr=learning_rate or 1,
            max_iter=1,
            history_size=history_size(y.nbytes),
            tolerance_grad=0,
            tolerance_change=0,
        )
    else:
        optimizer = torch.optim.Adam([y], lr=learning_rate or 0.02, betas=(0.9, 0.99))
    return Descent(start, y, optimizer, preconditioning)


def descend(run: Descent, objective: Objective) -> Iterator[tuple[Tensor, dict[str, float]]]:
    """Makes one step after another, without end; after each it yields the picture that was evaluated and its losses,
    "total" first.

    The objective only ever sees pixels in [0, 1]. Those that a step has carried out of range are clamped for it, and a
    penalty draws them back. (To overwrite them in `y` would hide from L-BFGS what its steps did.)
    """
    y, optimizer = run.y, run.optimizer
    image, losses = None, {}

    def closure() -> Tensor:
        nonlocal image, losses
        optimizer.zero_grad()
        x = run.start + precondition(y, run.preconditioning)
        image = x.detach().clamp(0, 1)
        values = objective(x + (image - x).detach())  # the value of the clamped picture, a gradient for every pixel
        total = sum(values.values())
        out_of_range = (x - image).square().mean()
        run.first_loss = run.first_loss or abs(total.item()) or _steepness(total, x) or 1.0
        ((total + RANGE_PENALTY * run.first_loss * out_of_range) * (FIRST_LOSS / run.first_loss)).backward()
        numbers = torch.stack([total, *values.values()]).tolist()  # all at once: a GPU is waited for only here
        losses = dict(zip(["total", *values], numbers, strict=True))
        return total

    while True:
        before = y.detach().clone()
        optimizer.step(closure)
        if isinstance(optimizer, torch.optim.LBFGS):
            shorten(optimizer.state[y], y, before, run.preconditioning)
        yield image, losses


def _steepness(total: Tensor, x: Tensor) -> float:
    """By how much the loss would change if each pixel moved by its whole range, as its gradient has it."""
    return torch.autograd.grad(total, x, retain_graph=True)[0].abs().sum().item()


def precondition(image: Tensor, exponent: float) -> Tensor:
    """T y: `image` with each frequency f, in cycles per pixel, multiplied by (f + 0.02)^(−exponent).

    With a positive exponent, equal steps in y move large shapes and colours further than fine detail.
    """
    if exponent == 0:
        return image
    height, width = image.shape[-2:]
    down, across = torch.fft.fftfreq(height, device=image.device), torch.fft.rfftfreq(width, device=image.device)
    gain = (torch.hypot(down[:, None], across) + 0.02) ** -exponent
    return torch.fft.irfft2(torch.fft.rfft2(image) * gain, s=(height, width))


@torch.no_grad()
def shorten(state: dict, y: Tensor, before: Tensor, preconditioning: float) -> None:
    """Takes back a part of the last step of L-BFGS where it was longer than `MAX_STEP_RMS`, and tells L-BFGS so.

    L-BFGS trusts its estimate of the curvature, which is poor in the first steps: without this, some of them carry all
    pixels out of range, and ten more are lost.
    """
    step = y - before
    share = (MAX_STEP_RMS / precondition(step, preconditioning).square().mean().sqrt()).clamp(max=1)
    y.copy_(before + share * step)
    if "t" in state:  # not before the first gradient that is not zero
        state["t"] = state["t"] * share


def check_method(method: str, learning_rate: float | None) -> float | None:
    """`learning_rate` as one of Python's numbers; ValueError where `begin` would not know what to do."""
    if method not in METHODS:
        raise ValueError(f'method is {method!r}; it must be "lbfgs" (as in the paper) or "adam".')
    return check_rate(learning_rate)
