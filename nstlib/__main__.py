"""The command line: `nstlib transfer | demo | pictures | fetch | doctor` (also `python -m nstlib`).

Exit status: 0 done, 1 failed (one line says why), 2 wrong usage, 130 stopped: by Ctrl-C, a closed window or SIGTERM. A
painting that is stopped is saved as it is.
"""

# Only what Python has loaded by itself: Ctrl-C before `main` has begun would be a traceback.
import errno
import os
import signal
import sys
import time

PATIENCE = 3  # seconds in which another Ctrl-C is taken for the same: a picture is being saved
STOPPED = "stopped before there was anything to save"
LOST = (errno.EPIPE, errno.ENOSPC, errno.EIO)  # standard output's: a closed pipe, a full disk, a terminal that is gone


def main(arguments: list[str] | None = None) -> int:
    streams, handlers, nowhere = (sys.stdout, sys.stderr), handle_signals(), None
    try:
        nowhere = _open_streams()
        return _main(arguments)
    finally:
        sys.stdout, sys.stderr = streams
        if nowhere:
            nowhere.close()
        for number, handler in handlers.items():  # in a process of its own there is nothing left to stop
            signal.signal(number, signal.SIG_IGN if arguments is None else handler)


def _main(arguments: list[str] | None) -> int:
    import logging
    import warnings

    from nstlib.commands.options import one_line
    from nstlib.commands.output import tell

    # What it says of a broken picture, load_image says better
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *_: tell(f"nstlib: {one_line(message)}", to="stderr")
        try:
            code = _run(arguments)
        except SystemExit as end:  # help, or wrong usage
            code = end
        try:
            sys.stdout.flush()
        except OSError as error:
            code = _output_lost(error)
    if isinstance(code, SystemExit):
        raise code
    return code


def _run(arguments: list[str] | None) -> int:
    """The exit status of the command."""
    from nstlib.commands.options import one_line
    from nstlib.commands.output import tell
    from nstlib.machine import check_room, is_out_of_memory, pytorch_error

    try:
        options = _parser().parse_args(arguments)
        if "torch" not in sys.modules:
            check_room()
        return options.run(options) or 0
    except KeyboardInterrupt as stop:  # a download says what it was doing
        tell(f"nstlib: {f'stopped {stop}' if str(stop) else STOPPED}", to="stderr")
        return 130
    except (ValueError, OSError, ImportError) as error:  # FileNotFoundError and ConnectionError are OSErrors
        if isinstance(error, OSError) and error.errno in LOST and error.filename is None:
            return _output_lost(error)
        if _of_loading(error):
            error = pytorch_error(error) or error
        tell(f"nstlib: {one_line(error)}", to="stderr")
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        said = one_line(error) if isinstance(error, MemoryError) else ""
        tell(f"nstlib: {said or 'out of memory; try a smaller --size'}", to="stderr")
    return 1


def _of_loading(error: Exception) -> bool:
    """Whether it came from an import that `nstlib.__getattr__` has not explained."""
    trace, places = error.__traceback__, set()
    while trace:
        places.add(trace.tb_frame.f_globals.get("__name__"))
        trace = trace.tb_next
    return not error.__cause__ and (isinstance(error, ImportError) or "torch" in places)


def _output_lost(error: OSError) -> int:
    from nstlib.commands.output import silence, tell

    silence("stdout")
    if error.errno != errno.EPIPE:  # nstlib pictures | head: that reader has what it wanted
        tell(f"nstlib: not all of the output could be written ({error.strerror})", to="stderr")
    return 1


def _open_streams():
    """Where standard output or standard error is closed (cron, pythonw, `2>&-`), the other one takes its lines, and
    nothing that is opened later gets its number. Where both are, a file that takes them to nowhere, to be closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    nowhere = None if sys.stdout or sys.stderr else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stdout, sys.stderr = sys.stdout or sys.stderr or nowhere, sys.stderr or sys.stdout or nowhere
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that has no α, or a file name that is no text
    return nowhere


def handle_signals() -> dict:
    """A request to end (SIGTERM) and a closed terminal (SIGHUP) do what Ctrl-C does; one that is ignored (nohup) stays
    so. Number -> handler before.
    """
    last = None

    def stop(number, frame) -> None:
        nonlocal last
        if not hasattr(sys.modules.get("nstlib.images"), "load_image"):  # nothing is begun, PyTorch is being loaded
            try:
                os.write(2, f"nstlib: {STOPPED}\n".encode())
            finally:
                os._exit(130)
        now, before = time.monotonic(), last
        if before is None or now - before > PATIENCE:
            last = now
            raise KeyboardInterrupt

    handlers = {}
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                handlers[number] = signal.signal(number, stop)
    except ValueError:  # only the main thread may
        pass
    return handlers


def _parser():
    import argparse

    import nstlib
    from nstlib.commands import demo, doctor, pictures, transfer

    parser = argparse.ArgumentParser(
        prog="nstlib",
        description="Paint a photograph in the manner of a painting (Gatys, Ecker and Bethge, CVPR 2016).",
    )
    parser.add_argument("--version", action="version", version=f"nstlib {nstlib.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (transfer, demo, pictures, doctor):
        module.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
