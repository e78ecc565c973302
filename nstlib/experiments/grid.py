"""The runs of a `nstlib.sweep`: every combination of some settings, each checked, named and ready to be sent to a
worker.
"""

import difflib
import hashlib
import inspect
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nstlib.images import DATA, find_picture, load_image
from nstlib.optimize.checkpoint import fingerprint
from nstlib.transfer import style_transfer

LISTS = ("style", "mask", "style_masks")  # may be one picture or several
NOT_HERE = ("progress", "on_step", "checkpoint")  # parameters of style_transfer that a sweep sets by itself


@dataclass
class Value:
    """A value of a setting."""

    plain: object  # in terms of JSON, to read and to keep
    sent: object  # what a worker gets
    identity: object  # by which a later call knows it again
    error: str = ""  # why it cannot be sent


@dataclass
class Run:
    """One painting: `key` is a hash over the identities of all its settings, `values` says in words what differs
    between the runs.
    """

    values: dict[str, str]
    settings: dict
    sent: dict
    key: str
    error: str


def runs(grid: Mapping[str, Sequence], settings: Mapping) -> list[Run]:
    """Every combination of the values in `grid`, its last name changing fastest; ValueError as `nstlib.sweep` says."""
    known = {
        name: p.default for name, p in inspect.signature(style_transfer).parameters.items() if name not in NOT_HERE
    }
    for name in [*grid, *settings]:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            raise ValueError(
                f"There is no setting {name!r} of style_transfer to sweep over; "
                + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}.")
            )
        if name in grid and name in settings:
            raise ValueError(f"{name!r} is in the grid and in the settings; leave it out of one of them.")
    for name in ("content", "style"):
        if name not in grid and name not in settings:
            raise ValueError(f"There is no picture {name!r}; give one in the settings, or several in the grid.")
    fixed = {name: _value(name, value) for name, value in {**known, **settings}.items() if name not in grid}
    axes = [[(name, *pair) for pair in _values(name, values)] for name, values in grid.items()]
    return [
        _run(
            {name: text for name, _, text in picks if len(grid[name]) > 1},
            {**fixed, **{name: value for name, value, _ in picks}},
        )
        for picks in itertools.product(*axes)
    ]


def sentence(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, BrokenExecutor):
        return (
            "its worker process died: killed, out of memory, or started by a script without "
            '`if __name__ == "__main__":`'
        )
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _run(values: dict[str, str], parts: dict[str, Value]) -> Run:
    identity = json.dumps({name: part.identity for name, part in parts.items()}, sort_keys=True)
    return Run(
        values,
        {name: part.plain for name, part in parts.items()},
        {name: part.sent for name, part in parts.items()},
        hashlib.sha256(identity.encode()).hexdigest()[:16],
        "; ".join(part.error for part in parts.values() if part.error),
    )


def _values(name: str, values: Sequence) -> list[tuple[Value, str]]:
    """The values of one name in the grid, each with a text that no other has: short ones if those are different."""
    if not (
        isinstance(values, (list, tuple, range)) or (isinstance(values, np.ndarray) and values.ndim == 1)
    ) or not len(values):
        raise ValueError(
            f"grid[{name!r}] is {str(values)[:80]!r}; it must be a list of at least one value. (One value for all runs "
            "belongs into the settings.)"
        )
    found = [_value(name, value) for value in values]
    short, whole = ([form(value.plain) for value in found] for form in (_short, str))
    texts = short if len(set(short)) == len(short) else whole
    if twice := [text for text in texts if texts.count(text) > 1]:
        raise ValueError(f"grid[{name!r}] has {twice[0]} twice; leave it out once.")
    return list(zip(found, texts, strict=True))


def _short(value) -> str:
    """A value as a label has it.

    >>> _short(2 / 3), _short(["relu1_1", "relu2_1"]), _short("photos/cat.jpg"), _short(None)
    ('0.6667', 'relu1_1 relu2_1', 'cat', 'None')
    """
    if isinstance(value, list):
        return " ".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else Path(value).stem if isinstance(value, str) else str(value)


def _value(name: str, given) -> Value:
    if name in ("content", *LISTS) or (name == "init" and not isinstance(given, str)):
        if name in LISTS and isinstance(given, (list, tuple)):
            return _several([_picture(each) for each in given])
        return Value(None, None, None) if name in ("mask", "style_masks") and given is None else _picture(given)
    if name == "network":
        return _network(given)
    try:
        plain = json.loads(json.dumps(given, default=lambda item: item.tolist()))
    except (TypeError, ValueError, AttributeError):
        raise ValueError(
            f"{name} is a {type(given).__name__}; a sweep takes what can be kept in a file of settings: numbers, text, "
            "lists of them."
        ) from None
    return Value(plain, plain, plain)


def _several(values: list[Value]) -> Value:
    """A list of them as one value."""
    parts = ([getattr(value, name) for value in values] for name in ("plain", "sent", "identity"))
    return Value(*parts, "; ".join(value.error for value in values if value.error))


def _network(given) -> Value:
    if not (given is None or isinstance(given, str)):
        raise ValueError(
            f"network is a {type(given).__name__}; a sweep takes the name of one, which each worker loads: "
            '"mini", "vgg19".'
        )
    name, weights = given or "mini", DATA / "mini.safetensors"
    changes = name in ("mini", "random") and weights.is_file()  # torchvision's VGG-19 stays as it is
    return Value(name, name, [name, hashlib.sha256(weights.read_bytes()).hexdigest()] if changes else name)


def _picture(source) -> Value:
    """A file travels as it is: it is small, and a cluster need not share it."""
    name = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else ""
    try:
        pixels = load_image(source)  # knows best what may be wrong with it
        if name:
            data = find_picture(name).read_bytes()
            return Value(name, data, hashlib.sha256(data).hexdigest())
        identity = fingerprint(pixels)
        return Value(f"picture {identity[:8]}", pixels.numpy(), identity)
    except (OSError, ValueError) as error:
        return Value(name or f"a {type(source).__name__}", None, name, sentence(error))
