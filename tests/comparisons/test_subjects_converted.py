"""A converted run as a subject: its untrained control is the conversion of its rate model as it was born."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from comparisons.converting import calibration, convert_run, settling
from comparisons.inspection import RateRun, load_run
from comparisons.movies import Source
from comparisons.rate_job import RateJob
from comparisons.responders.circuit import CircuitResponder
from comparisons.running import run_job
from comparisons.subjects import open_subject
from conversion.backprop_plan import BackpropPlan
from conversion.pipeline import convert
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.recipe import Recipe
from conversion.timed_prednet import rate_model

RECIPE = Recipe(copies=2, dead="keep_all", calibration_frames=8, seed=3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    timing = Timing(step_ms=25.0, tau_syn_ms=20.0)
    spec = RatePredNetSpec(rows=8, cols=8, channels=(1, 2), r_channels=(2, 2), cell="leaky", pooling="average", timing=timing)
    source = Source(frames="photographs", size=8, n_movies=4, n_frames=6)
    job = RateJob(source=source, model=spec, plan=BackpropPlan(updates=3, batch=2, n_frames=6, lr=0.02), seed=5)
    run_job(job, folder / "rate", figures=False)
    convert_run(folder / "rate", folder / "spikes", RECIPE)
    return folder


def test_its_untrained_control(place: Path) -> None:
    """Oracle: the pipeline by hand on a model of the same seed; it is not the trained one, and is made once."""
    subject = open_subject(place / "spikes", "converted").responder
    control = subject.control("untrained")
    run = load_run(place / "rate")
    assert isinstance(control, CircuitResponder) and isinstance(run, RateRun)
    born = rate_model(run.job.model, 5)
    wanted = convert(born, RECIPE, calibration(run.job.source, RECIPE, settling(born)))
    assert control.sites == subject.sites and control.network == wanted.network
    for key, array in wanted.state.arrays.items():
        assert np.array_equal(control._state.arrays[key], array), key
    trained = load_run(place / "spikes").state.arrays  # type: ignore[attr-defined]
    assert any(not np.array_equal(trained[key], array) for key, array in wanted.state.arrays.items() if key.startswith("weights/"))
    assert subject.control("untrained") is control
    cut = subject.control("feedback_cut")
    assert cut is not None and cut.control("feedback_cut") is not None


def test_without_its_rate_model_it_has_none(place: Path, tmp_path: Path) -> None:
    """So that the verdict says that a control is missing, and the effect is not counted."""
    shutil.copytree(place / "rate", tmp_path / "rate")
    convert_run(tmp_path / "rate", tmp_path / "spikes", RECIPE)
    shutil.rmtree(tmp_path / "rate")
    assert open_subject(tmp_path / "spikes", "converted").responder.control("untrained") is None
