"""Processes side by side: what they give, and that they end when the one that began them is stopped."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from comparisons.processes import processes


def work(place: Path, seconds: float) -> str:
    (place / f"begun-{time.monotonic_ns()}").touch()
    time.sleep(seconds)
    (place / f"ended-{time.monotonic_ns()}").touch()
    return place.name


def test_all_is_done(tmp_path: Path) -> None:
    with processes(2) as pool:
        assert [f.result() for f in [pool.submit(work, tmp_path, 0.0) for _ in range(3)]] == [tmp_path.name] * 3
    assert len(list(tmp_path.glob("ended-*"))) == 3 and not multiprocessing.active_children()


@pytest.mark.parametrize("why", [KeyboardInterrupt, ValueError])
def test_what_is_left_is_dropped(why: type[BaseException], tmp_path: Path) -> None:
    """Oracle: the files that six pieces of work, of which two have begun, write at their beginning and end."""
    with pytest.raises(why), processes(2) as pool:
        for _ in range(6):
            pool.submit(work, tmp_path, 60.0)
        while len(list(tmp_path.glob("begun-*"))) < 2:
            time.sleep(0.05)
        raise why
    began = time.monotonic()
    while multiprocessing.active_children() and time.monotonic() - began < 20:
        time.sleep(0.05)
    assert not multiprocessing.active_children()
    assert len(list(tmp_path.glob("begun-*"))) == 2 and not list(tmp_path.glob("ended-*"))
