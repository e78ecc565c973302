"""Checkers for the twelve exercises of lesson 09: the learner's tests are tested.

The bugs stand in the modules lesson_09_steps, _pictures, _losses and _networks, each with its broken version, a right
one and two more; how a test is judged, in lesson_09_judge.
"""

from collections.abc import Callable

from nstlib.checks.answers import Verdict, one_line
from nstlib.checks.lesson_09_judge import Bug, Test, judge
from nstlib.checks.lesson_09_losses import BUG_8, BUG_9, BUG_10
from nstlib.checks.lesson_09_networks import BUG_11, BUG_12
from nstlib.checks.lesson_09_pictures import BUG_2, BUG_5, BUG_6, BUG_7
from nstlib.checks.lesson_09_steps import BUG_1, BUG_3, BUG_4

#: In the order of the lesson, from seen at a glance to seen by nobody.
BUGS: tuple[Bug, ...] = (
    BUG_1,
    BUG_2,
    BUG_3,
    BUG_4,
    BUG_5,
    BUG_6,
    BUG_7,
    BUG_8,
    BUG_9,
    BUG_10,
    BUG_11,
    BUG_12,
)


def versions(number: int) -> dict[str, Callable]:
    """{"right": …, "broken": …} of bug `number`, 1 to 12: what the figures of lesson 09 compare."""
    return {"right": BUGS[number - 1].right, "broken": BUGS[number - 1].broken}


def count_bugs(*tests: Test) -> None:
    """The score of lesson 09: how many of the twelve have been found, by tests in the order of the lesson."""
    found = [number for number, (bug, test) in enumerate(zip(BUGS, tests, strict=True), 1) if _finds(bug, test)]
    left = [number for number in range(1, len(BUGS) + 1) if number not in found]
    names = f": {', '.join(map(str, found))}" if found else ""
    print(f"{len(found)} of {len(BUGS)} bugs found{names}. {f'Next: bug {left[0]}.' if left else 'All of them!'}")


def _finds(bug: Bug, test: Test) -> bool:
    try:
        judge(bug, test)
    except Verdict:
        return False
    return True


def _checker(number: int) -> Callable:
    def check(test: Test, hint: int | None = None) -> None:
        bug = BUGS[number - 1]
        with one_line(f"bug {number}", f"Found! {bug.told}"):
            judge(bug, test)
        if hint is not None:
            step = min(max(int(hint), 1), len(bug.hints))
            print(f"Hint {step} of {len(bug.hints)}: {bug.hints[step - 1]}")

    check.__name__ = check.__qualname__ = f"check_bug_{number}"
    check.__doc__ = f"""Exercise of lesson 09: a test that refuses bug {number} and accepts every right version.

    `test` takes the function under test, returns if it is content and raises AssertionError if not. `hint` is 1, 2 or
    3; each says more than the one before.
    """
    return check


check_bug_1, check_bug_2, check_bug_3, check_bug_4 = map(_checker, (1, 2, 3, 4))
check_bug_5, check_bug_6, check_bug_7, check_bug_8 = map(_checker, (5, 6, 7, 8))
check_bug_9, check_bug_10, check_bug_11, check_bug_12 = map(_checker, (9, 10, 11, 12))
