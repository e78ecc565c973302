"""What the commands share: their options, messages of one line, and how they are called on this system."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

#: Of the parameters of `style_transfer` that are options. They stand here too so that help needs no PyTorch;
#: tests/unit/test_cli.py holds the two together.
DEFAULTS = {
    "size": 384,
    "init": "content",
    "seed": 0,
    "edges": "mirror",
    "content_weight": 0.005,
    "style_weight": 1,
    "tv_weight": 0,
    "content_layers": ("relu3_2",),
    "style_layers": ("relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu3_4"),
    "layer_weights": None,
    "scales": None,
    "style_loss": "gram",
    "style_weights": None,
    "style_mix": "losses",
    "style_scale": 1,
    "mask": None,
    "style_masks": None,
    "keep_colors": None,
    "steps": 140,
    "method": "lbfgs",
    "learning_rate": None,
    "coarse_to_fine": True,
    "precision": "auto",
}


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that tells the defaults of `style_transfer`: an option that is not given is not passed on."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=28)

    def _get_help_string(self, action: argparse.Action) -> str:
        default = DEFAULTS.get(action.dest) if action.default is argparse.SUPPRESS else None
        shown = ",".join(default) if isinstance(default, tuple) else default
        return (action.help or "") + ("" if default is None or default is True else f" (default: {shown})")


def transfer_defaults() -> dict:
    """Name -> default of each parameter of `style_transfer` that is an option."""
    return DEFAULTS


def command(commands, name: str, run: Callable, text: str, **more) -> argparse.ArgumentParser:
    """A new command, which calls `run(options)`."""
    added = commands.add_parser(name, help=text, description=text, formatter_class=Help, **more)
    added.set_defaults(run=run)
    return added


def add_option(parser, name: str, help: str, **more) -> None:
    """An option that is a parameter of `style_transfer`; left out of the result where it is not given."""
    parser.add_argument(name, help=help, default=argparse.SUPPRESS, **more)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def size_or_own(text: str) -> int | None:
    return None if text == "own" else positive(text)


def path(text: str) -> Path:
    """A path; ~ is the user's home, also where the shell leaves it to us (-o"~/a.png")."""
    return Path(os.path.expanduser(text))


def names(text: str) -> list[str]:
    """Names with commas or spaces between them.

    >>> names("relu1_1, relu2_1")
    ['relu1_1', 'relu2_1']
    """
    return text.replace(",", " ").split()


def numbers(text: str) -> list[float]:
    """Numbers with commas or spaces between them.

    >>> numbers("2,1")
    [2.0, 1.0]
    """
    found = weights(text)
    if isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{text!r} has names; wanted numbers alone (2,1)")
    return found


def weights(text: str) -> list[float] | dict[str, float]:
    """Numbers, or numbers by name.

    >>> weights("1,0.5"), weights("relu1_1=1,relu2_1=0.5")
    ([1.0, 0.5], {'relu1_1': 1.0, 'relu2_1': 0.5})
    """
    parts = [part.split("=") for part in names(text)]
    try:
        if "=" in text:
            return {name: float(number) for name, number in parts}
        return [float(number) for (number,) in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither numbers (1,0.5,…) nor numbers by name (relu1_1=1,relu2_1=0.5,…)"
        ) from None


def one_line(error: Exception | Warning) -> str:
    text = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


def called_as() -> str:
    """What to type here instead of `nstlib`, where that is not on the path: `python3 start.py`, for example."""
    if called := os.environ.get("NSTLIB_CALLED_AS"):  # by start.py
        return called
    script = shutil.which("nstlib")
    if script and Path(script).parent.samefile(Path(sys.executable).parent):
        return "nstlib"
    return f"{shlex.quote(sys.executable)} -m nstlib"


def what_next() -> str:
    """The last lines of the demo: what works on this system."""
    called, checkout = called_as(), Path(__file__).resolve().parents[2]
    lessons = f"{called} lab" if "start.py" in called else f"jupyter lab {shlex.quote(str(checkout / 'notebooks'))}"
    lines = f"Next: your own pictures with  {called} transfer PHOTO PAINTING -o OUT.png\n"
    lines += f"      (pictures by name:      {called} pictures)"
    return lines + (f"\n      or the lessons with     {lessons}" if (checkout / "notebooks").is_dir() else "")
