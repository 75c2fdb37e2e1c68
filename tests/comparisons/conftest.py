"""What several tests of comparisons need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@pytest.fixture
def a_worker_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sweep be done by a thread, which sees what a test has put in the place of something."""
    from distributed import Client

    from comparisons.sweeps import running

    @contextmanager
    def connected(*_: object) -> Iterator[Client]:
        with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0") as client:
            yield client

    monkeypatch.setattr(running, "connected", connected)
