"""Several seeds of the circuit, with tiny numbers: its table, its scores, and what it does with runs that are there already."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from comparisons import seeds
from comparisons.evaluation import pooled_ratio
from comparisons.making import learned
from comparisons.run_folder import partial_of, verify
from comparisons.seeds import jobs, run_and_score, run_seeds, tabulate
from snn.errors import StateError


def clip(model: float, copy: float, n: int, bar: float = 0.5) -> dict[str, float]:
    return {
        "mse_model": model,
        "mse_copy_last": copy,
        "mse_gated_shift": bar,
        "mse_one_frame": bar,
        "frames_scored": n,
        "spikes_per_frame": 512,
    }


def test_jobs_are_alike_but_for_cells_seed_and_number() -> None:
    found = jobs(2, 100)
    assert list(found) == ["spiking-0", "rate-0", "spiking-1", "rate-1"]
    assert {name: (j.cells, j.seed, j.source.n_movies) for name, j in found.items()} == {
        **{f"spiking-{s}": ("spiking", s, 100) for s in (0, 1)},
        **{f"rate-{s}": ("rate", s, 25) for s in (0, 1)},
    }


def test_ratio_pools_over_frames() -> None:
    """Ten frames at 0.2 of 1 and thirty at 0.6 of 2: 20 of 70."""
    assert pooled_ratio({"a": clip(0.2, 1.0, 10), "b": clip(0.6, 2.0, 30)}) == pytest.approx(20 / 70)


def test_table_of_made_up_scores() -> None:
    row = {test: {"a": clip(0.25, 1.0, 10)} for test in seeds.TESTS}
    lines = tabulate({"spiking-0": row, "rate-0": row}, Path("out")).splitlines()
    assert len(lines) == 2 + 2 * len(seeds.TESTS) + 1
    for line in lines[2:-1]:
        assert line.split()[-5:] == ["0.250", "0.250", "0.500", "0.500", "-" if " rate " in line else "2.0"]


@pytest.mark.slow
def test_seeds(tmp_path: Path) -> None:
    """Learned and scored once; the second call uses what is there, and a third with other numbers refuses to."""
    out = tmp_path / "seeds"
    printed = run_seeds(out, seeds=1, n_movies=4, workers=1)
    lines = printed.splitlines()
    kinds = [(test, cells) for test in seeds.TESTS for cells in ("spiking", "rate")]
    for line, (test, cells) in zip(lines[2:-1], kinds, strict=True):
        assert line.startswith(test) and line[len(test) :].split()[0] == cells
        assert all(0 < float(x) < 100 for x in line.split()[-5:] if x != "-" or cells == "spiking")
    saved = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert set(saved) == {"spiking-0", "rate-0"} and set(saved["rate-0"]) == set(seeds.TESTS)
    assert f"{pooled_ratio(saved['spiking-0']['1 px']):.3f}" in lines[2]
    for name in saved:
        verify(out / name)
        assert not partial_of(out / name).exists()
        assert (out / name / "figures" / "strip.png").is_file()
    stamps = {p: p.stat().st_mtime_ns for name in saved for p in (out / name).rglob("*")}
    assert run_seeds(out, seeds=1, n_movies=4, workers=1) == printed
    assert {p: p.stat().st_mtime_ns for name in saved for p in (out / name).rglob("*")} == stamps
    with pytest.raises(StateError, match="other settings"):
        run_seeds(out, seeds=1, n_movies=5, workers=1)


def test_a_run_of_other_settings_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "TESTS", {"1 px": (1.0, 1.0)})
    monkeypatch.setattr(seeds, "TEST_MOVIES", 2)
    monkeypatch.setattr(seeds, "learned", partial(learned, figures=False))
    small = {name: job.model_copy(update={"source": job.source.model_copy(update={"size": 8})}) for name, job in jobs(1, 2).items()}
    first = run_and_score(small["spiking-0"], tmp_path / "run")
    assert set(first) == {"1 px"} and sum(c["frames_scored"] for c in first["1 px"].values()) == 14
    assert run_and_score(small["spiking-0"], tmp_path / "run") == first
    other = jobs(1, 3)["spiking-0"]
    with pytest.raises(StateError, match="other settings; choose another --out"):
        run_and_score(other, tmp_path / "run")
