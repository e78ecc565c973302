"""Files that are whole or not there: writing in one step, one process at a time.

filelock is loaded when a lock is wanted: the command line's help comes at once.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to. Its file becomes `path` when the block ends well, and is deleted when
    it does not.

    Another program sees the old file or the new one, never a part. If two write at once, the one that ends last wins.
    OSError, with the reason, where the disk refuses.
    """
    target = path.resolve()  # through a symbolic link, not over it
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())  # on the disk before it gets its name: the power may fail
            os.replace(temporary, target)
        except BaseException:  # KeyboardInterrupt too
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OSError(f"{str(path)!r} could not be written ({error.strerror}); save to another place") from None


@contextlib.contextmanager
def file_lock(file: Path) -> Iterator[None]:
    """While the block runs, no other process is in one for the same `file`: it waits. A lock ends with its process,
    even if that is killed.
    """
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(
            NotImplementedError
        ):  # some network drives have no locks: then both fetch, and the last one wins
            stack.enter_context(lock)
        yield


@contextlib.contextmanager
def sole_use(file: Path) -> Iterator[None]:
    """While the block runs, `file` is in use by this run alone: BlockingIOError, which names the process, where another
    run has it. It need not be there yet. A killed process has nothing any more.
    """
    from filelock import FileLock, Timeout

    path = file.resolve().with_name(f".{file.resolve().name}.lock")
    lock = FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
            path.write_text(str(os.getpid()))
        except (OSError, NotImplementedError) as error:
            if isinstance(error, Timeout) and path.exists():
                raise BlockingIOError(
                    f"{str(file)!r} is in use by {_owner(path)}; wait until that has ended, or give another file"
                ) from None
            # A network drive without locks, or a folder where nothing can be written: whoever writes there says so.
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):
                path.unlink()
            lock.release()


def _owner(lock: Path) -> str:
    try:
        return f"process {int(lock.read_text())}"
    except (OSError, ValueError):  # Windows shows nobody a file that is locked
        return "another process"
