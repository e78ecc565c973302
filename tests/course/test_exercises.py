"""Each exercise: its stub says "not attempted yet", its solution is right, each plausible mistake gets its hint.

A cell tagged `exercise-NAME` in notebooks/NN_*.ipynb is the stub and ends with a call of its checker.
notebooks/solutions/NN.py holds, as percent cells, `# %% NAME` (a solution), `# %% NAME, another way` (another that must
be accepted), and `# %% NAME, wrong: TEXT` (a plausible mistake; the checker's line must contain TEXT).
A copy of the notebook with its set-up, its parameters and the cell in question is run: exercises stand on these alone.
"""

import re
from pathlib import Path

import nbformat
import pytest

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


def answers(path):
    """[(name, "right" or the text that must be printed, source)] of the notebook's file of solutions."""
    file = SOLUTIONS / f"{path.name[:2]}.py"
    found = []
    for cell in re.split(r"(?m)^# %% ", file.read_text(encoding="utf-8") if file.exists() else "")[1:]:
        title, _, source = cell.partition("\n")
        name, _, kind = title.partition(", ")
        found.append(
            (name.strip(), kind.removeprefix("wrong: ").strip() if kind.startswith("wrong: ") else "right", source)
        )
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
def test_each_exercise_has_two_right_answers_and_three_wrong_ones(path):
    for name in exercises(path)[1]:
        kinds = [wanted == "right" for other, wanted, _ in answers(path) if other == name]
        assert sum(kinds) >= 2 and len(kinds) - sum(kinds) >= 3, (
            f"{path.name}: {name}: right and wrong answers: {kinds}"
        )
