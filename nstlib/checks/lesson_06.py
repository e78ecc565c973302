"""Checkers for the exercises of lesson 06: numbers and filters that a learner reads off the explorers."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from nstlib.checks.answers import Verdict, one_line, refuse_if
from nstlib.images import Picture, load_image
from nstlib.networks import load_network

SIZE = 256  # longer side, in pixels, of the pictures in the explorers
FILTER = 65  # of relu3_1, the one in the worksheet
NOUGHT = 0.05  # an entry below this is shown as 0.0
ROUNDING = 0.015  # of a number: the explorers show three digits, and "times" is the ratio of two


class Question(NamedTuple):
    """A question of the worksheet: its answer, and hint -> a wrong answer, or several."""

    right: float | tuple[int, int]
    mistakes: Mapping[str, object]
    slack: float = 0  # by which a right number may be off, where `ROUNDING` is less


def check_worksheet(worksheet: Mapping, photo: Picture, painting: Picture) -> None:
    """Exercise of lesson 06: five answers by name, read off the explorers; None where one is still to be found.

    "zeros" and "largest" are about filter 65 of relu3_1 and the photograph: at how many per cent of the positions it is
    not above zero, and its largest activation. "pair" is (i, j), the two filters of relu3_1 whose entries, per position,
    differ most between the two pictures; "entry" is theirs for the painting; "times" says how many times as large it is,
    per position, as the photograph's.
    """
    with one_line("worksheet", "You can read both explorers."):
        found = {name: worksheet[name] for name in worksheet if worksheet[name] is not None}
        if not found:
            raise Verdict("not attempted yet")
        questions = _questions(photo, painting)
        refuse_if(
            not questions.keys() >= found.keys(), f"The names are {', '.join(questions)}; leave them as they are."
        )
        hints = {name: _hint(answer, questions[name]) for name, answer in found.items()}
        wrong = [f"{name}: {hint}" for name, hint in hints.items() if hint]
        empty = [name for name in questions if name not in found]
        right = f"{len(found) - len(wrong)} of {len(questions)} are right."
        refuse_if(bool(wrong), f"{right} {wrong[0] if wrong else ''}")
        refuse_if(bool(empty), f"{right} Still empty: {', '.join(empty)}.")


def check_never_together(pair, photo: Picture, painting: Picture, *, layer: str = "relu5_2") -> None:
    """Exercise of lesson 06: (i, j), two filters of a layer that both fire in both pictures, and never together."""
    with one_line("never_together", "Both fire in both pictures, but never at the same position."):
        if pair is None:
            raise Verdict("not attempted yet")
        refuse_if(not _is_pair(pair), f"Two filter numbers are wanted, (i, j); this is {pair!r}.")
        i, j = pair
        grams = {"photograph": _gram(_maps(photo, layer)), "painting": _gram(_maps(painting, layer))}
        filters = len(grams["photograph"])
        refuse_if(
            not (0 <= i < filters and 0 <= j < filters), f"The filters of {layer} are numbered 0 to {filters - 1}."
        )
        refuse_if(i == j, "This is an entry on the diagonal, one filter with itself. Take two different filters.")
        for name, gram in grams.items():
            for k in pair:
                refuse_if(
                    gram[k, k] < NOUGHT,
                    f"Filter {k} never fires in the {name}: its own entry, ({k}, {k}), is zero too. So are all entries of "
                    "its row.",
                )
        together = {name: gram[i, j].item() for name, gram in grams.items() if gram[i, j] >= NOUGHT}
        shown = " and ".join(f"{entry:,.1f} in the {name}" for name, entry in together.items())
        refuse_if(len(together) == 2, f"The two fire together in both pictures: their entry is {shown}.")
        refuse_if(bool(together), f"Zero in one picture only: the entry is {shown}.")


def _questions(photo: Picture, painting: Picture) -> dict[str, Question]:
    maps = [_maps(picture, "relu3_1") for picture in (photo, painting)]
    values, other = (m[FILTER] for m in maps)
    sums = [_gram(m) for m in maps]
    means = [gram / m.shape[1] for gram, m in zip(sums, maps, strict=True)]
    pair = _strongest(means[1] - means[0])
    (photo_sum, painting_sum), (photo_mean, painting_mean) = (
        [g[pair].item() for g in grams] for grams in (sums, means)
    )
    zeros = [100 * (v <= 0).double().mean().item() for v in (values, other)]
    # Each wrong answer stands below its hint.
    # fmt: off
    return {
        "zeros": Question(zeros[0], {
            "This is a share. Give it in per cent, as the explorer does.":
                zeros[0] / 100,
            "At so many per cent of the positions it is above zero. The others are wanted.":
                100 - zeros[0],
            "This is the painting's. The photograph's is wanted.":
                zeros[1],
        }, slack=0.6),
        "largest": Question(values.max().item(), {
            "This is the mean. The largest stands beside it.":
                values.mean().item(),
            "This is the painting's. The photograph's is wanted.":
                other.max().item(),
        }),
        "pair": Question(pair, {
            "This pair has the largest entry of the photograph. Choose *difference* in the menu above the list.":
                _strongest(means[0]),
            "This pair has the largest entry of the painting. Choose *difference* in the menu above the list.":
                _strongest(means[1]),
        }),
        "entry": Question(painting_sum, {
            "This is the photograph's. The painting's is in the lower row.":
                photo_sum,
            "This is the value per position. The entry is the sum, the number above it.":
                painting_mean,
            "This is an entry on the diagonal, one of the two filters with itself.":
                [sums[1][k, k].item() for k in pair],
        }),
        "times": Question(painting_mean / photo_mean, {
            "You divided the photograph's by the painting's. It is the other way round.":
                [photo_mean / painting_mean, photo_sum / painting_sum],
            "You divided the sums. The pictures have different numbers of positions, so divide the values per position.":
                painting_sum / photo_sum,
            "This is the difference. Divide the painting's value by the photograph's.":
                [painting_mean - photo_mean, painting_sum - photo_sum],
        }),
    }
    # fmt: on


def _hint(answer, question: Question) -> str:
    """What is wrong with an answer; empty where it is right."""
    if isinstance(question.right, tuple):
        if not _is_pair(answer):
            return f"Two filter numbers are wanted, (i, j); this is {answer!r}."
    elif isinstance(answer, tuple):
        return f"Python reads {str(answer)[1:-1]} as several numbers. Leave the comma out."
    elif isinstance(answer, bool) or not isinstance(answer, (int, float)):
        return f"A number is wanted, without quotes; this is {answer!r}."
    if _equal(answer, question.right, question.slack):
        return ""
    for hint, wrong in question.mistakes.items():
        if any(_equal(answer, w) for w in (wrong if isinstance(wrong, list) else [wrong])):
            return hint
    return "This is not it. Look again at the layer, the filter and the picture in the question."


def _equal(answer, other, slack: float = 0) -> bool:
    if isinstance(other, tuple):
        return sorted(answer) == sorted(other)
    return math.isclose(answer, other, rel_tol=ROUNDING, abs_tol=slack)


def _is_pair(value) -> bool:
    whole = isinstance(value, (tuple, list)) and all(isinstance(k, int) and not isinstance(k, bool) for k in value)
    return whole and len(value) == 2


def _maps(picture: Picture, layer: str) -> Tensor:
    """Activations (N, M) of a picture as the explorers show it."""
    image = load_image(picture)
    if max(image.shape[-2:]) > SIZE:
        image = load_image(image, size=SIZE)
    return load_network()(image, [layer])[layer][0].flatten(1).cpu().double()


def _gram(maps: Tensor) -> Tensor:
    return maps @ maps.T


def _strongest(matrix: Tensor) -> tuple[int, int]:
    """Row and column of the largest absolute value above the diagonal."""
    i, j = divmod(matrix.triu(1).abs().argmax().item(), len(matrix))
    return i, j
