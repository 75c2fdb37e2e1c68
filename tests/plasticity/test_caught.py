"""What random defects in training and in rules have shown to be untested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plasticity import ErrorGated, PairSTDP
from plasticity.training import Plan, learn, order
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.errors import BlowUpError
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.recording import Recording
from snn.state import initial_state
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import random_rasters, random_walk
from snn.topology import Dense
from snn.weights import Uniform


class Wild:
    """A simulation whose forecasts are lost, and whose cells fire in every step, from some run on."""

    network = type("Nothing", (), {"projections": ()})

    def __init__(self, good: int) -> None:
        self.good = good

    def restart(self) -> None:
        self.good -= 1

    def run(self, movie: Movie, **_: Any) -> Recording:
        wild = self.good < 0
        counts = {"level0.prediction": np.full((movie.n_frames, 1, 1, 2), 50.0 * wild)}
        forecast = movie.frames[..., None] + 3.0 * wild
        return Recording(movie.n_frames, 50, 1.0, counts, {"level0.forecast": forecast}, {})

    def state(self) -> None:
        return None


@pytest.mark.parametrize("good", [0, 1, 3])
@pytest.mark.parametrize("start", [0, 1])
def test_a_blow_up_names_its_time(good: int, start: int) -> None:
    """Oracle: the frames of all stretches shown so far, at 40 ms each, with those shown before a checkpoint."""
    movies = [Movie(np.linspace(0, 1, n)[:, None, None], 40.0, name=f"clip{n}") for n in (5, 7, 11)]
    plan, failing = Plan(passes=2), start + good
    shown = [movies[i] for i in order(3, 2, seed=0)][: failing + 1]
    words = rf"1000 Hz .* in stretch {failing + 1} of 6 \(clip '{shown[-1].name}', {40 * sum(m.n_frames for m in shown)} ms\)"
    with pytest.raises(BlowUpError, match=words):
        learn(Wild(good), movies, plan, seed=0, start=start)  # type: ignore[arg-type]


def unlike() -> Network:
    """Pair rules of other constants and sizes between other cells, and one fixed projection among them."""
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=1.5, t_ref_ms=2.0, threshold_jitter_mV=0.4)
    receptors = (Receptor(name="fast", tau_ms=4.0),)
    even = Uniform(low_mV=0.2, high_mV=1.0)
    one = PairSTDP(a_plus_mV=0.2, a_minus_mV=0.15, tau_plus_ms=9.0, tau_minus_ms=14.0)
    two = PairSTDP(a_plus_mV=0.1, a_minus_mV=0.2, tau_plus_ms=21.0, tau_minus_ms=5.0)
    joins = (("in", "big", one, 2.0), ("big", "small", two, 1.0), ("in", "small", None, 3.0), ("small", "big", one, 4.0))
    sizes = {"big": (1, 2, 4), "small": (1, 1, 3)}
    return Network(
        frame_ms=50.0,
        populations=(
            Population(name="in", shape=(1, 5, 1), cell=SpikeSource()),
            *(Population(name=name, shape=shape, cell=cell, receptors=receptors) for name, shape in sizes.items()),
        ),
        projections=tuple(
            Projection(
                source=a, target=b, receptor="fast", topology=Dense(), weights=even, delay_ms=d, rule=rule, w_max_mV=1.5 if rule else None
            )
            for a, b, rule, d in joins
        ),
    )  # fmt: skip


def test_pair_rules_side_by_side() -> None:
    """Oracle: the reference, whose projections know nothing of each other; alone it is checked against a loop over pairs."""
    network = unlike()
    found = []
    for name in ("reference", "event"):
        simulation = engine(name).build(network, seed=2)
        for t, learns in enumerate((True, True, False, True)):
            simulation.run(n_frames=2, rasters=random_rasters(network, 2, share=0.15, seed=t), learn=learns)
        found.append(simulation.state())
    born = initial_state(network, dt_ms=1.0, seed=2)
    for j in network.projections:
        assert (j.rule is None) == np.array_equal(found[0].weights(j.name), born.weights(j.name)), j.name
    assert min(found[0].arrays[f"total/{name}"].sum() for name in ("big", "small")) > 50
    for key, array in found[0].arrays.items():
        np.testing.assert_allclose(found[1].arrays[key], array, rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("late", [False, True])
def test_graded_error_cells_teach(late: bool) -> None:
    """Oracle: the reference, which takes graded and single spikes by the same lines; those are checked against the equation."""
    network = rate_network(prednet(PredNetSpec(rows=4, cols=4, field=3, initial_forecast_mV=0.05), ErrorGated(late=late)))
    found = []
    for name in ("reference", "event"):
        simulation = engine(name).build(network, seed=3)
        simulation.run(random_walk(4, 4, 4, seed=5), learn=True)
        found.append(simulation.state())
    born = initial_state(network, dt_ms=1.0, seed=3)
    for j in network.projections:
        a, b = (state.weights(j.name) for state in found)
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12, err_msg=j.name)
        assert (np.abs(a - born.weights(j.name)).max() > 1e-3) == (j.rule is not None), j.name
