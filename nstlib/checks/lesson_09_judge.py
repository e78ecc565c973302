"""How a test of lesson 09 is judged: by what it says about a broken version and about three right ones.

A test is a function of one argument, the implementation under test. It returns if it is content, and raises
AssertionError if it is not.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nstlib.checks.answers import Verdict, not_yet, refuse_if

Test = Callable[[Callable], None]


class Bug(NamedTuple):
    """A mistake of public code, with what is needed to judge a test that should find it."""

    told: str  # what the mistake was, told to whoever found it
    broken: Callable
    right: Callable
    others: tuple[tuple[Callable, str], tuple[Callable, str]]  # also right; "one that …" says how each differs
    blind: Callable[[Sequence[Mapping]], str]  # arguments of all calls -> why nobody can see it with these, or ""
    hints: tuple[str, str, str]
    both: str = "It tests something that is true of both."  # of a test that is content with both, for no other reason
    expected: tuple[tuple[Callable, str], ...] = ()  # what tests expect by mistake, and what to say of each


class Run(NamedTuple):
    """What a test said about one version."""

    said: str  # "content", "refuses", "stops", "returns" or "stub"
    detail: str
    calls: list[dict]  # the arguments of each call by name, as they were
    changed: bool  # whether the test changed an argument after a call


def judge(bug: Bug, test: Test) -> None:
    """Raise a `Verdict` unless a test refuses the broken version and accepts the three right ones."""
    _refuse_what_is_no_test(test)
    versions = [bug.broken, bug.right, *(other for other, _ in bug.others)]
    runs = [run(test, version) for version in versions]  # the broken one first: a test may remember what it saw
    broken, right, *others = runs
    if "stub" in (broken.said, right.said):
        refuse_if(bool(broken.calls), "`raise NotImplementedError` still stands in your test: delete that line.")
        raise Verdict("not attempted yet")
    refuse_if(right.said == "stops", f"On a right version your test stops with {right.detail}.")
    _refuse_returned_values(runs)
    _refuse_without_calls(broken, right)
    if right.said == "refuses":
        refuse_if(
            broken.said == "content", f"It is the wrong way round: it accepts the broken version{_because(right)}"
        )
        raise not_yet(f"It refuses every version, the right ones too{_because(right)}{_mistaken(bug, test)}")
    if broken.said == "content":
        raise not_yet(f"It accepts the broken version. {_reason(bug, test, broken)}")
    for other, (_, how) in zip(others, bug.others, strict=True):
        refuse_if(
            other.said != "content",
            f"It refuses a right version, one that {how}. Do you compare with one stored number, or too exactly? Test "
            "what all right versions have in common.",
        )
    refuse_if(
        broken.said == "stops",
        f"On the broken version your test stops with {broken.detail}, before any assert could refuse it.",
    )
    refuse_if(
        [run(test, version).said for version in reversed(versions)] != [found.said for found in reversed(runs)],
        "It does not say the same twice. Does it use random numbers without a seed, or remember something?",
    )


def run(test: Test, version: Callable) -> Run:
    """What a test says about a version."""
    calls, kept = [], []

    def watched(*arguments, **named):
        given = inspect.signature(version).bind(*arguments, **named).arguments
        calls.append(_map(lambda tensor: tensor.detach().clone(), dict(given)))
        answer = version(*arguments, **named)
        _map(lambda tensor: kept.append((tensor, tensor.clone())), list(given.values()))
        return answer

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        try:
            returned = test(watched)
        except AssertionError as error:
            said, detail = "refuses", str(error)
        except NotImplementedError:
            said, detail = "stub", ""
        except Exception as error:  # whatever the learner's code raises
            said, detail = "stops", f"{type(error).__name__}: {error}"
        else:
            said, detail = ("content", "") if returned is None else ("returns", repr(returned))
    return Run(said, detail, calls, any(not _equal(value, before) for value, before in kept))


def tensors_of(calls: Sequence[Mapping], name: str) -> list[Tensor]:
    """The tensors that were given under a name."""
    return [call[name] for call in calls if isinstance(call.get(name), Tensor)]


def _refuse_what_is_no_test(test) -> None:
    refuse_if(
        not callable(test),
        f"Hand over the test itself, without brackets behind its name; this is {type(test).__name__}.",
    )
    try:
        inspect.signature(test).bind(None)
    except TypeError as error:
        raise not_yet("A test takes one argument, the function under test.") from error


def _refuse_returned_values(runs: Sequence[Run]) -> None:
    for found in runs:
        refuse_if(
            found.said == "returns",
            f"Your test returns {found.detail}, and nobody looks at it. A test speaks by `assert`, and returns nothing.",
        )


def _refuse_without_calls(broken: Run, right: Run) -> None:
    refuse_if(
        not broken.calls and not right.calls,
        "It never calls the function that it is given, so it "
        + ("accepts" if right.said == "content" else "refuses")
        + " everything.",
    )


def _because(found: Run) -> str:
    """A full stop, or what a failed assertion had to say."""
    words = " ".join(found.detail.split())
    return f": {words[:120]}{'' if words[-1] in '.!?' else '.'}" if words else "."


def _mistaken(bug: Bug, test: Test) -> str:
    """What is said of a test that refuses every version, and accepts what somebody might expect by mistake."""
    return next((f" {words}" for version, words in bug.expected if run(test, version).said == "content"), "")


def _reason(bug: Bug, test: Test, broken: Run) -> str:
    """Why a test accepts the broken version."""
    if broken.changed:
        return "It changes, in place, what it has handed over, and then compares with that. Hand over a clone."
    nonsense = _answering(bug, lambda answer: torch.full((answer.numel() + 1,), torch.nan))
    if "content" in (run(test, lambda *arguments, **named: object()).said, run(test, nonsense).said):
        return "It asserts nothing about the numbers of the answer: any would be accepted."
    if blind := bug.blind(broken.calls):
        return blind
    if run(test, _answering(bug, torch.zeros_like)).said == "content":
        return "It would also accept zeros: it looks at the shape, or at too little else."
    return f"{bug.both} For hints add hint=1, then 2, then 3."


def _answering(bug: Bug, change: Callable[[Tensor], Tensor]) -> Callable:
    """The right version, each tensor or array of its answer changed."""

    def version(*arguments, **named):
        answer = bug.right(*arguments, **named)
        if isinstance(answer, np.ndarray):
            return change(torch.tensor(answer)).numpy()
        return _map(lambda tensor: change(tensor.detach()), answer)

    return version


def _equal(value: Tensor, before: Tensor) -> bool:
    return value.shape == before.shape and bool(torch.equal(value, before))


def _map(change: Callable[[Tensor], object], value):
    """`value` with each tensor in it changed; what is no tensor stays."""
    if isinstance(value, Mapping):
        return {key: _map(change, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_map(change, inner) for inner in value]
    return change(value) if isinstance(value, Tensor) else value
