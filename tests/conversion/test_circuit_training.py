"""The circuit trained by backprop: what is trained, on which forecast, through how many frames.

Oracles: the engines that do not train, finite differences, and the sum of chunks computed one by one.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conversion.circuit_training import CircuitTrainable, readout_of
from plasticity import ErrorGated, PairSTDP
from snn.description import Network
from snn.engines import engine
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import State, initial_state
from snn.stimuli import drifting_movies
from snn.stimuli.movie import Movie

DT_MS, SIZE, WIDE, FRAMES = 5.0, 8, 12, 6
"""Two levels need wider frames."""


def network(cells: str, initial_mV: float = 0.4, levels: int = 1) -> Network:
    size = SIZE if levels == 1 else WIDE
    spec = PredNetSpec(rows=size, cols=size, levels=levels, lag_ms=DT_MS, initial_forecast_mV=initial_mV)
    made = prednet(spec, ErrorGated(quantum_mV=spec.error_quantum_mV))
    return rate_network(made, dt_ms=DT_MS) if cells == "rate" else made


def movies(n: int = 3, size: int = SIZE) -> tuple[Movie, ...]:
    image = np.random.default_rng(1).random((30, 30))
    smooth = (image + np.roll(image, 1, 0) + np.roll(image, 1, 1) + np.roll(image, (1, 1), (0, 1))) / 4
    return drifting_movies({"dots": smooth}, n, FRAMES, size, seed=0)


def clips(dtype: torch.dtype = torch.float32, size: int = SIZE) -> torch.Tensor:
    return torch.tensor(np.stack([m.frames for m in movies(size=size)]), dtype=dtype)


def trainable(cells: str, **options: float) -> CircuitTrainable:
    made = network(cells)
    return CircuitTrainable(made, initial_state(made, dt_ms=DT_MS, seed=0), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("cells", ["spiking", "rate"])
def test_the_forecast_is_the_one_that_is_scored(cells: str) -> None:
    """Oracle: the readout of the event engine; single precision moves a spike now and then, worth one step of 1/32."""
    _, found = trainable(cells).accumulate(clips())
    for movie, forecast in zip(movies(), found, strict=True):
        made = network(cells)
        recording = engine("event").build(made, dt_ms=DT_MS, seed=0).run(movie)
        apart = np.abs(forecast.numpy() - recording.readouts["level0.forecast"][..., 0])
        assert np.median(apart) < 1e-5 and apart.mean() < 2e-3
        assert np.ptp(forecast.numpy()) > 0.1


def test_only_the_synapses_of_the_rule_are_trained() -> None:
    made = trainable("spiking")
    rules = [j.name for j in made.network.network.projections if j.rule is not None]
    assert len(rules) == 2
    assert sum(p.requires_grad for p in made.module.parameters()) == 2
    assert set(made.trained()) == {f"weights/{name}" for name in rules}


def test_the_loss_is_the_root_mean_square_error_from_the_third_frame_on() -> None:
    loss, forecast = trainable("rate").accumulate(clips())
    wrong = ((forecast - clips())[:, 2:] ** 2).mean(dim=(2, 3)) + 1e-6
    assert loss == pytest.approx(float(wrong.sqrt().mean()), rel=1e-5)


def test_errors_of_upper_levels_count_a_tenth_in_their_own_units() -> None:
    """Oracle: spikes of the error cells in a recording of the event engine."""
    made = network("spiking", levels=2)
    loss, forecast = CircuitTrainable(made, initial_state(made, dt_ms=DT_MS, seed=0)).accumulate(clips(size=WIDE))
    below = ((forecast - clips(size=WIDE))[:, 2:] ** 2).mean(dim=(2, 3)) + 1e-6
    counted = []
    for movie in movies(size=WIDE):
        recording = engine("event").build(made, dt_ms=DT_MS, seed=0).run(movie)
        counted.append(sum(recording.counts[f"level1.{name}"][2:].mean() for name in ("error_pos", "error_neg")))
    quantum = PredNetSpec(rows=WIDE, cols=WIDE).error_quantum_mV
    above = quantum * float(np.mean(counted))
    assert above > 0
    assert loss == pytest.approx(float(below.sqrt().mean()) + 0.1 * above, rel=1e-2)


def gradient(made: CircuitTrainable, shown: torch.Tensor) -> list[torch.Tensor]:
    made.module.zero_grad()
    made.accumulate(shown)
    return [p.grad.clone() for p in made.module.parameters() if p.grad is not None]


@pytest.mark.parametrize("levels", [1, 2])
def test_gradients_through_all_frames_are_finite_differences(levels: int) -> None:
    """Rate cells in double precision, the graph uncut; central differences in the five largest slopes of every projection."""
    made = network("rate", levels=levels)
    state = initial_state(made, dt_ms=DT_MS, seed=0)
    found = CircuitTrainable(made, state, truncate=FRAMES)
    found.network.double()
    found.network.dtype = torch.float64
    shown = clips(torch.float64, SIZE if levels == 1 else WIDE)
    slopes = gradient(found, shown)
    assert len(slopes) == (2 if levels == 1 else 6) and all(slope.abs().max() > 0 for slope in slopes)
    for w, slope in zip((p for p in found.module.parameters() if p.requires_grad), slopes, strict=True):
        for place in slope.abs().flatten().topk(5).indices.tolist():
            values = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    w.view(-1)[place] += step
                values.append(found.accumulate(shown)[0])
                with torch.no_grad():
                    w.view(-1)[place] -= step
            assert (values[0] - values[1]) / 2e-5 == pytest.approx(float(slope.flatten()[place]), rel=1e-4)


def test_the_graph_is_cut() -> None:
    """Gradients of short chunks differ from the whole; those of chunks as long as the clip do not."""
    whole = gradient(trainable("rate", truncate=FRAMES), clips())
    same = gradient(trainable("rate", truncate=2 * FRAMES), clips())
    cut = gradient(trainable("rate", truncate=1), clips())
    assert all(torch.equal(a, b) for a, b in zip(whole, same, strict=True))
    assert not any(torch.allclose(a, b, rtol=1e-3) for a, b in zip(whole, cut, strict=True))
    assert all(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.7 for a, b in zip(whole, cut, strict=True))


def test_weights_stay_magnitudes() -> None:
    made = trainable("spiking")
    with torch.no_grad():
        for p in made.module.parameters():
            if p.requires_grad:
                p.sub_(0.2)
    assert min(float(p.detach().min()) for p in made.module.parameters() if p.requires_grad) < 0
    made.project_()
    assert min(float(p.detach().min()) for p in made.module.parameters() if p.requires_grad) == 0
    state = initial_state(network("spiking"), dt_ms=DT_MS, seed=0)
    engine("event").build(network("spiking"), state=State({**state.arrays, **made.trained()}, 0, 0, DT_MS, state.digest), dt_ms=DT_MS)


def test_a_network_without_a_forecast_or_a_rule_is_refused() -> None:
    made = network("spiking")
    blind = made.model_copy(update={"readouts": ()})
    with pytest.raises(DescriptionError, match=r"readouts: has no 'level0.forecast' to train"):
        readout_of(blind)
    spec = PredNetSpec(rows=SIZE, cols=SIZE, lag_ms=DT_MS)
    fixed = prednet(spec)
    with pytest.raises(DescriptionError, match="has no projection with a rule"):
        CircuitTrainable(fixed, initial_state(fixed, dt_ms=DT_MS, seed=0))
    timed = prednet(PredNetSpec(rows=WIDE, cols=WIDE, levels=2, lag_ms=DT_MS), PairSTDP(a_plus_mV=0.01, a_minus_mV=0.01))
    with pytest.raises(DescriptionError, match=r"level1.*learns by a rule without errors"):
        CircuitTrainable(timed, initial_state(timed, dt_ms=DT_MS, seed=0))
