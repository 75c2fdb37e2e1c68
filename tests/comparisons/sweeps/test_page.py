"""The page of a sweep: every setting a line, what failed named, nothing undefined drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comparisons.figure_sweep import _axis, parallel_svg
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.statistics import short
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.sweep_page import varied_of, write_sweep

SWEEP = Sweep(
    run=Job(source=Source(frames="photographs", size=16, n_movies=4)),
    vary={"eta: plan.eta_start": (0.1, 0.2)},  # type: ignore[arg-type]
    ablations=("none", "shared"),
    seeds=2,  # type: ignore[arg-type]
)


def table() -> pd.DataFrame:
    rows = []
    for eta in (0.1, 0.2):
        for ablation in ("none", "shared"):
            for seed in (0, 1):
                ratio = eta + 0.01 * seed + (0.1 if ablation == "shared" else 0.0)
                about = {"run": f"r{len(rows)}", "eta": eta, "ablation": ablation, "seed": seed}
                rows.append({**about, "status": "done", "error": "", "version": "1", "ratio": ratio, "spikes_per_frame": 1e4 * eta})
    rows[-1] |= {"status": "failed", "error": "it <blew> up", "ratio": np.nan}
    return pd.DataFrame(rows)


def test_the_page(tmp_path: Path) -> None:
    """Numbers by hand: the mean of two seeds, the difference of a pair, the error of what failed, with its signs escaped."""
    page = write_sweep(SWEEP, table(), tmp_path).read_text()
    assert "8 runs, 7 done, 1 failed; 2 seeds." in page
    assert page.count("<svg") == 1 and "0.105" in page
    assert "<td>shared</td><td>3</td>" in page and "it &lt;blew&gt; up" in page
    assert varied_of(SWEEP) == ["eta", "ablation"]


def test_a_sweep_without_results_has_a_page(tmp_path: Path) -> None:
    waiting = table()[["run", "eta", "ablation", "seed"]].assign(status="waiting", error="")
    page = write_sweep(SWEEP, waiting, tmp_path).read_text()
    assert "0 done" in page and "<svg" not in page


def test_every_setting_is_a_line() -> None:
    """Oracle: three settings are done in some seed, the fourth too: four lines beside those of four axes."""
    drawn = parallel_svg(table(), ["eta", "ablation"], ["ratio", "spikes_per_frame"])
    assert "4 settings over eta, ablation, ratio, spikes_per_frame" in drawn
    assert parallel_svg(table().assign(status="failed"), ["eta"], ["ratio"]) == ""


def test_axes() -> None:
    """Oracle: by hand: ends at 4 % of the height, by the logarithm where numbers span more than ten, words one above the other."""
    heights, ticks = _axis([1.0, 2.0, 3.0])
    assert heights == pytest.approx([0.04, 0.5, 0.96]) and [t for _, t in ticks] == ["1", "2", "3"]
    assert _axis([1.0, 10.0, 100.0])[0] == pytest.approx([0.04, 0.5, 0.96])
    assert _axis(["a", "b"])[0] == [0.25, 0.75]
    assert _axis([2.0, 2.0])[0] == [0.5, 0.5]
    assert len(_axis([0.0, 0.001, 1.0])[1]) == 2, "marks that would lie over each other are left out"


def test_numbers_are_short() -> None:
    assert [short(x) for x in (0.41273, 42.13, 999.6, 32_812.0, 1.2e12)] == ["0.413", "42.1", "1,000", "32,800", "1.2e+12"]
