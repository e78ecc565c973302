"""The command line: `nstlib transfer | demo | pictures | fetch | doctor` (also `python -m nstlib`).

Exit status: 0 done, 1 failed (one line says why), 2 wrong usage, 130 stopped: by Ctrl-C, a closed window or SIGTERM. A
painting that is stopped is saved as it is.
"""

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
import warnings

from nstlib.commands import demo, doctor, pictures, transfer
from nstlib.commands.options import one_line


def main(arguments: list[str] | None = None) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a console that has no α, or a file name that is no text
    # What it says of a broken picture, load_image says better
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with _stopped_like_ctrl_c(), warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: print(f"nstlib: {one_line(message)}", file=sys.stderr)
        try:
            options = _parser().parse_args(arguments)
            return options.run(options) or 0
        except KeyboardInterrupt:
            print("nstlib: stopped before there was anything to save", file=sys.stderr)
            return 130
        except BrokenPipeError:  # nstlib pictures | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (
            ValueError,
            OSError,
            MemoryError,
            ImportError,
        ) as error:  # FileNotFoundError and ConnectionError are OSErrors
            print(f"nstlib: {one_line(error)}", file=sys.stderr)
        except RuntimeError as error:
            from nstlib.optimize.memory import is_out_of_memory

            if not is_out_of_memory(error):
                raise
            print("nstlib: out of memory; try a smaller --size", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _stopped_like_ctrl_c():
    """A request to end (SIGTERM) and a closed terminal (SIGHUP) do what Ctrl-C does; one that is ignored (nohup) stays
    so.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may set handlers
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nstlib",
        description="Paint a photograph in the manner of a painting (Gatys, Ecker and Bethge, CVPR 2016).",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (transfer, demo, pictures, doctor):
        module.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
