"""Structural turnover: what is gone stays gone until it grows elsewhere, and few synapses find the inputs that matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plasticity import Compose, PairSTDP, Structural
from plasticity.testing import forced, taught
from plasticity.turnover import regrown
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.errors import DescriptionError
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, SharedKernel
from snn.weights import Constant

CELL = LIF(tau_mem_ms=9.0, v_threshold_mV=5.0)
STDP = PairSTDP(a_plus_mV=0.02, a_minus_mV=0.025)


@pytest.mark.parametrize("engine_name", ["reference", "event"])
def test_what_is_gone_stays_gone(engine_name: str) -> None:
    """Oracle: the rule alone, of those that it never brings to 0; places that are empty at birth stay so."""
    rng = stream(0, "turnover")
    pre, post = rng.random((500, 8)) < 0.05, rng.random((500, 3)) < 0.05
    post[0] = False
    born = np.where(rng.random((8, 3)) < 0.5, 0.0, rng.uniform(0.02, 0.6, (8, 3)))
    found, free = (forced(rule, pre, post, born, engine_name=engine_name) for rule in (Structural(rules=(STDP,)), Compose(rules=(STDP,))))
    assert (found[born == 0] == 0).all() and (free[born == 0] > 0).any()
    gone = (born > 0) & (found == 0)
    assert gone.any() and ((born > 0) & ~gone).any()
    np.testing.assert_allclose(found[(born > 0) & ~gone], free[(born > 0) & ~gone], rtol=1e-12)


def field(topology: Any) -> Network:
    """A projection without a rule between two small grids."""
    return Network(
        frame_ms=10.0,
        populations=(
            Population(name="in", shape=(5, 5, 2), cell=SpikeSource()),
            Population(
                name="out", shape=(5, 5, 1), cell=LIF(tau_mem_ms=9.0, v_threshold_mV=5.0), receptors=(Receptor(name="r", tau_ms=3.0),)
            ),
        ),
        projections=(Projection(source="in", target="out", receptor="r", topology=topology, weights=Constant(value_mV=0.0), delay_ms=1.0),),
    )


@pytest.mark.parametrize("topology", [LocalField(size=3), Dense()])
def test_every_cell_grows_what_it_lacks(topology: Any) -> None:
    """Oracle: counts per cell; what is there is left alone; corners, whose fields are small, fill them."""
    network = field(topology)
    state, name = engine("reference").build(network).state(), "in->out/r"
    e = network.edges(network.projection(name))
    size = np.bincount(e.post, minlength=25)
    first = regrown(state, network, name, n_synapses=10, born_mV=0.5)
    w = first.weights(name).ravel()
    assert set(np.unique(w)) == {0.0, 0.5}
    assert (np.bincount(e.post, w[e.weight] > 0, 25) == np.minimum(10, size)).all()
    assert np.count_nonzero(w) == np.count_nonzero(w[e.weight])
    arrays = {**first.arrays, f"weights/{name}": np.where(stream(1, "x").random(w.shape) < 0.5, w, 0.0).reshape(first.weights(name).shape)}
    less = type(state)(arrays, 7, 0, 1.0, state.digest)
    again = regrown(less, network, name, n_synapses=10, born_mV=0.25)
    kept, grown = less.weights(name).ravel(), again.weights(name).ravel()
    assert (grown[kept > 0] == kept[kept > 0]).all() and (np.bincount(e.post, grown[e.weight] > 0, 25) == np.minimum(10, size)).all()
    same = regrown(less, network, name, n_synapses=10, born_mV=0.25)
    assert np.array_equal(grown, same.weights(name).ravel())
    assert not np.array_equal(grown, regrown(less, network, name, n_synapses=10, born_mV=0.25, seed=1).weights(name).ravel())


def test_few_synapses_find_the_inputs_that_matter() -> None:
    """Oracle: of 40 sources 8 fire before the cell: strong synapses come to lie there, more than twice as many as chance put there."""
    rule = Structural(rules=(STDP,))
    network = taught(rule, 40, 6, frame_ms=1000.0, w_max_mV=1.0)
    strong = []
    for turns in (True, False):
        simulation = engine("event").build(network)
        simulation.resume(regrown(simulation.state(), network, "in->out/weak", n_synapses=8, born_mV=0.2))
        for night in range(30):
            rng = stream(night, "turnover", "day")
            post = rng.random((1000, 6)) < 0.02
            pre = rng.random((1000, 40)) < 0.02
            cause = np.roll(post.any(axis=1), -4)
            pre[:, :8] = cause[:, None] & (rng.random((1000, 8)) < 0.3)
            push = np.concatenate([post[1:], post[:1]])
            simulation.run(n_frames=1, rasters={"in": pre, "teacher": push}, learn=True)
            if turns:
                simulation.resume(regrown(simulation.state(), network, "in->out/weak", n_synapses=8, born_mV=0.2))
        w = simulation.state().weights("in->out/weak").reshape(40, 6)
        strong.append((int((w[:8] > 0.4).sum()), int((w[8:] > 0.4).sum())))
    assert strong[0][0] > 2 * strong[1][0] > 0 and strong[0][1] <= 1


@pytest.mark.parametrize(
    ("topology", "changes", "says"),
    [
        (SharedKernel(size=3), {}, "shares weights"),
        (Dense(), {"n_synapses": 0}, "cannot grow that"),
        (Dense(), {"born_mV": 0.0}, "cannot grow that"),
        (Dense(), {"projection": "in->nowhere"}, "no projection"),
    ],
)
def test_what_cannot_grow(topology: Any, changes: dict[str, Any], says: str) -> None:
    network = field(topology)
    given = {"projection": "in->out/r", "n_synapses": 3, "born_mV": 0.5} | changes
    with pytest.raises(DescriptionError, match=says):
        regrown(engine("reference").build(network).state(), network, **given)
