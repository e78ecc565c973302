"""Many paintings at once: every combination of some settings of `style_transfer`, over any `concurrent.futures.Executor`.

To a worker go numbers, names, the bytes of picture files and NumPy arrays, and a NumPy array comes back. So a cluster needs nstlib but no
common disk; only the caller writes into the folder.
"""

import contextlib
import functools
import json
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from nstlib.cells import Cell, cells, sentence
from nstlib.files import whole_file
from nstlib.images import load_image, save_image
from nstlib.networks import load_network
from nstlib.optimize import style_transfer
from nstlib.processes import heed_stop, own_processes

NOTHING = {"picture": "", "losses": {}, "steps": 0, "seconds": 0.0, "precision": "", "note": "", "error": ""}


@dataclass
class Sweep:
    """The cells of a `sweep`; a notebook shows their table.

    Attributes
    ----------
    records : list of dict, one for each cell, the last name of the grid changing fastest: "values" (name -> text, of what differs between
        the cells), "settings", "picture" (its file), "losses" (name -> float, of the picture), "steps", "seconds", "precision" (what "auto"
        came to), "note" (why it ended early) and "error" (why there is no picture); "" where there is nothing to say
    painted : how many of them this call painted
    """

    records: list[dict]
    painted: int = 0

    def __repr__(self) -> str:
        failed = sum(bool(record["error"]) for record in self.records)
        there = len(self.records) - failed - self.painted
        return f"{len(self.records)} cells: {self.painted} painted, {there} there before, {failed} without a picture"

    def table(self) -> str:
        """A row for each cell, in Markdown: what differs, the losses, the seconds, and the picture's file or why there is none."""
        names, losses = (list(dict.fromkeys(name for record in self.records for name in record[part])) for part in ("values", "losses"))
        rows = [[*names, *losses, "seconds", "picture"]]
        for record in self.records:
            numbers = [f"{record['losses'][name]:.4g}" if name in record["losses"] else "" for name in losses]
            outcome = f"failed: {record['error']}" if record["error"] else os.path.basename(record["picture"])
            rows.append([*record["values"].values(), *numbers, f"{record['seconds']:.1f}" if record["seconds"] else "",
                         outcome + (f" ({record['note']})" if record["note"] else "")])
        rows = [[" ".join(text.split()).replace("|", "\\|") for text in row] for row in rows]
        widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
        rows.insert(1, ["-" * width for width in [*widths, 7]])
        return "\n".join("| " + " | ".join([*map(str.ljust, row, widths), row[-1]]) + " |" for row in rows)

    def _repr_markdown_(self) -> str:
        return self.table().replace("&", "&amp;").replace("<", "&lt;")

    def contact_sheet(self, *, columns: int | None = None, height: float = 2.6):
        """A figure of all cells, each titled with what differs; a cell without a picture is grey and says why.

        Parameters
        ----------
        columns : cells in a row; as many as the last name that differs has values where None, but at most 6
        height : of a row, in inches
        """
        from nstlib.plots import show_images  # here, not above: only this needs matplotlib

        if columns is None:
            columns = min(6, len({text for record in self.records for text in list(record["values"].values())[-1:]})) or 1
        tiles, reasons = zip(*map(_tile, self.records), strict=True)
        grey = torch.full(next((tile.shape for tile in tiles if tile is not None), (1, 3, 48, 64)), 0.85)
        figure = show_images([grey if tile is None else tile for tile in tiles], columns=columns, height=height)
        for axis, record, reason in zip(figure.axes, self.records, reasons, strict=False):  # $ is no mathematics in the name of a file
            title = "\n".join(textwrap.fill(f"{name} {text}", 36) for name, text in record["values"].items())
            axis.set_title(title, fontsize=9, parse_math=False)
            axis.text(0.5, 0.5, textwrap.fill(textwrap.shorten(reason, 180), 36), transform=axis.transAxes, ha="center", va="center",
                      fontsize=7, parse_math=False)
        return figure


def sweep(grid: Mapping[str, Sequence], settings: Mapping | None = None, *, folder: str | os.PathLike, executor: Executor | None = None,
          progress: bool = True) -> Sweep:
    """Paint every combination of the values in `grid`, each into a file in `folder`.

    A later call with the same folder paints what is missing: cells that an interruption or a failure left out, or new values. A cell is
    known again by the contents of its pictures and of the file of "mini", and by all its other settings.

    Parameters
    ----------
    grid : name of a parameter of `style_transfer` -> list of values
        "content" and "style" take whatever `load_image` reads, "network" takes names. ("seed" changes nothing but init="noise".)
    settings : name -> value, optional
        For all cells. "content" and "style" must be here or in the grid. To compare losses closely, say a "precision": "auto" may come
        to different ones on different workers.
    folder : path
        Gets HASH.png and HASH.json for each cell, whole or not at all.
    executor : concurrent.futures.Executor, optional
        Where to paint; it is left open. For a cluster: `dask.distributed.Client(address).get_executor()`, from the extra `cluster`.
        None: processes that are closed at the end; several where there are enough cores for them and no GPU. As always with processes,
        a script must then call this under `if __name__ == "__main__":`.
    progress : bool
        Show a bar of cells.

    Returns
    -------
    Sweep: `records`, `table()` and `contact_sheet()`. A cell that fails, by an error or with its process, is reported there and stops no
        other. Interrupted by KeyboardInterrupt (■ in Jupyter, Ctrl-C in a terminal): the cells that are done.

    Raises
    ------
    ValueError: a name that `style_transfer` does not have, a name in both `grid` and `settings`, no list of values, a value twice.
    OSError: there can be no such folder.

    Examples
    --------
    >>> sweep({"seed": [0, 1]}, {"contents": "cat", "style": "gravel"}, folder="unused")
    Traceback (most recent call last):
    ValueError: There is no setting 'contents' of style_transfer to sweep over; did you mean 'content'?
    """
    wanted, folder = cells(grid, settings or {}), Path(os.path.expanduser(folder))
    folder.mkdir(parents=True, exist_ok=True)
    records = {cell.key: {"error": cell.error} if cell.error else _found(folder, cell.key) for cell in wanted}
    missing = {cell.key: cell for cell in wanted if records[cell.key] is None}

    def keep(cell: Cell, outcome: dict) -> None:
        records[cell.key] = _keep(folder, cell, outcome)

    with own_processes() if executor is None else contextlib.nullcontext(executor.submit) as submit:
        _run(list(missing.values()), submit, keep, progress)
    for key in missing:  # `keep` may itself have been interrupted
        records[key] = records[key] or _found(folder, key) or {"error": "stopped by the user before it was done"}
    return Sweep([{**NOTHING, **records[cell.key], "values": cell.values, "settings": cell.settings} for cell in wanted],
                 painted=sum(not records[key]["error"] for key in missing))


def _run(missing: list[Cell], submit: Callable[..., Future], keep: Callable[[Cell, dict], None], progress: bool) -> None:
    """Hands each cell with its outcome to `keep` as it ends; returns early at a KeyboardInterrupt."""
    futures: dict[Future, Cell] = {}
    with tqdm(total=len(missing), desc="cells", disable=not progress) as bar, contextlib.suppress(KeyboardInterrupt):
        try:
            for cell in missing:
                try:
                    futures[submit(_paint, cell.sent)] = cell
                except BrokenExecutor as error:  # by the worker of an earlier cell
                    keep(cell, {"error": sentence(error)})
                    bar.update()
            pending = set(futures)
            while pending:
                done, pending = wait(pending, 1, FIRST_COMPLETED)  # Windows hears no Ctrl-C while it waits for ever
                for future in done:
                    error = CancelledError("the executor was closed") if future.cancelled() else future.exception()
                    keep(futures[future], {"error": sentence(error)} if error else future.result())
                    bar.update()
        finally:
            for future in futures:
                future.cancel()


def _paint(settings: dict) -> dict:
    """One cell, in a worker. An error comes back as text, since not every exception can travel."""
    try:
        pictures = {name: load_image(value) for name, value in settings.items() if isinstance(value, (bytes, np.ndarray))}
        result = style_transfer(**{**settings, **pictures, "network": _network(settings["network"])}, progress=False, on_step=heed_stop)
    except Exception as error:
        return {"error": sentence(error)}
    if result.note.startswith("stopped by the user"):
        return {"error": result.note}
    last = result.history[-1]
    return {"image": result.image.numpy(), "losses": {name: loss for name, loss in last.items() if name not in ("step", "time", "size")},
            "steps": last["step"], "seconds": last["time"], "precision": result.settings.get("precision", ""),
            "note": result.note, "error": ""}


@functools.cache
def _network(name: str):
    return load_network(name)


def _found(folder: Path, key: str) -> dict | None:
    """The record of a cell that is done."""
    picture = folder / f"{key}.png"
    try:
        record = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
        unfinished = record["error"] or record["note"].startswith("out of memory")  # another time there may be more
        return {**record, "picture": str(picture)} if not unfinished and picture.is_file() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or not what we wrote
        return None


def _keep(folder: Path, cell: Cell, outcome: dict) -> dict:
    """Writes the picture, then the record that vouches for it."""
    record, picture = {name: value for name, value in outcome.items() if name != "image"}, folder / f"{cell.key}.png"
    try:
        if not record["error"]:
            save_image(load_image(outcome["image"]), picture)
        with whole_file(picture.with_suffix(".json")) as file:
            file.write_text(json.dumps({**record, "settings": cell.settings}, indent=1), encoding="utf-8")
    except OSError as error:
        return {"error": sentence(error)}
    return record if record["error"] else {**record, "picture": str(picture)}


def _tile(record: dict) -> tuple[Tensor | None, str]:
    """A cell's picture, small enough for a sheet, or why there is none."""
    try:
        return (None, record["error"]) if record["error"] else (load_image(record["picture"], size=400), "")
    except (OSError, ValueError) as error:
        return None, sentence(error)
