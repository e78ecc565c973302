"""Checkers for the exercises of lesson 07: a setting found by eye, a comparison made fair, claims and a figure."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence

from nstlib.checks.answers import Verdict, attempt, one_line, refuse_if

#: How the picture of the exercise is painted: keywords of `style_transfer`, α as a multiple of the lesson's middle one.
HIDDEN = {"content_layers": ["relu2_2"], "init": "content", "times": 0.01}
FACTOR = 4  # by which a content weight may be off

# Each statement of the exercise: whether the lesson's figures show it, and what to say if not seen so.
CLAIMS = {
    "a": (True, "The lesson's first figure has this, and the numbers in section 1 say it for each column."),
    "b": (False, "Nobody was asked. The knee is made of two losses and of the axes, and it moved with them."),
    "c": (True, "Look along the last row of the square of distances for its smallest number, leaving out the 0."),
    "d": (False, "The square of distances is about one small network and one small pair of pictures."),
    "e": (False, "Each start was run once. Whether a second run gives the same picture stands in no figure here."),
    "f": (True, "Compare two numbers of the row 'noise 0': the column 'noise 1' and the column 'photograph'."),
    "g": (False, "No figure shows pictures that were not painted. Forty evaluations may have missed better ones."),
}


def hidden_settings(middle: float) -> dict:
    """How to paint the picture of the exercise `found_setting`: keywords of the lesson's `paint`, with the lesson's
    middle α.

    >>> sorted(hidden_settings(1.0))
    ['alpha', 'content_layers', 'init']
    """
    return {"alpha": HIDDEN["times"] * middle, **{name: HIDDEN[name] for name in ("content_layers", "init")}}


def check_found_setting(setting: Mapping) -> None:
    """Exercise of lesson 07: {"content_layer": …, "start": …, "times": …} of a given picture; None where still open.

    "times" is α as a multiple of the lesson's middle one and may be off by a factor of four.
    """
    with one_line("found_setting", "You can read a picture's settings off it."):
        found = {name: value for name, value in setting.items() if value is not None}
        if not found:
            raise Verdict("not attempted yet")
        names = ("content_layer", "start", "times")
        refuse_if(not set(found) <= set(names), f"The names are {', '.join(names)}; leave them as they are.")
        hints = {name: _SETTING_HINTS[name](found[name]) for name in names if name in found}
        wrong = [f"{name}: {hint}" for name, hint in hints.items() if hint]
        right, empty = len(found) - len(wrong), [name for name in names if name not in found]
        refuse_if(bool(wrong), f"{right} of 3 are right. {wrong[0] if wrong else ''}")
        refuse_if(bool(empty), f"{right} of 3 are right. Still empty: {', '.join(empty)}.")


def _layer_hint(layer) -> str:
    if layer == HIDDEN["content_layers"][0]:
        return ""
    if layer not in ("relu2_2", "relu4_2"):
        return f"It is one of the two layers of section 2; this is {layer!r}."
    return "With relu4_2 walls bend and windows dissolve (section 2). Are they in place here?"


def _start_hint(start) -> str:
    if start in ("content", "photograph", "photo"):
        return ""
    if start == "noise":
        return "A start from noise leaves grain all over the picture (section 3). Is there any?"
    if start in ("style", "painting"):
        return "From the painting some large form of it stays where it was. Do you see one here? Compare the finest detail with the photograph's too."
    return f'It is "content", "style" or "noise"; this is {start!r}.'


def _times_hint(times) -> str:
    if isinstance(times, bool) or not isinstance(times, (int, float)):
        return f"A number is wanted; this is {times!r}."
    if not times > 0 or not math.isfinite(times):
        return "There is a content term; its weight is above 0."
    ratio = times / HIDDEN["times"]
    if 1 / FACTOR <= ratio <= FACTOR:
        return ""
    if times < 1e-4:
        return "This looks like α itself. Give it as a multiple of the middle one: 10 is the column to its right."
    if ratio > 1:
        return (
            "Too large: with it more of the photograph is left. Paint your setting and compare the sky. "
            "(At relu2_2 the same α holds on far more firmly than at relu4_2.)"
        )
    return "Too small: with it less of the photograph is left. Paint your setting and compare the sky."


_SETTING_HINTS = {"content_layer": _layer_hint, "start": _start_hint, "times": _times_hint}


def check_fair_runs(function: Callable[[Sequence[Mapping]], Sequence[Mapping]]) -> None:
    """Exercise of lesson 07: settings of several runs -> the settings of a comparison in which only the start differs."""
    with one_line("fair_runs", "Now only the start differs."):
        for runs in _UNFAIR:
            answer = attempt(lambda: function(copy.deepcopy(runs)))  # noqa: B023, called at once
            _check_fair(runs, answer)


def _check_fair(runs: Sequence[Mapping], answer) -> None:
    refuse_if(
        not isinstance(answer, (list, tuple)) or not all(isinstance(run, Mapping) for run in answer),
        "A list of dictionaries is wanted, one for each run.",
    )
    refuse_if(len(answer) != len(runs), f"{len(runs)} runs came in and {len(answer)} came out; each start is needed.")
    refuse_if(
        [run.get("init") for run in answer] != [run["init"] for run in runs],
        "The starts are what the figure compares: leave every init as it is, in the same order.",
    )
    names = dict.fromkeys(name for run in [*runs, *answer] for name in run if name not in ("init", "seed"))
    for name in names:
        values = [run.get(name, "(not given)") for run in answer]
        if any(value != values[0] for value in values):
            shown = ", ".join(dict.fromkeys(map(str, values)))
            refuse_if(True, f"The runs still differ in {name} ({shown}).")
    lost = next((name for name in names if name not in answer[0]), None)
    refuse_if(lost is not None, f"{lost} is gone; a default would then decide it. Keep it, with one value for all.")
    refuse_if(
        bool(answer[0]["coarse_to_fine"]),
        "coarse_to_fine is the same for all, but every run then begins at a third of the size, where a start has lost "
        "its detail. Take one size.",
    )
    refuse_if(
        answer[0]["steps"] < min(run["steps"] for run in runs),
        f"{answer[0]['steps']} steps are fewer than any of these runs had.",
    )
    seeds = [run.get("seed") for run in answer if run["init"] == "noise"]
    refuse_if(
        len(set(seeds)) < len(seeds),
        "Two runs from noise have the same seed, so they start from the same noise.",
    )


_UNFAIR = (
    [
        {"init": "content", "seed": 0, "steps": 140, "coarse_to_fine": True, "content_weight": 4e-6},
        {"init": "style", "seed": 0, "steps": 140, "coarse_to_fine": True, "content_weight": 4e-6},
        {"init": "noise", "seed": 0, "steps": 60, "coarse_to_fine": False, "content_weight": 4e-6},
        {"init": "noise", "seed": 0, "steps": 60, "coarse_to_fine": False, "content_weight": 4e-7},
    ],
    [
        {"init": "noise", "seed": 3, "steps": 50, "coarse_to_fine": True, "content_weight": 1e-5, "size": 128},
        {"init": "noise", "seed": 3, "steps": 90, "coarse_to_fine": True, "content_weight": 1e-5, "size": 192},
        {"init": "content", "seed": 5, "steps": 90, "coarse_to_fine": True, "content_weight": 1e-5, "size": 192},
    ],
)


def check_shown(answers: Mapping[str, bool | None]) -> None:
    """Exercise of lesson 07: for each statement, True if the lesson's figures show it and False if they do not."""
    with one_line("shown", "You see what is there, and no more."):
        given = {name: answer for name, answer in answers.items() if answer is not None}
        if not given:
            raise Verdict("not attempted yet")
        refuse_if(not set(given) <= set(CLAIMS), f"The letters are {', '.join(CLAIMS)}; leave them as they are.")
        for name, answer in given.items():
            refuse_if(not isinstance(answer, bool), f"{name}: True or False is wanted; this is {answer!r}.")
        wrong = [name for name in sorted(given) if given[name] != CLAIMS[name][0]]
        right, empty = len(given) - len(wrong), [name for name in CLAIMS if name not in given]
        refuse_if(bool(wrong), f"{right} of {len(CLAIMS)} are right. {wrong[0] if wrong else ''}: {_why(wrong)}")
        refuse_if(bool(empty), f"{right} of {len(CLAIMS)} are right. Still empty: {', '.join(empty)}.")


def _why(wrong: Sequence[str]) -> str:
    return CLAIMS[wrong[0]][1] if wrong else ""
