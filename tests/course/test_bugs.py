"""Lesson 09: what the lesson shows is what the checkers run, and lazy or wrong tests are refused with a reason."""

import inspect
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from test_exercises import answers, exercises

from nstlib import checks
from nstlib.checks.lesson_09 import BUGS

NOTEBOOK = next((Path(__file__).parents[2] / "notebooks").glob("09_*.ipynb"))
NUMBERS = range(1, len(BUGS) + 1)


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def bowl(image):
    return (image - torch.linspace(-0.5, 1.5, 6)).square().sum()


def grams(features):
    return {layer: 0.5 * F[0].flatten(1) @ F[0].flatten(1).T for layer, F in features.items()}


def two_layers():
    torch.manual_seed(0)
    return {"conv": torch.nn.Conv2d(3, 4, 3), "relu": torch.nn.ReLU(inplace=True)}


LAYERS = {"a": random(1, 4, 3, 5), "b": random(1, 2, 6, 7, seed=1)}
#: Arguments with which the broken version and a right one differ, made anew for each call.
ARGUMENTS = {
    1: lambda: (torch.full((1, 3, 4, 6), 0.2), bowl, 5),
    2: lambda: (np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8), 20),
    3: lambda: (torch.full((1, 3, 4, 6), 0.5), bowl, 20),
    4: lambda: (random(1, 3, 4, 6), bowl, 3, 0.1),
    5: lambda: (255 * random(1, 3, 4, 6),),
    6: lambda: (0.2 + 0.5 * random(1, 3, 4, 6),),
    7: lambda: (random(1, 3, 40, 40), torch.zeros(1, 3, 30, 60)),
    8: lambda: ({layer: F.clone() for layer, F in LAYERS.items()}, grams(LAYERS), (6, 7)),
    9: lambda: (random(2, 4, 3, 5) * torch.tensor([1.0, 0.2]).view(2, 1, 1, 1), random(2, 4, 3, 5, seed=1)),
    10: lambda: (random(1, 4, 3, 5), random(1, 4, 3, 5, seed=1), 3.0),
    11: lambda: (two_layers(), random(1, 3, 6, 7), ["conv"]),
    12: lambda: (random(1, 3, 4, 6),),
}


def numbers(answer):
    """An answer of any kind as one tensor."""
    if isinstance(answer, dict):
        return torch.cat([numbers(part).flatten() for part in answer.values()])
    return torch.as_tensor(np.array(answer) if isinstance(answer, np.ndarray) else answer).detach().double()


def ask(number, program):
    return numbers(program(*ARGUMENTS[number]()))


def good(number):
    """The first solution."""
    source = next(source for name, _, source in answers(NOTEBOOK) if name == f"bug_{number}")
    names = {}
    exec(exercises(NOTEBOOK)[0] + "\n" + source, names)
    return names[f"test_{number}"]


def verdict(number, test, capsys, **more):
    capsys.readouterr()
    getattr(checks, f"check_bug_{number}")(test, **more)
    return capsys.readouterr().out


# What the lesson shows


@pytest.mark.parametrize("number", NUMBERS)
def test_the_lesson_shows_the_program_that_is_run(number):
    cells = {tag: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells for tag in cell.metadata.get("tags", [])}
    shown = cells[f"bug-{number}"].source
    assert shown.strip() == inspect.getsource(checks.versions(number)["broken"]).strip()
    assert len(shown.splitlines()) <= 15


@pytest.mark.parametrize("number", NUMBERS)
def test_the_broken_version_differs_from_the_right_one(number):
    """With the arguments that the lazy tests below use; so these are refused for what they do."""
    answer, wanted = (ask(number, checks.versions(number)[name]) for name in ("broken", "right"))
    assert answer.shape != wanted.shape or not torch.allclose(answer, wanted, rtol=1e-2)


# Tests that are lazy or wrong: each takes the number of a bug and gives a test


def never_calls(number):
    return lambda program: None


def asserts_nothing(number):
    def test(program):
        ask(number, program)

    return test


def raises_always(number):
    def test(program):
        ask(number, program)
        raise AssertionError("no")

    return test


def compares_shapes(number):
    shape = ask(number, BUGS[number - 1].right).shape

    def test(program):
        assert ask(number, program).shape == shape

    return test


def stored_number(number):
    stored = ask(number, BUGS[number - 1].right)

    def test(program):
        answer = ask(number, program)
        assert answer.shape == stored.shape and torch.equal(answer, stored)

    return test


def another_error(number):
    def test(program):
        ask(number, program)
        assert answer == 5  # noqa: F821

    return test


def returns_false(number):
    wanted = ask(number, BUGS[number - 1].right)
    return lambda program: ask(number, program).sum() == wanted.sum()


def the_wrong_thing(number):
    """That the answer is the broken one."""
    wanted = ask(number, BUGS[number - 1].broken)

    def test(program):
        answer = ask(number, program)
        assert answer.shape == wanted.shape and torch.allclose(answer, wanted, rtol=1e-4)

    return test


def changes_its_input(number):
    def test(program):
        arguments = ARGUMENTS[number]()
        before = numbers(program(*arguments))
        inputs = [value for given in arguments for value in (given.values() if isinstance(given, dict) else [given])]
        next(value for value in inputs if isinstance(value, torch.Tensor)).add_(1)
        assert not torch.equal(before, numbers(program(*arguments)) + 1e3)

    return test


def says_something_else_later(number):
    """Right the first four times, and then not."""
    test, runs = good(number), []

    def forgetful(program):
        runs.append(program)
        if len(runs) <= 4:
            test(program)

    return forgetful


def only_a_stub_that_calls(number):
    def test(program):
        ask(number, program)
        raise NotImplementedError

    return test


def takes_nothing(number):
    return lambda: None


def is_no_test(number):
    return None


LAZY = {
    never_calls: "It never calls the function that it is given, so it accepts everything",
    asserts_nothing: "It asserts nothing about the numbers of the answer",
    raises_always: "It refuses every version, the right ones too: no.",
    compares_shapes: "It would also accept zeros: it looks at the shape",
    stored_number: "It refuses a right version, one that",
    another_error: "On a right version your test stops with NameError: name 'answer' is not defined",
    returns_false: ", and nobody looks at it",
    the_wrong_thing: "It is the wrong way round: it accepts the broken version",
    changes_its_input: "It changes, in place, what it has handed over",
    says_something_else_later: "It does not say the same twice",
    only_a_stub_that_calls: "`raise NotImplementedError` still stands in your test",
    takes_nothing: "A test takes one argument, the function under test",
    is_no_test: "Hand over the test itself, without brackets behind its name",
}
DO_NOT_APPLY = {
    (compares_shapes, 2): "there the shape is what is wrong",
    (compares_shapes, 7): "there a right version may have another shape: see below",
    (stored_number, 11): "all right versions give the same digits, so a stored number is a test",
    (changes_its_input, 2): "a NumPy array",
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("lazy", LAZY, ids=lambda lazy: lazy.__name__)
def test_a_lazy_or_wrong_test_is_refused_with_the_reason(lazy, number, capsys):
    if (lazy, number) in DO_NOT_APPLY:
        return
    said = verdict(number, lazy(number), capsys)
    assert said.startswith(f"bug {number}: not yet. ") and LAZY[lazy] in said, said


def test_a_test_of_the_shape_alone_refuses_a_right_painting(capsys):
    assert "It refuses a right version, one that" in verdict(7, compares_shapes(7), capsys)


def test_a_cheat_that_looks_at_the_name_sees_none(capsys):
    def test(program):
        ask(1, program)
        assert program.__name__ != "paint" and not hasattr(program, "__wrapped__")

    assert "not yet" in verdict(1, test, capsys)


# Right tests, hints and the score


@pytest.mark.parametrize("number", NUMBERS)
def test_a_solution_refuses_the_broken_version_and_accepts_three_right_ones(number):
    test, bug = good(number), BUGS[number - 1]
    with pytest.raises(AssertionError):
        test(bug.broken)
    for version in (bug.right, *(other for other, _ in bug.others)):
        test(version)


@pytest.mark.parametrize("number", NUMBERS)
def test_hints_come_in_three_steps(number, capsys):
    def stub(program):
        raise NotImplementedError

    plain = verdict(number, stub, capsys)
    assert plain == f"bug {number}: not attempted yet\n"
    for step, hint in enumerate(BUGS[number - 1].hints, 1):
        assert verdict(number, stub, capsys, hint=step) == f"{plain}Hint {step} of 3: {hint}\n"


def test_the_score_counts_the_bugs_that_are_found(capsys):
    tests = [good(number) if number in (2, 5) else never_calls(number) for number in NUMBERS]
    capsys.readouterr()
    checks.count_bugs(*tests)
    assert capsys.readouterr().out == "2 of 12 bugs found: 2, 5. Next: bug 1.\n"
    checks.count_bugs(*map(good, NUMBERS))
    assert capsys.readouterr().out.startswith("12 of 12 bugs found: 1, 2, 3, ")
