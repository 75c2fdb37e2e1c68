"""Equal kernels are read once, and nothing that is computed changes by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine, event
from snn.engines import event_arrays as k
from snn.recording import Record
from snn.state import State, initial_state
from snn.synapses import Receptor
from snn.testing import random_rasters
from snn.topology import LocalField
from snn.weights import Uniform

CASES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int], LocalField]] = {
    "same grid": ((5, 6, 2), (5, 6, 3), LocalField(size=3)),
    "some features": ((5, 6, 3), (5, 6, 3), LocalField(size=3, pre_features=(1, 3), post_features=(0, 2))),
    "depthwise": ((5, 6, 3), (5, 6, 3), LocalField(size=3, depthwise=True)),
    "finer": ((3, 4, 2), (6, 8, 2), LocalField(size=4)),
    "coarser": ((6, 8, 2), (3, 4, 2), LocalField(size=3)),
    "no site reaches all": ((2, 2, 1), (4, 4, 2), LocalField(size=4)),
}


def network(name: str, **more: Any) -> Network:
    pre, post, field = CASES[name]
    fast = Receptor(name="fast", tau_ms=5.0)
    return Network(
        populations=(
            Population(name="in", shape=pre, cell=SpikeSource()),
            Population(name="out", shape=post, cell=IF(tau_mem_ms=5.0, v_threshold_mV=2.0, reset_by_mV=2.0), receptors=(fast,)),
        ),
        projections=(
            Projection(
                source="in",
                target="out",
                receptor="fast",
                topology=field,
                weights=Uniform(low_mV=0.1, high_mV=0.6),
                delay_ms=1.0,
                **more,
            ),
        ),
    )


def alike(one: Network, seed: int, but: int | None = None) -> State:
    """A state in which all sites have the kernel of one, and what lies beyond the border is anything; one weight is its own."""
    born = initial_state(one, dt_ms=1.0, seed=seed)
    (name,) = (key for key in born.arrays if key.startswith("weights/"))
    w = np.array(born.arrays[name])
    rng, seen = np.random.default_rng(seed), np.zeros(w.shape, dtype=bool)
    (j,) = one.projections
    seen.ravel()[one.edges(j).weight] = True
    w[:] = w[w.shape[0] // 2, w.shape[1] // 2]
    w[~seen] = rng.random(int((~seen).sum()))
    if but is not None:
        w.ravel()[np.flatnonzero(seen)[but]] += 1.0
    return State({**born.arrays, name: w}, 0, 0, 1.0, born.digest)


def shares(simulation: Any) -> bool:
    row = simulation.backend.built.tables.projection[0]
    return bool(row[k.J_PHASE_ROW] == row[k.J_PHASE_COL] == 1)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_changes(name: str, precision: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the reference engine, and the event engine without this, to the bit; with one simulation that is given other weights."""
    one = network(name)
    rasters = random_rasters(one, 3, share=0.2, seed=1)
    simulation = engine("event", precision=precision).build(one, state=alike(one, 0))
    assert shares(simulation) == (name != "no site reaches all")
    states = [alike(one, 0), alike(one, 0, but=0), alike(one, 0, but=-1), initial_state(one, dt_ms=1.0, seed=3), alike(one, 4)]
    for n, state in enumerate(states):
        simulation.resume(state)
        assert shares(simulation) == (n in (0, 4) and name != "no site reaches all")
        found = simulation.run(n_frames=3, rasters=rasters, record=Record(spikes=True))
        if precision == "float64":
            plain = engine("reference").build(one, state=state)
        else:
            monkeypatch.setattr(event, "share_kernels", lambda *_: None)
            plain = engine("event", precision=precision).build(one, state=state)
            monkeypatch.undo()
        told = plain.run(n_frames=3, rasters=rasters, record=Record(spikes=True))
        assert len(told.spikes["out"].steps) > 20
        assert found.spikes["out"].steps.tolist() == told.spikes["out"].steps.tolist()
        assert found.spikes["out"].cells.tolist() == told.spikes["out"].cells.tolist()
        key, after = f"weights/{one.projections[0].name}", simulation.state().arrays
        assert (after[key] == state.arrays[key].astype(precision)).all()
        if precision == "float32":
            assert (after["v/out"] == plain.state().arrays["v/out"]).all()
