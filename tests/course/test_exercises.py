"""Each exercise: its stub says "not attempted yet", its solution is right, each plausible mistake gets its hint.

A cell tagged `exercise-NAME` in notebooks/NN_*.ipynb is the stub and ends with a call of its checker.
notebooks/solutions/NN.py holds, as percent cells, `# %% NAME` (a solution), `# %% NAME, another way` (another that must
be accepted), and `# %% NAME, wrong: TEXT` (a plausible mistake; the checker's line must contain TEXT). Instead of code, a
cell may have lines `# - OLD` and `# + NEW`: the exercise's first solution, with OLD replaced by NEW.
A copy of the notebook with its set-up, its parameters and the cell in question is run: exercises stand on these alone.
"""

import re
import sys
from pathlib import Path

import nbformat
import pytest

from nstlib import checks
from nstlib.checks.answers import check_cases

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SOLUTIONS = Path(__file__).parents[2] / "notebooks" / "solutions"


def exercises(path):
    """(set-up source, {name: stub source}) of a notebook."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    stubs = {
        tag.removeprefix("exercise-"): cell.source
        for cell in cells
        for tag in cell.metadata.get("tags", [])
        if tag.startswith("exercise-")
    }
    parameters = next((i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])), 0)
    return "\n".join(cell.source for cell in cells[: parameters + 1]), stubs


def changed(source, first):
    """The source of a cell; `first` with its replacements, where it has any."""
    for old, new in re.findall(r"(?m)^# - (.*)\n# \+ ?(.*)$", source):
        assert first.count(old) == 1, old
        source = first = first.replace(old, new)
    return source


def answers(path):
    """[(name, "right" or the text that must be printed, source)] of the notebook's file of solutions."""
    file = SOLUTIONS / f"{path.name[:2]}.py"
    found, firsts = [], {}
    for cell in re.split(r"(?m)^# %% ", file.read_text(encoding="utf-8") if file.exists() else "")[1:]:
        title, _, source = cell.partition("\n")
        name, _, kind = title.strip().partition(", ")
        source = changed(source, firsts.setdefault(name, source))
        found.append((name, kind.removeprefix("wrong: ") if kind.startswith("wrong: ") else "right", source))
    return found


STUBS = [pytest.param(path, name, id=f"{path.name[:2]}-{name}") for path in NOTEBOOKS for name in exercises(path)[1]]
ANSWERS = [
    pytest.param(path, name, wanted, source, id=f"{path.name[:2]}-{name}-{wanted[:30]}-{i}")
    for path in NOTEBOOKS
    for i, (name, wanted, source) in enumerate(answers(path))
]


def run(path, source, monkeypatch, capsys):
    monkeypatch.chdir(path.parent)
    namespace = {}
    exec(compile(exercises(path)[0], f"{path.name}: set-up", "exec"), namespace)
    capsys.readouterr()
    exec(compile(source, f"{path.name}: exercise", "exec"), namespace)
    return capsys.readouterr().out


@pytest.mark.parametrize("path, name", STUBS)
def test_an_untouched_stub_says_so(path, name, monkeypatch, capsys):
    assert "not attempted yet" in run(path, exercises(path)[1][name], monkeypatch, capsys)


@pytest.mark.parametrize("path, name, wanted, source", ANSWERS)
def test_an_answer_gets_the_right_word(path, name, wanted, source, monkeypatch, capsys):
    stub = exercises(path)[1][name]
    checker = [line for line in stub.splitlines() if line.startswith(("checks.", "nstlib.checks."))]
    printed = run(path, source + "\n" + "\n".join(checker), monkeypatch, capsys)
    assert (": right" in printed) == (wanted == "right"), printed
    assert wanted in printed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name[:2])
def test_each_exercise_has_two_right_answers_and_five_wrong_ones(path):
    """Two wrong ones of its own are enough for a bug of lesson 09: test_bugs.py adds a dozen lazy tests to each."""
    for name in exercises(path)[1]:
        kinds = [wanted == "right" for other, wanted, _ in answers(path) if other == name]
        wrong = 2 if name.startswith("bug_") else 5
        assert sum(kinds) >= 2 and len(kinds) - sum(kinds) >= wrong, (
            f"{path.name}: {name}: right and wrong answers: {kinds}"
        )


def arguments(name, monkeypatch):
    """What a checker hands to `check_cases`: the cases, the right answer, the mistakes."""
    checker, given = getattr(checks, name), []
    monkeypatch.setattr(sys.modules[checker.__module__], "check_cases", lambda *a, **_: given.append(a), raising=False)
    checker(None)
    return given[0][2:]


BY_CASES = [
    name
    for name in dir(checks)
    if name.startswith("check_") and "check_cases" in getattr(checks, name).__code__.co_names
]


@pytest.mark.parametrize("name", BY_CASES)
def test_a_checker_tells_its_mistakes_apart(name, monkeypatch, capsys):
    """Each mistaken formula, given as an answer, gets its own hint and no other; the right formula is right."""
    cases, right, mistakes = arguments(name, monkeypatch)
    check_cases("it", right, cases, right, mistakes)
    assert capsys.readouterr().out == "it: right\n"
    for hint, formulas in mistakes.items():
        for formula in [formulas] if callable(formulas) else formulas:
            check_cases("it", formula, cases, right, mistakes)
            assert capsys.readouterr().out == f"it: not yet. {hint}\n"


@pytest.mark.parametrize("name", BY_CASES)
def test_a_checker_tries_inputs_in_which_no_mistake_hides(name, monkeypatch):
    cases, _, _ = arguments(name, monkeypatch)
    assert len(cases) >= 2
    tensors = [
        value for case in cases for part in case for value in (part.values() if isinstance(part, dict) else [part])
    ]
    for _, filters, height, width in (t.shape for t in tensors if getattr(t, "ndim", 0) == 4):
        assert height != width and min(height, width) > 1 and filters not in (2, height)
        assert filters != width or name == "check_normalize_input"  # there, means along the width must give numbers
