"""Options whose defaults are those of `style_transfer`, and messages of one line."""

import argparse
import inspect
from collections.abc import Callable


class Defaults(argparse.HelpFormatter):
    """Help that tells the defaults of `style_transfer`: an option that is not given is not passed on."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        default = (
            transfer_defaults().get(action.dest)
            if action.default is argparse.SUPPRESS and action.option_strings
            else None
        )
        return text if default is None or action.dest == "help" else f"{text} (default: {default})"


def transfer_defaults() -> dict:
    """Name -> default of each parameter of `style_transfer`."""
    import nstlib

    parameters = inspect.signature(nstlib.transfer.style_transfer).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def command(commands, name: str, run: Callable, text: str) -> argparse.ArgumentParser:
    """A new command, which calls `run(options)`."""
    added = commands.add_parser(name, help=text, description=text, formatter_class=Defaults)
    added.set_defaults(run=run)
    return added


def add_option(parser: argparse.ArgumentParser, name: str, help: str, **more) -> None:
    """An option that is a parameter of `style_transfer`; left out of the result where it is not given."""
    parser.add_argument(name, help=help, default=argparse.SUPPRESS, **more)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def one_line(error: Exception | Warning) -> str:
    text = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())
