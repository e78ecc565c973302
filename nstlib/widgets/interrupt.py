"""Jupyter's Interrupt (■) stops live runs too."""

from IPython import get_ipython

from nstlib.widgets.painter import stop_all


def heed_interrupt() -> None:
    """From now on Interrupt stops whatever paints, while a cell runs and while none does. Called from a cell or from a
    widget's callback; without effect outside a Jupyter kernel.

    A run has a thread of its own, and Interrupt is a signal for the main thread. ipykernel raises KeyboardInterrupt
    there while it answers a message, and ignores the signal between two messages: it then has the handler back that it
    found before the first, and keeps it in `saved_sigint_handler` meanwhile.
    """
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if not hasattr(kernel, "saved_sigint_handler"):
        return
    kernel.saved_sigint_handler = _between_cells
    shell.events.register("post_run_cell", _after_a_cell)  # a second time is none


def _between_cells(*_) -> None:
    stop_all(timeout=0)


def _after_a_cell(result) -> None:
    if isinstance(result.error_in_exec, KeyboardInterrupt):
        stop_all(timeout=0)
