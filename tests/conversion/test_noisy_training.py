"""Training with noisy rates: what the noise is, where it is, and that it can be put down and taken up again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from comparisons.backprop_job import BackpropJob
from comparisons.movies import Source
from comparisons.rate_job import RateJob
from conversion.backprop_plan import BackpropPlan
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.rate_trainable import RateTrainable
from conversion.rate_training import Trainer
from conversion.timed_prednet import TimedPredNet
from snn.errors import DescriptionError
from snn.stimuli.movie import Movie

SPEC = RatePredNetSpec(rows=8, cols=8, channels=(1, 4), r_channels=(4, 4), cell="leaky", pooling="average", timing=Timing())


class Stop(Exception):
    """Where a run is stopped."""


@pytest.fixture(scope="module")
def movie() -> Movie:
    """A texture that drifts."""
    texture = np.random.default_rng(0).random((8, 8))
    return Movie(np.stack([np.roll(texture, t, axis=1) for t in range(8)]))


def test_noise_is_that_of_active_units_and_has_the_size_asked_for() -> None:
    """Oracle: rates drawn by NumPy; the noise is a share of each channel's root mean square, and 0 where a unit is silent."""
    model = TimedPredNet(SPEC)
    scale = np.array([0.1, 1.0, 10.0])[:, None, None]
    drive = torch.from_numpy(np.random.default_rng(1).standard_normal((4, 5, 3, 32, 32)) * scale)
    plain = model._rates(drive).numpy()
    with model.noisy(0.3):
        noise = model._rates(drive).numpy() - plain
    assert not noise[drive.numpy() <= 0].any()
    for channel in range(3):
        active = drive[:, :, channel].numpy() > 0
        size = np.sqrt(np.mean(plain[:, :, channel] ** 2))
        found = noise[:, :, channel][active]
        assert np.std(found) == pytest.approx(0.3 * size, rel=0.03)
        assert abs(np.mean(found)) < 0.02 * size
    np.testing.assert_array_equal(model._rates(drive), plain)


def test_noise_ends_with_its_context_even_after_an_error() -> None:
    """Oracle: rates without noise, before."""
    model, drive = TimedPredNet(SPEC), torch.ones(1, 5, 4, 8, 8)
    with pytest.raises(KeyError), model.noisy(1.0):
        raise KeyError
    assert torch.equal(model._rates(drive), drive)


@pytest.mark.parametrize("at", [1, 3])
def test_a_noisy_training_goes_on_where_it_was_saved(tmp_path: Path, movie: Movie, at: int) -> None:
    """Oracle: the run that nobody stopped, byte for byte; and chance is not torch's own, which stays as it was."""
    plan = BackpropPlan(updates=4, batch=2, n_frames=4, noise=0.2)

    def trainer(updates: int) -> Trainer:
        return Trainer(RateTrainable(TimedPredNet(SPEC), plan.noise), plan.model_copy(update={"updates": updates}), 1)

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    whole, first, rest, path = trainer(4), trainer(4), trainer(4), tmp_path / "training.safetensors"
    whole.train([movie])
    assert torch.equal(torch.random.get_rng_state(), before)

    def stop() -> None:
        if len(first.curve.points) == at:
            raise Stop

    with pytest.raises(Stop):
        first.train([movie], after=stop)
    first.save(path)
    torch.manual_seed(6)
    rest.load(path)
    rest.train([movie])
    for a, b in zip(whole.parameters, rest.parameters, strict=True):
        assert torch.equal(a, b)
    calm = Trainer(RateTrainable(TimedPredNet(SPEC)), plan.model_copy(update={"noise": 0.0}), 1)
    calm.train([movie])
    assert not torch.equal(calm.parameters[0], whole.parameters[0])


def test_a_network_without_milliseconds_has_no_noise() -> None:
    """Oracle: the words, in Python and where the job is described."""
    spec = SPEC.model_copy(update={"timing": None})
    with pytest.raises(DescriptionError, match=r"noise: belongs to a network in milliseconds; got 0\.2"):
        RateTrainable(RatePredNet(spec), 0.2).accumulate(torch.zeros(1, 4, 8, 8))
    with pytest.raises(ValueError, match=r"plan\.noise belongs to a network in milliseconds .*--step-ms.*got 0\.2"):
        RateJob(source=Source(frames="photographs", size=8), model=spec, plan=BackpropPlan(noise=0.2))
    with pytest.raises(ValueError, match=r"plan\.noise belongs to rate networks in milliseconds; got 0\.2"):
        BackpropJob(source=Source(frames="photographs", size=8), plan=BackpropPlan(noise=0.2))


def test_plans_without_noise_are_written_as_before() -> None:
    """Oracle: the field came later, and runs that were made before keep their names."""
    assert "noise" not in BackpropPlan().model_dump()
    assert BackpropPlan(noise=0.2).model_dump()["noise"] == 0.2
