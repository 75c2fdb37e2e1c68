"""Short-term plasticity against NEST's ``tsodyks2_synapse``, another simulator with code of its own; skipped where it is absent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snn.cells import IF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.seeding import stream
from snn.short_term import ShortTerm
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

nest: Any = pytest.importorskip("nest", reason="NEST is not installed; pip install -e '.[nest]' brings it")

W = 2.5
KINDS = {
    "depressing": ShortTerm(utilisation=0.5, recovery_ms=800.0),
    "facilitating": ShortTerm(utilisation=0.04, recovery_ms=100.0, facilitation_ms=1000.0),
    "both": ShortTerm(utilisation=0.3, recovery_ms=130.0, facilitation_ms=90.0),
    "empties": ShortTerm(utilisation=1.0, recovery_ms=40.0, facilitation_ms=30.0),
}


def theirs(short: ShortTerm, times: list[int], **begin: float) -> np.ndarray:
    """What NEST's synapse sends at each spike of its source."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = 1.0
    kept = nest.Create("weight_recorder")
    nest.CopyModel("tsodyks2_synapse", "kept", {"weight_recorder": kept})
    source = nest.Create("spike_generator", params={"spike_times": [float(t) for t in times]})
    parrot, target = nest.Create("parrot_neuron"), nest.Create("iaf_psc_delta")
    nest.Connect(source, parrot, syn_spec={"delay": 1.0})
    constants = {"U": short.utilisation, "tau_rec": short.recovery_ms, "tau_fac": short.facilitation_ms}
    nest.Connect(parrot, target, syn_spec={"synapse_model": "kept", "weight": W, "delay": 1.0, **constants, **begin})
    nest.Simulate(times[-1] + 10.0)
    order = np.argsort(kept.events["times"])
    found: np.ndarray = np.asarray(kept.events["weights"])[order]
    return found


def ours(short: ShortTerm, times: list[int], name: str) -> np.ndarray:
    """What a spike of ours delivers, from the pulses that wait after its step."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1e9, reset_by_mV=1e9)
    network = Network(
        frame_ms=1.0,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=(Receptor(name="push", kinetics="pulse"),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=W), delay_ms=1.0,
                short_term=short,
            ),
        ),
    )  # fmt: skip
    simulation, found = engine(name).build(network), []
    for gap in np.diff([-1, *times]):
        raster = np.zeros((gap, 1), bool)
        raster[-1] = True
        simulation.run(n_frames=int(gap), rasters={"in": raster})
        found.append(float(simulation.state().arrays["g/out/push"][0]))
    return np.array(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["reference", "event"])
def test_tsodyks2(kind: str, name: str) -> None:
    """Oracle: NEST, 300 spikes of an irregular train at 40 Hz; begun with ``u = U``, within 1e-13 of what each delivers."""
    times = [int(t) for t in np.flatnonzero(stream(7, "nest").random(9000) < 0.04) + 5][:300]
    mine, other = ours(KINDS[kind], times, name), theirs(KINDS[kind], times, u=KINDS[kind].utilisation)
    assert np.ptp(other) > 0.2 * other.max() and len(other) == 300
    np.testing.assert_allclose(mine, other, rtol=1e-13)


def test_where_nest_begins_otherwise() -> None:
    """Oracle: NEST's default ``u`` of 0.5, which its first spike delivers whatever ``U`` is."""
    short = KINDS["both"]
    assert theirs(short, [99])[0] == W * 0.5
    assert theirs(short, [99], u=0.3)[0] == ours(short, [99], "reference")[0] == pytest.approx(W * 0.3, rel=1e-15)
