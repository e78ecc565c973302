"""Numbers as callers give them: Python's, NumPy's, and arrays and tensors of no dimension."""

import math
import numbers

import numpy as np
from torch import Tensor

WEIGHTS = (1e-30, 1e20)  # between which a weight must be so that losses in float32 are neither 0 nor infinite


def plain_number(value: object) -> numbers.Real | None:
    """The same number as one of Python's; None where `value` is none, or is True or False.

    >>> plain_number(np.float32(0.5)), plain_number(Tensor([3]).sum()), plain_number("3")
    (0.5, 3.0, None)
    """
    if isinstance(value, (np.generic, np.ndarray, Tensor)) and value.ndim == 0:
        value = value.item()
    return value if isinstance(value, numbers.Real) and not isinstance(value, bool) else None


def whole_number(value: object) -> int | None:
    """As `plain_number`, but None for all that is no whole number by its type: 3.0 too.

    >>> whole_number(np.int64(3)), whole_number(3.0)
    (3, None)
    """
    number = plain_number(value)
    return int(number) if isinstance(number, numbers.Integral) else None


def check_seed(seed: object) -> int:
    """`seed`, or a ValueError where PyTorch's generators cannot begin with it."""
    number = whole_number(seed)
    if number is None or not -(2**63) <= number < 2**64:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from -2**63 to 2**64 - 1, for example 0.")
    return number


def check_weight(name: str, weight: object) -> float:
    """`weight` as one of Python's numbers, or a ValueError with its name where no loss can be multiplied by it."""
    number = plain_number(weight)
    if number is None or not 0 <= number < math.inf:
        raise ValueError(f"{name} is {weight!r}; it must be a finite number that is not negative.")
    if number > WEIGHTS[1]:
        raise ValueError(
            f"{name} is {weight!r}, with which losses are infinite in float32; it may be at most {WEIGHTS[1]:g}. Only "
            "the ratio of two weights counts: divide all of them by the same number."
        )
    return float(number)


def check_steps(steps: object) -> int:
    """`steps` as one of Python's numbers, or a ValueError where that is not a whole number of at least 1."""
    number = whole_number(steps)
    if number is None or number < 1:
        raise ValueError(f"steps is {steps!r}; it must be a whole number of at least 1, for example 300.")
    return number


def check_rate(learning_rate: object) -> float | None:
    """`learning_rate` as one of Python's numbers, or a ValueError where that is not positive and float32."""
    number = plain_number(learning_rate)
    if learning_rate is not None and (number is None or not 0 < number <= WEIGHTS[1]):
        raise ValueError(
            f"learning_rate is {learning_rate!r}; it must be a positive number of at most {WEIGHTS[1]:g}, or None for "
            "the usual one."
        )
    return None if number is None else float(number)
