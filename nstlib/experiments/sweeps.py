"""Many paintings at once: every combination of some settings of `style_transfer`, over any
`concurrent.futures.Executor`.

To a worker go numbers, names, the bytes of picture files and NumPy arrays, and a NumPy array comes back. So a cluster
needs nstlib but no common disk; only the caller writes into the folder.
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

from nstlib.experiments.grid import Run, runs, sentence
from nstlib.experiments.workers import go_on, worker_pool
from nstlib.files import atomic_write
from nstlib.images import load_image, save_image
from nstlib.networks import transfer_network
from nstlib.optimize import Stopped
from nstlib.transfer import style_transfer

NOT_DONE = "stopped by the user before it was done"  # the error of a run that an interruption left out
EMPTY_RECORD = {
    "picture": "",
    "losses": {},
    "steps": 0,
    "seconds": 0.0,
    "precision": "",
    "stopped": None,
    "note": "",
    "error": "",
}


@dataclass
class Sweep:
    """The runs of a `sweep`; a notebook shows their table.

    Attributes
    ----------
    records : list of dict, one for each run, the last name of the grid changing fastest: "values" (name -> text, of
        what differs between the runs), "settings", "picture" (its file), "losses" (name -> float, of the picture),
        "steps", "seconds", "precision" (what "auto" came to), "note" (why it ended early) and "error" (why there is no
        picture); "" where there is nothing to say
    painted : how many of them this call painted
    """

    records: list[dict]
    painted: int = 0

    def __repr__(self) -> str:
        failed = sum(bool(record["error"]) for record in self.records)
        there = len(self.records) - failed - self.painted
        return f"{len(self.records)} runs: {self.painted} painted, {there} there before, {failed} without a picture"

    def table(self) -> str:
        """A row for each run, in Markdown: what differs, the losses, the seconds, and the picture's file or why there
        is none.
        """
        names, losses = (
            list(dict.fromkeys(name for record in self.records for name in record[part]))
            for part in ("values", "losses")
        )
        rows = [[*names, *losses, "seconds", "picture"]]
        for record in self.records:
            numbers = [f"{record['losses'][name]:.4g}" if name in record["losses"] else "" for name in losses]
            outcome = f"failed: {record['error']}" if record["error"] else os.path.basename(record["picture"])
            rows.append(
                [
                    *record["values"].values(),
                    *numbers,
                    f"{record['seconds']:.1f}" if record["seconds"] else "",
                    outcome + (f" ({record['note']})" if record["note"] else ""),
                ]
            )
        rows = [[" ".join(text.split()).replace("|", "\\|") for text in row] for row in rows]
        widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
        rows.insert(1, ["-" * width for width in [*widths, 7]])
        return "\n".join("| " + " | ".join([*map(str.ljust, row, widths), row[-1]]) + " |" for row in rows)

    def _repr_markdown_(self) -> str:
        return self.table().replace("&", "&amp;").replace("<", "&lt;")

    def contact_sheet(self, *, columns: int | None = None, height: float = 2.6):
        """A figure of all runs, each titled with what differs; a run without a picture is grey and says why.

        Parameters
        ----------
        columns : pictures in a row; as many as the last name that differs has values where None, but at most 6
        height : of a row, in inches
        """
        from nstlib.plots import show_images  # here, not above: only this needs matplotlib

        if columns is None:
            columns = (
                min(6, len({text for record in self.records for text in list(record["values"].values())[-1:]})) or 1
            )
        tiles, reasons = zip(*map(_tile, self.records), strict=True)
        grey = torch.full(next((tile.shape for tile in tiles if tile is not None), (1, 3, 48, 64)), 0.85)
        figure = show_images([grey if tile is None else tile for tile in tiles], columns=columns, height=height)
        for axis, record, reason in zip(
            figure.axes, self.records, reasons, strict=False
        ):  # $ is no mathematics in the name of a file
            title = "\n".join(textwrap.fill(f"{name} {text}", 36) for name, text in record["values"].items())
            axis.set_title(title, fontsize=9, parse_math=False)
            axis.text(
                0.5,
                0.5,
                textwrap.fill(textwrap.shorten(reason, 180), 36),
                transform=axis.transAxes,
                ha="center",
                va="center",
                fontsize=7,
                parse_math=False,
            )
        return figure


def sweep(
    grid: Mapping[str, Sequence],
    settings: Mapping | None = None,
    *,
    folder: str | os.PathLike,
    executor: Executor | None = None,
    progress: bool = True,
    on_run: Callable[[dict], None] | None = None,
) -> Sweep:
    """Paint every combination of the values in `grid`, each into a file in `folder`.

    A later call with the same folder paints what is missing: runs that an interruption or a failure left out, or new
    values. A run is known again by the contents of its pictures and of the file of "mini", and by all its other
    settings.

    Parameters
    ----------
    grid : name of a parameter of `style_transfer` -> list of values
        "content" and "style" take whatever `load_image` reads, "network" takes names. ("seed" changes nothing but
        init="noise".)
    settings : name -> value, optional
        For all runs. "content" and "style" must be here or in the grid. To compare losses closely, say a "precision":
        "auto" may come to different ones on different workers.
    folder : path
        Gets HASH.png and HASH.json for each run, whole or not at all.
    executor : concurrent.futures.Executor, optional
        Where to paint; it is left open. For a cluster: `dask.distributed.Client(address).get_executor()`, from the
        extra `cluster`. None: processes that are closed at the end; several where there are enough cores for them and
        no GPU. As always with processes, a script must then call this under `if __name__ == "__main__":`.
    progress : bool
        Show a bar of runs.
    on_run : function of a record, optional
        Called with each run that this call paints, as it is done.

    Returns
    -------
    Sweep: `records`, `table()` and `contact_sheet()`. A run that fails, by an error or with its process, is reported
        there and stops no other. Interrupted by KeyboardInterrupt (■ in Jupyter, Ctrl-C in a terminal): the runs that
        are done.

    Raises
    ------
    ValueError: a name that `style_transfer` does not have, a name in both `grid` and `settings`, no list of values, a
    value twice. OSError: there can be no such folder.

    Examples
    --------
    >>> sweep({"seed": [0, 1]}, {"contents": "cat", "style": "gravel"}, folder="unused")
    Traceback (most recent call last):
    ValueError: There is no setting 'contents' of style_transfer to sweep over; did you mean 'content'?
    """
    wanted, folder = runs(grid, settings or {}), Path(os.path.expanduser(folder))

    def record_of(run: Run) -> dict:
        return {**EMPTY_RECORD, **records[run.key], "values": run.values, "settings": run.settings}

    folder.mkdir(parents=True, exist_ok=True)
    records = {run.key: {"error": run.error} if run.error else _found(folder, run.key) for run in wanted}
    missing = {run.key: run for run in wanted if records[run.key] is None}

    def keep(run: Run, outcome: dict) -> None:
        records[run.key] = keep_outcome(folder, run, outcome)
        if on_run:
            on_run(record_of(run))

    with worker_pool() if executor is None else contextlib.nullcontext(executor.submit) as submit:
        _execute(list(missing.values()), submit, keep, progress)
    for key in missing:  # `keep` may itself have been interrupted
        records[key] = records[key] or _found(folder, key) or {"error": NOT_DONE}
    return Sweep([record_of(run) for run in wanted], painted=sum(not records[key]["error"] for key in missing))


def _execute(
    missing: list[Run], submit: Callable[..., Future], keep: Callable[[Run, dict], None], progress: bool
) -> None:
    """Hands each run with its outcome to `keep` as it ends; returns early at a KeyboardInterrupt."""
    futures: dict[Future, Run] = {}
    with tqdm(total=len(missing), desc="runs", disable=not progress) as bar, contextlib.suppress(KeyboardInterrupt):
        try:
            for run in missing:
                try:
                    futures[submit(_paint, run.sent)] = run
                except BrokenExecutor as error:  # by the worker of an earlier run
                    keep(run, {"error": sentence(error)})
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
    """One run, in a worker. An error comes back as text, since not every exception can travel."""
    try:
        pictures = {name: _read(value) for name, value in settings.items()}
        result = style_transfer(
            **{**pictures, "network": network_by_name(settings["network"])}, progress=False, on_step=go_on
        )
    except Exception as error:
        return {"error": sentence(error)}
    if result.stopped in (Stopped.INTERRUPTED, Stopped.REQUESTED):
        return {"error": result.note}
    return {
        "image": result.image.numpy(),
        "losses": result.losses,
        "steps": len(result.history),
        "seconds": result.history[-1]["time"],
        "precision": result.settings["precision"],
        "stopped": result.stopped,
        "note": result.note,
        "error": "",
    }


def _read(value):
    """A picture that has travelled, or several; anything else as it is."""
    if isinstance(value, list):
        return [_read(each) for each in value]
    return load_image(value) if isinstance(value, (bytes, np.ndarray)) else value


@functools.cache
def network_by_name(name: str):
    return transfer_network(name)


def _found(folder: Path, key: str) -> dict | None:
    """The record of a run that is done."""
    picture = folder / f"{key}.png"
    try:
        record = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
        unfinished = record["error"] or record["stopped"] == Stopped.OUT_OF_MEMORY  # another time there may be more
        return {**record, "picture": str(picture)} if not unfinished and picture.is_file() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or not what we wrote
        return None


def keep_outcome(folder: Path, run: Run, outcome: dict) -> dict:
    """Writes the picture, then the record that vouches for it."""
    record, picture = {name: value for name, value in outcome.items() if name != "image"}, folder / f"{run.key}.png"
    try:
        if not record["error"]:
            save_image(load_image(outcome["image"]), picture)
        with atomic_write(picture.with_suffix(".json")) as file:
            file.write_text(json.dumps({**record, "settings": run.settings}, indent=1), encoding="utf-8")
    except OSError as error:
        return {"error": sentence(error)}
    return record if record["error"] else {**record, "picture": str(picture)}


def _tile(record: dict) -> tuple[Tensor | None, str]:
    """A run's picture, small enough for a sheet, or why there is none."""
    try:
        return (None, record["error"]) if record["error"] else (load_image(record["picture"], size=400), "")
    except (OSError, ValueError) as error:
        return None, sentence(error)
