"""Adaptive exponential cells: the equation by a fine integrator of its own, the onset of firing, the peak, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from snn.cells import AdEx, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.recording import Record
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

CELL: dict[str, Any] = {
    "tau_mem_ms": 9.4, "v_onset_mV": 20.2, "sharpness_mV": 2.0, "v_threshold_mV": 50.0, "coupling": 0.13, "adaptation_mV": 2.7,
    "tau_adaptation_ms": 144.0,
}  # fmt: skip


def driven(cell: AdEx, current_mV: float, frames: int = 1, dt_ms: float = 0.02) -> tuple[Any, Any]:
    """A cell under a constant current; its simulation and recording."""
    network = Network(frame_ms=300.0, populations=(Population(name="out", shape=(1, 1, 1), cell=cell, biased=True, bias_mV=current_mV),))
    simulation = engine("event").build(network, dt_ms=dt_ms)
    return simulation, simulation.run(n_frames=frames, record=Record(spikes=True))


AFTER = {"afterpotential_mV": 13.0, "tau_afterpotential_ms": 40.0}
JUMP = {"onset_jump_mV": 29.0, "tau_onset_ms": 50.0}


@pytest.mark.parametrize("current_mV", [25.0, 40.0])
@pytest.mark.parametrize("more", [{}, AFTER, JUMP, AFTER | JUMP], ids=["", "after", "jump", "both"])
def test_spike_times(current_mV: float, more: dict[str, float]) -> None:
    """Oracle: scipy's integrator with an event at the threshold, 1e-9: spikes within a hundredth of the time since the first."""
    cell = AdEx(**{**CELL, **more})
    after, jump = more.get("afterpotential_mV", 0.0), more.get("onset_jump_mV", 0.0)
    found = np.asarray(driven(cell, current_mV)[1].spikes["out"].steps) * 0.02

    def change(_: float, y: np.ndarray) -> list[float]:
        up = 2.0 * np.exp((y[0] - 20.2 - y[3]) / 2.0)
        return [(-y[0] + up + current_mV - y[1] + y[2]) / 9.4, (0.13 * y[0] - y[1]) / 144.0, -y[2] / 40.0, -y[3] / 50.0]

    def above(_: float, y: np.ndarray) -> float:
        return float(y[0] - 50.0)

    above.terminal = True  # type: ignore[attr-defined]
    t, y, wanted = 0.0, [0.0] * 4, []
    while t < 300.0:
        run = solve_ivp(change, (t, 300.0), y, events=above, rtol=1e-9, atol=1e-9, max_step=1.0)
        if run.status != 1:
            break
        t, y = float(run.t[-1]), [0.0, float(run.y[1, -1]) + 2.7, after, jump]
        wanted.append(t)
    assert len(wanted) == len(found) >= 3
    np.testing.assert_allclose(found, wanted, rtol=0.01, atol=0.1)


def test_firing_begins_at_the_rheobase() -> None:
    """Oracle: the greatest of (1 + coupling) V less the upswing, in closed form, of a cell whose adaptation is fast enough to follow."""
    # (1 + c) V - s exp((V - onset) / s) is greatest at V = onset + s log(1 + c).
    rheobase = 1.13 * (20.2 + 2.0 * np.log(1.13)) - 2.0 * 1.13
    cell = AdEx(**{**CELL, "tau_adaptation_ms": 9.4, "adaptation_mV": 0.0})
    assert len(driven(cell, rheobase - 0.3, 2)[1].spikes["out"].steps) == 0
    assert len(driven(cell, rheobase + 0.3, 2)[1].spikes["out"].steps) > 0


def test_below_threshold_it_rests_where_the_currents_say() -> None:
    """Oracle: the root of the stationary equation."""
    simulation, _ = driven(AdEx(**CELL), 15.0, 6)
    rest = brentq(lambda v: -1.13 * v + 2.0 * np.exp((v - 20.2) / 2.0) + 15.0, 0.0, 20.0)
    arrays = simulation.state().arrays
    assert float(arrays["v/out"][0]) == pytest.approx(rest, rel=1e-4)
    assert float(arrays["adaptation/out"][0]) == pytest.approx(0.13 * rest, rel=1e-4)


def test_a_peak_is_held_and_then_reset() -> None:
    """Oracle: step by step: the peak for two steps of half a millisecond, then from the reset on."""
    cell = AdEx(**{**CELL, "peak_mV": 80.0, "peak_ms": 1.0, "t_ref_ms": 1.0, "v_reset_mV": -5.0})
    network = Network(
        frame_ms=0.5,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=(Receptor(name="push", kinetics="pulse"),)),
        ),
        projections=(
            Projection(source="in", target="out", receptor="push", topology=OneToOne(), weights=Constant(value_mV=100.0), delay_ms=0.5),
        ),
    )
    simulation = engine("reference").build(network, dt_ms=0.5)
    seen = []
    for t in range(6):
        given = np.array([[t == 0]])
        sent = simulation.run(n_frames=1, rasters={"in": given}).counts["out"].sum()
        seen.append((float(simulation.state().arrays["v/out"][0]), int(sent)))
    assert [s for _, s in seen] == [0, 1, 0, 0, 0, 0]
    assert seen[1][0] == seen[2][0] == 80.0 and -5.0 < seen[3][0] < -3.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"v_threshold_mV": 20.0}, "must lie above v_onset_mV"),
        ({"v_threshold_mV": 21.0, "threshold_jitter_mV": 2.0}, "must lie above v_onset_mV"),
        ({"sharpness_mV": 0.1}, "more than 50 sharpnesses"),
        ({"peak_ms": 2.0, "t_ref_ms": 1.0}, "at least peak_ms"),
        ({"reset_by_mV": 1.0}, "reset_by_mV"),
    ],
)
def test_what_makes_no_spike_is_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        AdEx(**{**CELL, **wrong})


def test_pools_are_refused() -> None:
    with pytest.raises(ValidationError, match="cells with an upswing share no currents"):
        Population(name="out", shape=(1, 1, 1), cell=AdEx(**CELL), copies=2, pools=1)
