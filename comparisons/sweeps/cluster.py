"""Where the runs of a sweep are done: workers of Dask, on this machine or on a cluster that is there already."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from snn.errors import EngineError, RunFolderError, sentence

if TYPE_CHECKING:
    from distributed import Client

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""One each: workers side by side would fight over the cores otherwise, which costs far more than threads gain."""
PATIENCE_S = 30.0
"""For which a scheduler is waited for."""


@contextmanager
def connected(workers: int, scheduler: str | None = None) -> Iterator[Client]:
    """Open workers.

    Parameters
    ----------
    workers : int
        Processes on this machine, where no scheduler is given.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    Client

    Raises
    ------
    EngineError
        If there is no scheduler at the address.
    """
    import dask
    from distributed import Client, LocalCluster

    # A worker that is lost is news for the table, not for the terminal.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=PATIENCE_S)
        except (OSError, TimeoutError, ValueError) as error:
            cure = "start one with `dask scheduler`, or leave out --scheduler to use this machine"
            raise EngineError(sentence("--scheduler", "there is no Dask scheduler", got=scheduler, cure=cure)) from error
        with client:
            yield client
        return
    # Workers that are stopped in the middle have nothing to tell either.
    environment = dict.fromkeys(THREADS, "1") | {"DASK_LOGGING__DISTRIBUTED": "critical"}
    pinned = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in environment.items()}
    with dask.config.set(pinned), ExitStack() as open_:
        with _deaf_to_interrupts():
            cluster = open_.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"))
        yield open_.enter_context(Client(cluster))


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that leave it to this one what to do when the user presses Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def refuse_starting_worker() -> None:
    """Raise where a script begins a sweep while a worker reads it to start: it would begin again in every worker.

    Raises
    ------
    EngineError
        Saying what the script lacks.
    """
    if getattr(current_process(), "_inheriting", False):
        cure = 'put what begins it under `if __name__ == "__main__":`, since every worker reads the script when it starts'
        raise EngineError(sentence("sweep", "was begun by a worker that is just starting", cure=cure))


def check_shared(client: Client, out: Path) -> None:
    """Raise where a worker does not see the folder of the sweep, as on another machine without a common file system.

    Parameters
    ----------
    client : Client
    out : Path

    Raises
    ------
    RunFolderError
        Naming the workers.
    """
    token = out / f".{uuid4().hex}"
    token.touch()
    try:
        seen = client.run(_sees, str(token.resolve()))
    finally:
        token.unlink()
    blind: Sequence[str] = [worker for worker, sees in seen.items() if not sees]
    if blind:
        cure = "give an --out on a file system that all of them share"
        raise RunFolderError(sentence(str(out), "is not seen by every worker", got=blind[:5], cure=cure))


def _sees(path: str) -> bool:
    return Path(path).exists()
