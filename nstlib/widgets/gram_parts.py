"""What the Gram explorer shows: sentences, a shuffle, a mark, and the maps behind an entry. It keeps no state."""

import html
from collections.abc import Sequence

import ipywidgets as widgets
import torch
from torch import Tensor

from nstlib.plots import colored
from nstlib.widgets.common import Picture, text


def meaning(i: int, j: int) -> str:
    if i == j:
        return (
            "On the diagonal, a map meets itself: the sum of its squares says how strongly this filter fires, wherever it is. "
            "It is never negative."
        )
    return (
        "Off the diagonal, the product is large only where both filters fire: the sum says how often they fire together, and no "
        "longer where. G<sub>ij</sub> = G<sub>ji</sub>."
    )


def equation(parts: Sequence[widgets.Widget], width: int) -> widgets.GridBox:
    """First × second = third, each `width` pixels wide, or less where the page is narrow."""
    signs = [text(f'<div style="text-align:center">{sign}</div>', "nst-quiet") for sign in "×="]
    columns = " 22px ".join([f"minmax(0, {width}px)"] * 3)
    layout = {"grid_template_columns": columns, "align_items": "center", "width": f"{3 * width + 44}px"}
    return widgets.GridBox([parts[0], signs[0], parts[1], signs[1], parts[2]], layout=layout)


def describe(
    squares: Sequence[Picture],
    maps: Sequence[Sequence[Picture]],
    layer: str,
    names: Sequence[str],
    entry: tuple[int, int],
    numbers: Sequence[float],
) -> str:
    """Alt texts for the pictures; what a screen reader says of the entry, as HTML."""
    for square, name, number in zip(squares, names, numbers, strict=False):
        square.tooltip = f"Gram matrix of {name} in {layer}; entry {entry[0]}, {entry[1]} is {number:,.1f}"
    squares[2].tooltip = f"Gram matrix of {names[0]} minus that of {names[1]}, per position"
    for shown, name in zip(maps, names, strict=True):
        shown[0].tooltip, shown[1].tooltip = (f"map of filter {k} on {name}" for k in entry)
        shown[2].tooltip = f"product of both maps on {name}"
    found = " and ".join(f"{number:,.1f} in {name}" for number, name in zip(numbers, names, strict=True))
    return html.escape(f"Entry of filters {entry[0]} and {entry[1]}: {found}.")


def strongest(matrix: Tensor) -> list[tuple[str, tuple[int, int]]]:
    """The ten strongest pairs off the diagonal, in words and as numbers."""
    upper = matrix.triu(1)
    places = upper.abs().flatten().topk(min(10, upper.numel())).indices.tolist()
    return [(f"{i} & {j}: {matrix[i, j]:.3g}", (i, j)) for i, j in (divmod(place, len(matrix)) for place in places)]


def shuffled(features: Tensor) -> Tensor:
    """One permutation of the positions, the same for every filter."""
    flat = features.flatten(2)
    return flat[..., torch.randperm(flat.shape[-1])].view_as(features)


def unchanged(before: list[Tensor], after: list[Tensor]) -> str:
    """What shuffling has done to the Gram matrices: nothing, beyond rounding."""
    change = max(((new - old).abs().max() / old.abs().max()).item() for new, old in zip(after, before, strict=True))
    rest = " (beyond rounding)." if change < 1e-9 else f": largest change {change:.1e}."
    return f"Every map is scrambled, all in the same way. No entry of the Gram matrices has changed{rest}"


def squares(first: Tensor, second: Tensor) -> list[Tensor]:
    """The roots of two matrices, on one scale, and of their difference, in colours."""
    high = max(first.quantile(0.99).item(), second.quantile(0.99).item()) ** 0.5
    change = (first - second).sign() * (first - second).abs().sqrt()
    reach = change.abs().quantile(0.99).item() or 1
    return [
        colored(first.sqrt(), high=high),
        colored(second.sqrt(), high=high),
        colored(change, low=-reach, high=reach, colors="PuOr_r"),
    ]


def marked(square: Tensor, row: int, column: int, filters: int) -> Tensor:
    """Lines through the row and the column, which leave the entry itself free."""
    marked, cell = square.clone(), square.shape[-1] // filters
    gap = max(cell, 10)
    across, down = (
        slice(max(0, (k + 1) * cell - cell // 2 - gap), (k + 1) * cell - cell // 2 + gap) for k in (column, row)
    )
    lines = torch.zeros(square.shape[-2:], dtype=torch.bool)
    middle = [k * cell + cell // 2 for k in (row, column)]
    lines[middle[0]], lines[:, middle[1]] = True, True
    lines[down, across] = False
    frame = torch.zeros_like(lines)
    frame[down, across] = True
    inner = (slice(down.start + 2, down.stop - 2), slice(across.start + 2, across.stop - 2))
    frame[inner] = False
    marked[..., lines] = 0.6 * marked[..., lines] + 0.4
    marked[..., frame] = torch.tensor([1.0, 0.25, 0.2])[None, :, None]
    return marked


def panels(features: list[Tensor], i: int, j: int) -> list[list[Tensor]]:
    """For each picture: map i, map j, product; one scale for the maps, one for the products."""
    pairs = [(f[0, i], f[0, j]) for f in features]
    high = max(part.max().item() for pair in pairs for part in pair) or 1
    most = max((a * b).max().item() for a, b in pairs) or 1
    return [
        [colored(a, high=high), colored(b, high=high), colored(a * b, high=most, colors="inferno")] for a, b in pairs
    ]


def sum_words(name: str, features: Tensor, i: int, j: int, entry: float) -> str:
    """The sum of the product beside the entry of the Gram matrix, as HTML."""
    a, b = features[0, i], features[0, j]
    return (
        f"<div><b>{html.escape(name)}</b><br>sum of the product, over {a.shape[0]} × "
        f'{a.shape[1]} positions: <span class="nst-number nst-sum">{(a * b).sum():,.1f}</span><br>'
        f"entry G<sub>{i},{j}</sub> of the Gram matrix: "
        f'<span class="nst-number nst-entry">{entry:,.1f}</span><br>'
        f'<span class="nst-quiet">per position: {entry / a.numel():.3g}</span></div>'
    )
