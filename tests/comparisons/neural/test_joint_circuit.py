"""The circuit that is told how neurons answered: which constraint it keeps, what is there with which weight, and when spikes come."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.learning import Job
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.neural.joint_circuit import BURST, raster, with_responses
from comparisons.recipes import RECIPES, RecipeName
from plasticity.feedback import alignment_deg
from snn import constraints
from snn.description import Network
from snn.errors import DescriptionError
from snn.stimuli.drift import drifting_movies, photographs


def circuit(recipe: RecipeName = "hidden") -> tuple[Job, Network]:
    job = Job(source=Source(frames=PHOTOGRAPHS, size=8), recipe=recipe, plan=RECIPES[recipe].plan)
    return job, job.network()


def test_spikes_come_evenly_in_the_frame_after() -> None:
    """Oracle: as many as were recorded, times the burst; none in the first frame; a step between any two where there is room."""
    counts = np.array([[1.0, 0.0, 20.0], [3.0, 2.0, 0.0], [5.0, 5.0, 5.0]])
    spikes = raster(counts, 50).reshape(3, 50, 3)
    assert not spikes[0].any()
    assert spikes[1:].sum(axis=1).tolist() == [[BURST, 0, 50], [3 * BURST, 2 * BURST, 0]]
    when = np.flatnonzero(spikes[2, :, 0])
    assert np.ptp(np.diff(when)) <= 1 and when[0] < 50 / (3 * BURST) and 50 - when[-1] < 50 / (3 * BURST)


def test_it_keeps_what_the_circuit_keeps() -> None:
    """Dale's law and learning from what a synapse can see hold with the responses too; every reader is connected to every cell."""
    _, network = circuit()
    told = with_responses(network, 5, share=1.0)
    broken = {name for name, constraint in constraints.CONSTRAINTS.items() if constraint(told)}
    kept = {name for name, constraint in constraints.CONSTRAINTS.items() if not constraint(network)}
    assert {"dale", "local_plasticity", "spikes"} <= kept and not kept & broken - {"local_field"}
    assert network.population("level0.representation").n == 512
    assert told.weight_shape("level0.representation->response.prediction/dendrite_exc") == (512, 5)


@pytest.mark.parametrize(
    ("share", "teaches", "feedback", "credit"), [(0.0, True, 0, 6), (1.0, True, 6, 6), (1.0, False, 6, 0), (0.0, False, 0, 0)]
)
def test_what_teaches_the_representation(share: float, teaches: bool, feedback: int, credit: int) -> None:
    _, network = circuit()
    told = with_responses(network, 4, share=share, forecast_teaches=teaches)
    onto = [j for j in told.projections if j.target.startswith("level0.credit")]
    assert sum(j.source.startswith("response") for j in onto) == feedback
    assert sum(j.source.startswith("level0") for j in onto) == credit
    readout = [j for j in told.projections if j.target == "response.prediction"]
    assert len(readout) == 2 and all(j.rule is not None for j in readout)


def test_feedback_comes_to_mirror_the_readout() -> None:
    """What leads from error cells to credit cells grows like what leads from the representation to the prediction: a small angle, where
    random positive weights are at 50 degrees.
    """
    job, network = circuit()
    told = with_responses(network, 4, share=1.0)
    simulation, rng = job.simulation(told), np.random.default_rng(0)
    for movie in drifting_movies(photographs(False), 12, 10, 8, seed=1):
        simulation.restart()
        spikes = raster(rng.poisson(2.0, (10, 4)).astype(float), simulation.layout.frame_steps)
        simulation.run(movie, rasters={"response.target": spikes}, learn=True, modulator=0.5)
    state = simulation.state()
    excited = "level0.representation->response.prediction/dendrite_exc"
    angle = alignment_deg(told, state, excited, "response.error_pos->level0.credit_pos/apical_exc")
    assert angle < 15.0
    assert state.weights(excited).max() > 5 * 0.001


def test_a_circuit_that_learns_no_representation_is_refused() -> None:
    _, network = circuit("plain")
    with pytest.raises(DescriptionError, match="with_responses: needs a representation that learns"):
        with_responses(network, 4, share=1.0)
    with pytest.raises(DescriptionError, match="with_responses"):
        with_responses(circuit()[1], 4, share=-1.0)
