"""Checker for the last exercise of lesson 08: the sceptic who reads the table of a race."""

import math
from collections.abc import Callable, Mapping, Sequence

from nstlib.checks.answers import attempt, one_line, refuse_if

COLUMNS = ("method", "rate", "seed", "evaluations", "loss")
SEEDS, RATES = 3, 3  # at least, for each method

Rows = Sequence[Mapping]


def check_race(function: Callable[[], Mapping]) -> None:
    """Exercise of lesson 08: a table of sweeps and of a race, and a winner that follows from it.

    `function()` returns {"sweep": rows, "race": rows, "winner": a method or None}; a row has a method, a rate, a seed, the
    number of evaluations and the loss that was reached.
    """
    with one_line("race", "A sceptic accepts this table."):
        table = attempt(function)
        refuse_if(
            not isinstance(table, Mapping) or not {"sweep", "race", "winner"} <= set(table),
            'A dictionary with "sweep", "race" and "winner" is wanted.',
        )
        for part in ("sweep", "race"):
            _refuse_odd_rows(part, table[part])
        _refuse_an_unfair_race(table["race"])
        _refuse_a_poor_sweep(table["sweep"], table["race"])
        _refuse_a_wrong_winner(table["race"], table["winner"])


def _refuse_odd_rows(part: str, rows: Rows) -> None:
    refuse_if(not isinstance(rows, (list, tuple)) or not rows, f'"{part}" must be a list of rows.')
    for row in rows:
        missing = [name for name in COLUMNS if not isinstance(row, Mapping) or name not in row]
        refuse_if(bool(missing), f'A row of "{part}" has no {", ".join(missing)}.')
        for name in ("rate", "evaluations", "loss"):
            number = isinstance(row[name], (int, float)) and not isinstance(row[name], bool)
            refuse_if(not number, f'{name} must be a number; a row of "{part}" has {row[name]!r}.')


def _refuse_an_unfair_race(race: Rows) -> None:
    methods = _by_method(race)
    refuse_if(len(methods) < 2, "A race needs two methods at least.")
    counts = {method: sorted({row["evaluations"] for row in rows}) for method, rows in methods.items()}
    different = {count for found in counts.values() for count in found}
    told = ", ".join(f"{method} {' and '.join(map(str, found))}" for method, found in counts.items())
    refuse_if(len(different) > 1, f"Not all got the same number of evaluations in the race: {told}.")
    seeds = {method: {row["seed"] for row in rows} for method, rows in methods.items()}
    few = [method for method, found in seeds.items() if len(found) < SEEDS]
    refuse_if(bool(few), f"Three seeds at least: {', '.join(few)} has fewer. One seed may be luck.")
    refuse_if(len({frozenset(found) for found in seeds.values()}) > 1, "The methods ran with different seeds.")
    for method, rows in methods.items():
        refuse_if(
            len({row["rate"] for row in rows}) > 1, f"{method} runs the race at several rates; choose one before."
        )
        refuse_if(
            len({row["seed"] for row in rows}) < len(rows),
            f"{method} has two runs with one seed. Which of them counts?",
        )
        losses = [row["loss"] for row in rows]
        refuse_if(
            len(set(losses)) < len(losses) and all(map(math.isfinite, losses)),
            f"Two seeds of {method} have the same loss to the last digit. Does the seed reach the start?",
        )


def _refuse_a_poor_sweep(sweep: Rows, race: Rows) -> None:
    swept, raced = _by_method(sweep), _by_method(race)
    missing = [method for method in raced if method not in swept]
    refuse_if(bool(missing), f"There is no sweep for {', '.join(missing)}: every method gets one.")
    both = {row["seed"] for row in sweep} & {row["seed"] for row in race}
    refuse_if(
        bool(both),
        f"Seed {min(both, key=str, default=None)} is in the sweep and in the race: that method was tuned on its exam.",
    )
    counts = {row["evaluations"] for method in raced for row in swept[method]}
    refuse_if(len(counts) > 1, "The runs of the sweeps have different numbers of evaluations.")
    for method, rows in raced.items():
        found = _mean_by_rate(swept[method])
        refuse_if(len(found) < RATES, f"The sweep of {method} has {len(found)} rates; three at least.")
        best, used = min(found, key=found.get), rows[0]["rate"]
        refuse_if(used not in found, f"{method} runs the race at {used:g}, a rate that is not in its sweep.")
        refuse_if(used != best, f"{method} runs the race at {used:g}; the best rate of its sweep is {best:g}.")
        refuse_if(
            best in (min(found), max(found)),
            f"The best rate of {method}, {best:g}, is the {'first' if best == min(found) else 'last'} of its sweep. A better "
            "one may lie beyond: go on in that direction.",
        )


def _refuse_a_wrong_winner(race: Rows, winner) -> None:
    losses = {method: [_bad_if_not_finite(row["loss"]) for row in rows] for method, rows in _by_method(race).items()}
    refuse_if(winner is not None and winner not in losses, f"The winner is {winner!r}, which did not run the race.")
    first, second = sorted(losses, key=lambda method: max(losses[method]))[:2]
    others = [loss for method in losses if method != first for loss in losses[method]]
    decided = first if max(losses[first]) < min(others) else None
    refuse_if(
        decided is None and winner is not None,
        f"The losses of {first} and {second} overlap, so these seeds do not decide. The winner is None.",
    )
    refuse_if(
        decided is not None and winner is None, f"Every run of {first} ended below every run of the others: it won."
    )
    refuse_if(winner != decided, f"You name {winner}, but every run of {decided} ended below every run of the others.")


def _by_method(rows: Rows) -> dict[str, list[Mapping]]:
    return {
        method: [row for row in rows if row["method"] == method] for method in dict.fromkeys(r["method"] for r in rows)
    }


def _mean_by_rate(rows: Rows) -> dict[float, float]:
    """Mean loss over the seeds, for each rate."""
    rates = dict.fromkeys(row["rate"] for row in rows)
    losses = {rate: [_bad_if_not_finite(row["loss"]) for row in rows if row["rate"] == rate] for rate in rates}
    return {rate: sum(found) / len(found) for rate, found in losses.items()}


def _bad_if_not_finite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
