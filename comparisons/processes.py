"""Several processes side by side that end when the one that began them is stopped."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool; what is not done when an error or Ctrl-C comes is dropped at once, running or not.

    Work that is dropped must be able to go on from what it has written.

    Parameters
    ----------
    workers : int

    Yields
    ------
    ProcessPoolExecutor
    """
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_at_once)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # What has been handed to a worker can no longer be cancelled.
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    pool.shutdown()


def _end_at_once() -> None:
    """Let Ctrl-C end a worker, in place of the one piece of work that it is at."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
