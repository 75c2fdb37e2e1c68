"""Parts of sweeps by themselves, without any run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from comparisons.battery_models import Model, Task, models_as_json, models_from
from comparisons.movies import Source
from comparisons.rate_job import RateJob
from comparisons.sweeps import work
from comparisons.sweeps.conversion import Conversion
from comparisons.sweeps.outcome import Outcome
from comparisons.sweeps.table import over_seeds
from conversion.rate_spec import RatePredNetSpec, Timing
from snn.errors import RunFolderError


def test_both_halves_of_a_conversion_have_its_seed() -> None:
    spec = RatePredNetSpec(rows=8, cols=8, channels=(1, 2), cell="leaky", pooling="average", timing=Timing())
    rate = RateJob(source=Source(frames="photographs", size=8), model=spec)
    made = Conversion(rate=rate, seed=7)
    assert made.rate_job.seed == made.seeded_recipe.seed == 7 and made.rate.seed == 0


def test_failures_are_counted_and_not_averaged() -> None:
    rows = [
        {"eta": 0.1, "seed": s, "status": status, "ratio": r} for s, status, r in ((0, "done", 0.4), (1, "done", 0.6), (2, "failed", 9.0))
    ]
    (row,) = over_seeds(pd.DataFrame(rows), ["eta"], ["ratio"]).rows
    assert row[:2] == ["0.1", "2 of 3"] and row[2].startswith("0.5 [")


@pytest.mark.parametrize(("digest", "whole", "done"), [("d", True, True), ("other", True, False), ("d", False, False)])
def test_a_run_is_done_if_it_is_that_run_and_whole(
    digest: str, whole: bool, done: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(_: Path) -> None:
        if not whole:
            raise RunFolderError("cut short")

    monkeypatch.setattr(work.run_folder, "verify", verify)
    task = work.Task({}, "name", "d", str(tmp_path))
    Outcome(digest, "done", "1", 1.0, {"ratio": 0.5}).write(task.result)
    assert (work.outcome_of(task) is not None) == done


def test_tasks_have_the_seed_of_their_run() -> None:
    """Where runs are missing, the others keep theirs; and so they do when they are written down and read."""
    some, every = Model("some", (Path("a"), Path("c")), seeds=(0, 2)), Model("every", (Path("a"), Path("b")))
    assert [Task(some, k, "").number for k in (0, 1)] == [0, 2] and [Task(every, k, "").number for k in (0, 1)] == [0, 1]
    assert models_from(models_as_json([some, every])) == [some, every]
