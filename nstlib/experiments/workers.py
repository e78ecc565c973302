"""Worker processes of our own for `nstlib.sweep`: few, so that they do not take each other's cores. Each dies alone,
and none outlives its parent.

A `ProcessPoolExecutor` with several processes is broken for all its tasks when one process is killed, by the system for
lack of memory, say. Here each process is a pool by itself, so that exactly the task that it was working at is lost.
"""

import contextlib
import functools
import multiprocessing
import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import torch

from nstlib.networks import default_device

PROCESSES = 4  # at most: each needs the memory of a whole painting

_stop = None  # in a worker: memory shared with its parent, 1 when all shall end


def shares() -> tuple[int, int]:
    """(processes, threads in each): together no more threads than PyTorch would take here; one process where there is a
    GPU.

    Processes before threads: threads wait for each other in every layer, and long if another program takes a core from
    one of them.
    """
    cores = torch.get_num_threads()
    processes = min(cores, PROCESSES) if default_device().type == "cpu" else 1
    return processes, cores // processes


@contextlib.contextmanager
def worker_pool() -> Iterator[Callable[..., Future]]:
    """A function like `Executor.submit`. Leaving the block drops what has not begun, and ends what has (`go_on`)."""
    if getattr(
        multiprocessing.current_process(), "_inheriting", False
    ):  # before it comes to processes that start processes
        raise RuntimeError(
            "A worker process is importing this script and has met sweep(...) in it; put that call under "
            '`if __name__ == "__main__":`, or give an executor.'
        )
    context, free = multiprocessing.get_context("spawn"), queue.SimpleQueue()
    stop, (processes, threads) = context.RawValue("b", 0), shares()

    def new() -> ProcessPoolExecutor:  # it starts its process with its first task
        return ProcessPoolExecutor(1, context, _prepare, (threads, stop))

    def run(task: Callable, *args):
        pool = free.get()
        try:
            return pool.submit(task, *args).result()
        except BrokenProcessPool:
            pool.shutdown()
            pool = new()
            raise
        finally:
            free.put(pool)

    for _ in range(processes):
        free.put(new())
    with ThreadPoolExecutor(processes, initializer=_block_interrupts) as waiting:
        try:
            yield functools.partial(waiting.submit, run)
        finally:
            stop.value = 1
            waiting.shutdown(cancel_futures=True)
            while not free.empty():
                free.get().shutdown()


def go_on(step, image, losses) -> bool:
    """An `on_step` for a worker: False when its parent wants the run to end."""
    return not (_stop is not None and _stop.value)


def _block_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; what it means for a worker, its parent says. A process inherits this
    from its thread.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _prepare(threads: int, stop) -> None:
    """In a new process."""
    global _stop
    _stop = stop
    torch.set_num_threads(threads)
    warnings.showwarning = lambda message, *_: print(f"nstlib: {message}", file=sys.stderr)
    warnings.filterwarnings("ignore", r"this picture \(bytes\)")  # said already, with the name of its file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows it was not inherited
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()  # also where it was killed and could tell nobody
    os._exit(1)
