"""A sweep as a value: its runs are those that the file says, and what cannot be run is refused before anything begins."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from comparisons.backprop_job import BackpropJob
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.rate_job import RateJob
from comparisons.sweeps.plan import MOST_RUNS, Point, Sweep
from comparisons.sweeps.table import tabulate
from conversion.rate_spec import RatePredNetSpec
from snn.errors import DescriptionError

SOURCE = Source(frames="photographs", size=8, n_movies=4)
JOB = Job(source=SOURCE)
FILE = """
seeds = 2
[run]
kind = "learn"
plan = { passes = 1 }
[run.source]
frames = "photographs"
size = 8
n_movies = 4
[vary]
"plan.eta_start" = [0.2, 0.8]
"tau: level0.error_pos.cell.tau_mem_ms, level0.error_neg.cell.tau_mem_ms" = [1.0, 2.0]
"""


def test_a_file_says_which_runs(tmp_path: Path) -> None:
    """Oracle: by hand: two rates of learning, two time constants of both error populations together, two seeds."""
    (tmp_path / "s.toml").write_text(FILE)
    sweep = Sweep.read(tmp_path / "s.toml")
    points = sweep.points()
    assert sweep.n_runs == len(points) == len({p.name for p in points}) == 8
    first, last = points[0].job, points[-1].job
    assert isinstance(first, Job) and isinstance(last, Job)
    assert (first.plan.eta_start, first.seed, last.plan.eta_start, last.seed) == (0.2, 0, 0.8, 1)
    network = last.network()
    assert network.population("level0.error_pos").cell.tau_mem_ms == network.population("level0.error_neg").cell.tau_mem_ms == 2.0
    assert network == JOB.network().override("level0.error_pos.cell.tau_mem_ms", 2.0).override("level0.error_neg.cell.tau_mem_ms", 2.0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"plan.eta_start" = []', "vary.'plan.eta_start' must be a list of one value or more, such as [0.2, 0.4]; got []"),
        ('"plan.eta_start" = 0.2', "vary.'plan.eta_start' must be a list of one value or more"),
        ('"plan.eta_start" = [0.2, 0.2]', "vary.'plan.eta_start' has a value twice"),
    ],
)
def test_bad_values_are_said_in_the_words_of_the_file(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "s.toml").write_text(FILE.replace('"plan.eta_start" = [0.2, 0.8]', line))
    with pytest.raises(DescriptionError, match=re.escape(words)):
        Sweep.read(tmp_path / "s.toml")


@pytest.mark.parametrize("seeds", ["0", "1000000000", "[]", '"two"'])
def test_a_strange_number_of_seeds_is_refused_at_once(tmp_path: Path, seeds: str) -> None:
    """A thousand million seeds are not even counted up."""
    (tmp_path / "s.toml").write_text(FILE.replace("seeds = 2", f"seeds = {seeds}"))
    with pytest.raises(DescriptionError, match="seeds must be a "):
        Sweep.read(tmp_path / "s.toml")


@pytest.mark.parametrize("ablations", ["[]", '"shared"'])
def test_ablations_are_a_list(tmp_path: Path, ablations: str) -> None:
    (tmp_path / "s.toml").write_text(f"ablations = {ablations}\n{FILE}")
    with pytest.raises(DescriptionError, match="ablations must be a list of one value or more"):
        Sweep.read(tmp_path / "s.toml")


def test_what_is_named_stands_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(FILE)
    table = tabulate(Sweep.read(tmp_path / "s.toml").points(), {})
    assert list(table.columns) == ["run", "plan.eta_start", "tau", "ablation", "seed", "status", "error"]


def test_a_sweep_survives_being_written() -> None:
    sweep = Sweep(run=JOB, vary={"plan.eta_start": (0.1, 0.2)}, seeds=3)  # type: ignore[arg-type]
    again = Sweep(**sweep.model_dump(mode="json"))
    assert again == sweep and [p.digest for p in again.points()] == [p.digest for p in sweep.points()]


def test_settings_that_must_fit_are_set_together() -> None:
    """A rate network and its frames have one size: neither can be changed alone."""
    job = RateJob(source=SOURCE, model=RatePredNetSpec(rows=8, cols=8))
    sweep = Sweep(run=job, vary={"source.size, model.rows, model.cols": (8, 16)})  # type: ignore[arg-type]
    assert [p.job.model.rows for p in sweep.points() if isinstance(p.job, RateJob)] == [8, 16]
    with pytest.raises(DescriptionError, match="makes a run that is refused: model and source differ in size"):
        Sweep(run=job, vary={"source.size": (16,)}).points()  # type: ignore[arg-type]


def test_every_kind_of_run_that_learns_can_be_swept() -> None:
    for job in (JOB, BackpropJob(source=SOURCE), RateJob(source=SOURCE, model=RatePredNetSpec(rows=8, cols=8))):
        assert Sweep(**Sweep(run=job).model_dump(mode="json")).run == job


def test_the_digest_is_of_all_that_determines_a_run() -> None:
    one, other = (Sweep(run=JOB, vary={"plan.eta_start": (x,)}).points()[0] for x in (0.2, 0.3))  # type: ignore[arg-type]
    same = Sweep(run=JOB.model_copy(update={"plan": JOB.plan.model_copy(update={"eta_start": 0.2})})).points()[0]
    assert one.digest != other.digest and one.digest == same.digest


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("plan.eta_strt", 0.1, r"sweep\.vary\.plan\.eta_strt: names no setting of the run; did you mean 'plan\.eta_start'"),
        ("source.sise", 8, "did you mean 'source.size'"),
        ("level0.error_pos.cel.tau_mem_ms", 1.0, "did you mean 'cell'"),
        ("level0.eror_pos.cell.tau_mem_ms", 1.0, r"did you mean 'level0\.error_pos'"),
        ("plam.eta_start", 0.1, r"of the run, did you mean 'plan\.eta_start'"),
        ("source.size", "large", "size: Input should be a valid integer"),
        ("level0.error_pos.cell.tau_mem_ms", -1.0, "tau_mem_ms"),
    ],
)
def test_bad_paths_and_values_are_refused(path: str, value: object, words: str) -> None:
    with pytest.raises(DescriptionError, match=words):
        Sweep(run=JOB, vary={path: (value,)}).points()  # type: ignore[arg-type]


def test_too_many_runs_are_refused_with_their_number() -> None:
    many = {"plan.eta_start": tuple(float(x + 1) for x in range(1000)), "plan.eta_end": tuple(float(x + 1) for x in range(1000))}
    with pytest.raises(DescriptionError, match=f"has 1,000,000,000 runs; allowed: {MOST_RUNS:,} at the most"):
        Sweep(run=JOB, vary=many, seeds=1000).points()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"vary": {"plan.eta_start": []}}, "must be a list of one value or more"),
        ({"vary": {"a: plan.eta_start": [1.0], "plan.eta_start": [2.0]}}, "names something twice"),
        ({"vary": {"a: plan.eta_start": [1.0], "a: plan.eta_end": [2.0]}}, "names something twice"),
        ({"vary": {"ratio: plan.eta_start": [1.0]}}, "'ratio' is a column of every table"),
        ({"vary": {"seed": [1]}}, "list the seeds under 'seeds'"),
        ({"seeds": [1, 1]}, "names something twice"),
        ({"seeds": []}, "must be a list of one value or more"),
        ({"run": {"kind": "lern", "source": SOURCE.model_dump()}}, "did you mean 'learn'"),
        ({"run": JOB.model_copy(update={"seed": 3})}, "run.seed"),
        ({"vari": {}}, "there is no field 'vari'; did you mean 'vary'"),
    ],
)
def test_bad_sweeps_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Sweep(**{"run": JOB, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "words"), [("seeds = ", "is not a sweep"), ("seeds = 2", "run: Field required")])
def test_bad_files_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(DescriptionError, match=words):
        Sweep.read(tmp_path / "s.toml")
    with pytest.raises(DescriptionError, match="cannot be read"):
        Sweep.read(tmp_path / "none.toml")


def test_what_is_the_same_run_is_there_once() -> None:
    """As where 1 and 1.0 are listed, or samples of a short list repeat: two rows of one run would look like two seeds."""
    assert len(Sweep(run=JOB, vary={"plan.eta_start": (1, 1.0)}).points()) == 1  # type: ignore[arg-type]
    sampled = Sweep(run=JOB, vary={"plan.passes": (1, 2)}, design="random", n=10)  # type: ignore[arg-type]
    assert len(sampled.points()) == 2


def test_columns_of_several_kinds_become_text() -> None:
    sweep = Sweep(run=JOB, vary={"a: plan.warm_up": (1, 2)}, seeds=2)  # type: ignore[arg-type]
    first, *rest = sweep.points()
    mixed = [Point(first.job, {"a: x": "one", "b: y": None, "c: z": True}), Point(first.job, {"a: x": 2, "b: y": 0.5, "c: z": 1.0})]
    table = tabulate(mixed, {})
    assert list(table["a"]) == ["one", "2"] and list(table["c"]) == ["True", "1.0"] and table["b"].isna().tolist() == [True, False]
    table.to_parquet(io.BytesIO(), engine="pyarrow")
    assert list(tabulate([first, *rest], {})["a"]) == [1, 1, 2, 2]
