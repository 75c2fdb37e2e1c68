"""A converted run as a subject: its untrained control is the conversion of its rate model as it was born."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from comparisons import run_folder
from comparisons.converting import calibration, convert_run, settling
from comparisons.inspection import RateRun, load_run
from comparisons.making import converted
from comparisons.movies import Source
from comparisons.phenomena.balance import Balance
from comparisons.rate_job import WEIGHTS, RateJob
from comparisons.responders.circuit import CircuitResponder
from comparisons.running import run_job
from comparisons.subjects import digest_of, open_subject
from conversion.backprop_plan import BackpropPlan
from conversion.model_files import load_model, save_model
from conversion.pipeline import convert
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.recipe import Recipe
from conversion.timed_prednet import rate_model
from snn.errors import ConversionError, StateError, SubjectError

RECIPE = Recipe(copies=2, dead="keep", calibration_frames=8, seed=3)


def change(run: Path, how: Callable[[str, Tensor], Tensor]) -> None:
    """Change the weights of a run, and write its manifest anew."""
    model, _ = load_model(run / WEIGHTS)
    model.load_state_dict({name: how(name, x) for name, x in model.state_dict().items()})
    save_model(run / WEIGHTS, model)
    partial = run_folder.partial_of(run)
    run.rename(partial)
    (partial / run_folder.MANIFEST).unlink()
    run_folder.finish(partial, run)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    timing = Timing(step_ms=25.0, tau_syn_ms=20.0)
    spec = RatePredNetSpec(rows=8, cols=8, channels=(1, 2), r_channels=(2, 2), cell="leaky", pooling="average", timing=timing)
    source = Source(frames="photographs", size=8, n_movies=4, n_frames=6)
    job = RateJob(source=source, model=spec, plan=BackpropPlan(updates=3, batch=2, n_frames=6, lr=0.02), seed=5)
    run_job(job, folder / "rate", figures=False)
    # Predictions that are everywhere, so that the trained network, other than at birth, has no silent population.
    change(folder / "rate", lambda name, x: x + 0.5 if name.endswith("bias") else x)
    convert_run(folder / "rate", folder / "spikes", RECIPE)
    return folder


def test_a_run_that_is_made_again_has_the_same_digest(place: Path, tmp_path: Path) -> None:
    """Oracle: the same settings and weights, elsewhere and later; another seed, recipe or weight."""
    found = digest_of(load_run(place / "spikes"))
    shutil.copytree(place / "rate", tmp_path / "moved")
    convert_run(tmp_path / "moved", tmp_path / "again", RECIPE)
    again = load_run(tmp_path / "again")
    assert run_folder.sha256(again.path / run_folder.MANIFEST) != run_folder.sha256(place / "spikes" / run_folder.MANIFEST)
    assert digest_of(again) == found == open_subject(tmp_path / "again", "x").digest
    convert_run(tmp_path / "moved", tmp_path / "other seed", RECIPE.model_copy(update={"seed": 4}))
    rate = digest_of(load_run(tmp_path / "moved"))
    assert rate == digest_of(load_run(place / "rate"))
    change(tmp_path / "moved", lambda name, x: x * 1.001)
    assert len({found, rate, digest_of(load_run(tmp_path / "other seed")), digest_of(load_run(tmp_path / "moved"))}) == 4


def test_its_untrained_control(place: Path) -> None:
    """Oracle: the pipeline by hand on a model of the same seed; it is not the trained one, and is made once."""
    subject = open_subject(place / "spikes", "converted").responder
    control = subject.control("untrained")
    run = load_run(place / "rate")
    assert isinstance(control, CircuitResponder) and isinstance(run, RateRun)
    born = rate_model(run.job.model, 5)
    movies = calibration(run.job.source, RECIPE, settling(born))
    with pytest.raises(ConversionError, match="silent on all"):
        convert(born, RECIPE, movies)
    wanted = convert(born, RECIPE.model_copy(update={"dead": "keep_all"}), movies)
    assert control.sites == subject.sites and control.network == wanted.network
    for key, array in wanted.state.arrays.items():
        assert np.array_equal(control._state.arrays[key], array), key
    trained = load_run(place / "spikes").state.arrays  # type: ignore[attr-defined]
    assert any(not np.array_equal(trained[key], array) for key, array in wanted.state.arrays.items() if key.startswith("weights/"))
    assert subject.control("untrained") is control
    cut = subject.control("feedback_cut")
    assert cut is not None and cut.control("feedback_cut") is not None


def test_without_its_rate_model_it_says_so(place: Path, tmp_path: Path) -> None:
    """In place of results without a control that are then taken for whole; so does another model at the same place."""
    shutil.copytree(place / "rate", tmp_path / "rate")
    convert_run(tmp_path / "rate", tmp_path / "spikes", RECIPE)
    subject = open_subject(tmp_path / "spikes", "converted").responder
    change(tmp_path / "rate", lambda name, x: 2.0 * x)
    with pytest.raises(SubjectError, match=r"other weights than those that were converted.*--no-untrained"):
        subject.control("untrained")
    shutil.rmtree(tmp_path / "rate")
    with pytest.raises(SubjectError, match=r"the rate model of its untrained control.*--no-untrained"):
        subject.control("untrained")


def test_a_conversion_that_is_there_is_kept_if_it_is_the_same(place: Path) -> None:
    """Oracle: the time stamp of its manifest; another recipe, or what is no conversion, is refused."""
    stamp = (place / "spikes" / "MANIFEST.sha256").stat().st_mtime_ns
    converted(place / "rate", place / "spikes", RECIPE)
    assert (place / "spikes" / "MANIFEST.sha256").stat().st_mtime_ns == stamp
    for folder, recipe in (("spikes", RECIPE.model_copy(update={"copies": 3})), ("rate", RECIPE)):
        with pytest.raises(StateError, match="other settings"):
            converted(place / "rate", place / folder, recipe)


def test_single_spikes_are_not_told_of_means(place: Path) -> None:
    """Oracle: the number of copies; with 2 a cell's intervals cannot be seen, with 1 they can."""
    converted(place / "rate", place / "one", RECIPE.model_copy(update={"copies": 1}))
    for folder, copies in (("spikes", 2), ("one", 1)):
        subject = open_subject(place / folder, "converted").responder
        assert {s.copies for s in subject.sites} == {copies}
        lacks = Balance().lacks(subject)
        assert lacks is not None and ("means over copies" in lacks) == (copies == 2)
