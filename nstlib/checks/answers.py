"""What every checker does with a learner's function."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


def check(
    name: str,
    function: Callable,
    arguments: Sequence,
    right: Tensor | float,
    mistakes: Mapping[str, Tensor | float],
    *,
    praise: str = "",
) -> None:
    """Print one line about `function(*arguments)`.

    Parameters
    ----------
    name : what the exercise is called
    function : the learner's; None as its answer means that it is still the stub
    arguments : small tensors or numbers; copies are handed over
    right : the right answer; any layout of it with the same shape after squeezing ones is accepted
    mistakes : hint -> the answer that this mistake gives
    praise : what to say besides "right"
    """
    copies = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
    try:
        answer = function(*copies)
    except Exception as error:  # whatever the learner's code raises
        print(f"{name}: your code stopped with {type(error).__name__}: {error}")
        return
    if answer is None:
        print(f"{name}: not attempted yet")
        return
    if any(isinstance(a, Tensor) and not torch.equal(a, b) for a, b in zip(copies, arguments, strict=True)):
        print(
            f"{name}: not yet. Your function changed its input in place; make a new tensor instead (no `+=`, no `relu_`)."
        )
        return
    try:
        answer = torch.as_tensor(answer).detach().double()
    except (TypeError, ValueError, RuntimeError):
        print(f"{name}: not yet. Your function returned {type(answer).__name__}; a tensor or a number is wanted.")
        return
    right = torch.as_tensor(right).double()
    if _same(answer, right):
        print(f"{name}: right" + (f". {praise}" if praise else ""))
        return
    for hint, wrong in mistakes.items():
        if _same(answer, torch.as_tensor(wrong).double()):
            print(f"{name}: not yet. {hint}")
            return
    if answer.squeeze().shape != right.squeeze().shape:
        print(f"{name}: not yet. Your answer has shape {tuple(answer.shape)}; {tuple(right.shape)} is wanted.")
    else:
        print(f"{name}: not yet. The shape is right, the numbers are not.")


def _same(answer: Tensor, other: Tensor) -> bool:
    answer, other = answer.squeeze(), other.squeeze()
    return answer.shape == other.shape and torch.allclose(answer, other, rtol=1e-4, atol=1e-6)
