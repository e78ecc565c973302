"""Files that are whole or not there: writing in one stroke, fetching one at a time, fingerprints."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to. Its file becomes `path` when the block ends well, and vanishes when it does not.

    Another program sees the old file or the new one, never a part; of two that write at once, the one that ends last wins.
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
def one_at_a_time(file: Path) -> Iterator[None]:
    """While the block runs, no other process is in one for the same `file`; it waits. A lock ends with its process, however that ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(NotImplementedError):  # some network drives know no locks: then both fetch, and the last one wins
            stack.enter_context(lock)
        yield


def sha256(file: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
