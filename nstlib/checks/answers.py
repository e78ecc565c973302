"""What the checkers do with a learner's function: try it on several inputs, compare, and print one line.

The right answer and each common mistake are functions of the input. A hint is given only where the mistaken formula and
the learner's function agree on every input. Sizes that all differ keep one mistake from looking like another.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

#: hint -> the mistaken formula, or several of them that deserve the same hint
Mistakes = Mapping[str, Callable | Sequence[Callable]]
TOLERANCE = 1e-4  # of the largest number in an answer


class Verdict(Exception):
    """What is printed in place of "right"."""


class Stopped(Verdict):
    """The learner's code raised an error."""


def check_cases(
    name: str,
    function: Callable,
    cases: Sequence[tuple],
    right: Callable,
    mistakes: Mistakes,
    *,
    dtype: torch.dtype | None = None,
    gradient_of: int | None = None,
    praise: str = "",
) -> None:
    """Print one line about a learner's function: right, not attempted yet, or a hint.

    Parameters
    ----------
    name : what the exercise is called
    function : the learner's; None as its answer means that it is still the stub
    cases : the inputs to try, each a tuple of arguments: tensors, numbers, or dictionaries of these. The function gets
        copies of them.
    right : the right answer, as a function of the same arguments. The learner's must have its shape.
    mistakes : hint -> a wrong answer, or several, as functions of the same arguments
    dtype : what the answer must be stored in, where that matters
    gradient_of : which argument the answer must be differentiable by (0 is the first), where that matters
    praise : what to say besides "right"

    >>> def area(height, width):
    ...     return height + width
    >>> check_cases("area", area, [(2, 5), (3, 4)], lambda h, w: h * w, {"Multiply them.": lambda h, w: h + w})
    area: not yet. Multiply them.
    """
    with one_line(name, praise):
        if gradient_of is not None:
            cases = [_differentiable(case, gradient_of) for case in cases]
        answers = [_attempt_or_error(function, case) for case in cases]
        compare(answers, cases, right, mistakes)
        for answer, case in zip(answers, cases, strict=True):
            if dtype is not None:
                refuse_if(
                    answer.dtype != dtype,
                    f"The numbers are right, the type is not: yours is {answer.dtype}, {dtype} is wanted.",
                )
            if gradient_of is not None:
                compare_gradients(answer, right(*case), case[gradient_of])


@contextmanager
def one_line(name: str, praise: str = "") -> Iterator[None]:
    """Print "name: right", or the `Verdict` that was raised inside."""
    try:
        yield
    except Verdict as verdict:
        print(f"{name}: {verdict}")
    else:
        print(f"{name}: right" + (f". {praise}" if praise else ""))


def not_yet(hint: str) -> Verdict:
    """The verdict on an answer that is wrong, to be raised."""
    return Verdict(f"not yet. {hint}")


def refuse_if(wrong: bool, hint: str) -> None:
    """Raise the verdict if something is wrong."""
    if wrong:
        raise not_yet(hint)


def attempt(function: Callable, *arguments):
    """The answer of a learner's function to copies of the arguments.

    Raises
    ------
    Verdict: the function is still the stub, stops with an error, or changes what it was given.
    """
    copies = [_on_tensors(torch.clone, argument) for argument in arguments]
    try:
        answer = function(*copies)
    except Verdict:
        raise
    except Exception as error:  # whatever the learner's code raises
        raise Stopped(f"your code stopped with {type(error).__name__}: {error}") from error
    if answer is None:
        raise Verdict("not attempted yet")
    before, after = _tensors(arguments), _tensors(copies)
    refuse_if(
        len(before) != len(after) or not all(map(torch.equal, before, after)),
        "Your function changed its input in place; make a new tensor instead (no `+=`, no `relu_`).",
    )
    return answer


def compare(
    answers: Sequence, cases: Sequence[tuple], right: Callable, mistakes: Mistakes, *, what: str = "The number"
) -> None:
    """Raise a `Verdict` unless each answer has the numbers and the shape of the right one."""
    wanted = [right(*case) for case in cases]
    for answer, want in zip(answers, wanted, strict=True):
        refuse_if(not _fits(answer, want), f"Your function returned {type(answer).__name__}; {_kind(want)} is wanted.")
    pairs = [(a if isinstance(a, Stopped) else _numbers(a), _numbers(w)) for a, w in zip(answers, wanted, strict=True)]
    good = [_same(a, w) for a, w in pairs]
    if all(good):
        return
    stopped = next((a for a in answers if isinstance(a, Stopped)), None)
    if not stopped and all(_same(a.flatten(), w.flatten()) for a, w in pairs):
        a, w = pairs[good.index(False)]
        raise not_yet(
            f"The numbers are right, the shape is not: yours is {tuple(a.shape)}, {tuple(w.shape)} is wanted."
        )
    for hint, formulas in mistakes.items():
        for formula in [formulas] if callable(formulas) else formulas:
            refuse_if(_explains(formula, [a for a, _ in pairs], cases), hint)
    if stopped:
        raise stopped
    for a, w in pairs:
        refuse_if(a.shape != w.shape, f"Your answer has shape {tuple(a.shape)}; {tuple(w.shape)} is wanted.")
    refuse_if(
        any(good),
        f"It is right for some inputs, but not for {_describe(cases[good.index(False)])}. Does it use a number that it "
        "should take from its input?",
    )
    raise not_yet("The shape is right, the numbers are not." if pairs[0][1].ndim else f"{what} is not right.")


def compare_gradients(
    answer, right: Tensor, inputs: Tensor | Mapping[str, Tensor], *, what: str = "The number"
) -> None:
    """Raise a `Verdict` unless the answer, a number that is right, has the right gradient with respect to `inputs`
    too.
    """
    inputs = _tensors([inputs])
    refuse_if(
        not isinstance(answer, Tensor),
        f"{what} is right, but no gradient can go back through a plain number: return the tensor, without .item().",
    )
    refuse_if(
        not answer.requires_grad,
        f"{what} is right, but no gradient goes back from it: leave out .detach(), torch.no_grad() and "
        "torch.tensor(…).",
    )
    yours, wanted = (attempt(lambda loss=loss: _gradients(loss, inputs)) for loss in (answer, right))
    refuse_if(
        not all(map(_same, yours, wanted)),
        f"{what} is right, its gradient is not: a part of your calculation is detached.",
    )


def random_numbers(*shape: int, seed: int) -> Tensor:
    """Between 0.1 and 0.9, the same at every call.

    >>> random_numbers(2, 3, seed=0).shape
    torch.Size([2, 3])
    """
    return 0.1 + 0.8 * torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def random_activations(*shape: int, seed: int) -> Tensor:
    """As after a ReLU: about a third are 0, the others lie between 0 and 2.

    >>> random_activations(1000, seed=0).count_nonzero().item() // 100
    6
    """
    return (3 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1).relu()


def _attempt_or_error(function: Callable, case: tuple):
    try:
        return attempt(function, *case)
    except Stopped as stopped:
        return stopped


def _explains(formula: Callable, answers: Sequence[Tensor | Stopped], cases: Sequence[tuple]) -> bool:
    """Whether a mistaken formula gives the learner's answer to every input, and stops where the learner's code
    stops.
    """
    for answer, case in zip(answers, cases, strict=True):
        try:
            wrong = _numbers(formula(*case)).squeeze()
        except Exception:  # two layers of other sizes, say: the mistake itself cannot be calculated
            wrong = None
        if isinstance(answer, Stopped) != (wrong is None) or (wrong is not None and not _same(answer.squeeze(), wrong)):
            return False
    return not all(isinstance(answer, Stopped) for answer in answers)


def _same(answer: Tensor | Stopped, other: Tensor) -> bool:
    if isinstance(answer, Stopped) or answer.shape != other.shape:
        return False
    scale = other.abs().max().item() if other.numel() else 0.0
    return math.isfinite(scale) and bool(((answer - other).abs() <= TOLERANCE * scale).all())


def _numbers(answer) -> Tensor:
    return torch.as_tensor(answer).detach().double()


def _kind(want) -> str:
    if isinstance(want, tuple):
        return f"a tuple of {len(want)} numbers"
    return "a tensor" if isinstance(want, Tensor) and want.ndim else "a number"


def _fits(answer, want) -> bool:
    """Whether an answer can be compared with what is wanted: a tensor with a tensor, anything numeric with a number."""
    if isinstance(answer, Stopped):
        return True
    try:
        return isinstance(answer, Tensor) or (_kind(want) != "a tensor" and _numbers(answer) is not None)
    except (TypeError, ValueError, RuntimeError):
        return False


def _gradients(loss: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(loss.sum(), inputs, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if gradient is None else gradient for gradient, x in zip(found, inputs, strict=True)]


def _differentiable(case: tuple, position: int) -> tuple:
    leaf = _on_tensors(lambda tensor: tensor.clone().requires_grad_(True), case[position])
    return (*case[:position], leaf, *case[position + 1 :])


def _on_tensors(change: Callable[[Tensor], Tensor], value):
    """`value` with each tensor in it changed."""
    if isinstance(value, Mapping):
        return {key: _on_tensors(change, inner) for key, inner in value.items()}
    return change(value) if isinstance(value, Tensor) else value


def _tensors(values: Sequence) -> list[Tensor]:
    found = []
    for value in values:
        found += _tensors(list(value.values())) if isinstance(value, Mapping) else []
        found += [value] if isinstance(value, Tensor) else []
    return found


def _describe(case: tuple) -> str:
    shown = [value for value in case if isinstance(value, (Tensor, str, int, float))]
    words = [f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value) for value in shown]
    return f"({', '.join(words)})" if words else "others"
