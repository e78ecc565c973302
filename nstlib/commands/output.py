"""What a command says and saves, so that neither a closed terminal nor a full disk costs a picture."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from nstlib.files import atomic_write

OTHER = {"stdout": "stderr", "stderr": "stdout"}


def tell(*lines: str, to: str = "stdout") -> None:
    """Prints the lines to sys.stdout or sys.stderr. Where that is full or nobody reads it any more, they and all that
    follows go to the other one, and where that is so too, nowhere.
    """
    for name, other in ((to, OTHER[to]), (OTHER[to], to)):
        try:
            print("\n".join(lines), file=getattr(sys, name), flush=True)
            return
        except (OSError, ValueError):  # ValueError: closed by this program itself
            silence(name)
            setattr(sys, name, getattr(sys, other))


def plain_lines(steps: int):
    """An `on_step` that prints a line for each tenth of the steps: for log files and consoles where a bar would be
    rubbish.
    """

    def line(step, image, losses) -> None:
        if step == 1 or step == steps or step % max(1, steps // 10) == 0:
            with contextlib.suppress(OSError, ValueError):  # nobody reads it any more: the painting goes on
                print(f"step {step} of {steps}: " + ", ".join(f"{k} {v:.4g}" for k, v in losses.items()), flush=True)

    return line


def silence(name: str) -> None:
    """Throws away what is still in the buffer of sys.stdout or sys.stderr, which else fails again when Python ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), getattr(sys, name).fileno())


def check_place(path: Path) -> None:
    """OSError or ValueError, before anything is painted, where `path` could not be written."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file in it, or move it away")
    if not path.parent.is_dir():
        raise OSError(f"there is no folder {path.parent} to write {path.name} into; make it first")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        reason = f"nothing can be written into the folder {path.parent} ({error.strerror}); use another one"
        raise OSError(reason) from None


def keep(data: bytes, path: Path) -> str:
    """Writes a file, and returns how to report it: its path, and whether it took the place of an older one.

    OSError where the disk refuses. The message says where the file is instead: in the temporary folder.
    """
    replaced = path.exists()
    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise OSError(f"{error}; {_rescue(data, path.name)}") from None
    return f"{path} (in place of an older one)" if replaced else str(path)


def keep_result(result, path: Path) -> str:
    """`keep` for a `Result`. Where it was stopped before a step had lowered its loss, its picture is the one that it
    began with, and nothing is written: KeyboardInterrupt where the user stopped it, else ValueError.
    """
    from nstlib.images.writing import encode
    from nstlib.optimize import Stopped

    if result.stopped and not result.fell:
        if result.stopped is Stopped.INTERRUPTED:
            raise KeyboardInterrupt
        raise ValueError(f"{result.note}, and none of them had lowered the loss; {path} is not written")
    return keep(encode(result.image, path), path)


def exit_status(result) -> int:
    """0 for a run that went to its end, 130 for one that the user stopped, 1 for one that failed on the way."""
    from nstlib.optimize import Stopped

    return {None: 0, Stopped.INTERRUPTED: 130}.get(result.stopped, 1)


def _rescue(data: bytes, name: str) -> str:
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="nstlib_"))
        (folder / name).write_bytes(data)
        return f"it is kept as {folder / name}"
    except OSError as error:
        if folder:
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
                folder.rmdir()
        return f"nor into the temporary folder {tempfile.gettempdir()} ({error.strerror})"
