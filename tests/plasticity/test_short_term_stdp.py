"""STDP on a depressing projection: rules see weights, targets see what is delivered."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from plasticity import PairSTDP
from plasticity.testing import taught
from snn.cells import LIF
from snn.description import Network
from snn.engines import engine
from snn.engines.event import EventEngine
from snn.recording import Record, Recording
from snn.seeding import stream
from snn.short_term import ShortTerm
from snn.state import State

RULE = PairSTDP(a_plus_mV=0.05, a_minus_mV=0.055, tau_plus_ms=17.0, tau_minus_ms=31.0)
SHORT = ShortTerm(utilisation=0.4, recovery_ms=150.0, facilitation_ms=50.0)
ROUTE = "in->out/weak"
EXAMPLE = Path(__file__).parents[2] / "examples" / "short_term.py"


def learned(short: ShortTerm | None, name: str, cell: LIF | None) -> tuple[Network, Recording, State]:
    """Play 400 ms at 40 Hz to 12 inputs of 5 cells, which a teacher fires now and then."""
    described = taught(RULE, 12, 5, cell=cell, w_max_mV=3.0).override(f"{ROUTE}.short_term", short)
    described = described.override(f"{ROUTE}.weights", {"kind": "constant", "value_mV": 1.5})
    rng = stream(3, "short term stdp")
    rasters = {"in": rng.random((400, 12)) < 0.04, "teacher": rng.random((400, 5)) < 0.02}
    chosen = engine(name, target="numpy") if name == "brian" else engine(name)
    simulation = chosen.build(described, seed=1)
    recording = simulation.run(n_frames=8, rasters=rasters, learn=True, record=Record(spikes=True))
    return described, recording, simulation.state()


def test_a_rule_does_not_see_what_is_delivered() -> None:
    """Oracle: the same weights, to the bit, without short-term plasticity, where a teacher alone fires the targets; V is another."""
    for name in ("reference", "event"):
        (_, one, with_it), (_, two, without) = (learned(short, name, None) for short in (SHORT, None))
        assert np.array_equal(one.spikes["out"].steps, two.spikes["out"].steps) and len(one.spikes["out"].steps) > 20
        assert np.array_equal(with_it.weights(ROUTE), without.weights(ROUTE))
        assert np.ptp(with_it.weights(ROUTE)) > 0.1
        assert not np.allclose(with_it.arrays["v/out"], without.arrays["v/out"])


@pytest.mark.parametrize("name", ["event", "torch_", pytest.param("brian", marks=pytest.mark.slow)])
def test_engines_agree(name: str) -> None:
    """Oracle: the reference; spikes equal, weights, potentials and resources within 1e-9. The event engine lets updates wait."""
    cell = LIF(tau_mem_ms=12.0, v_threshold_mV=2.0, t_ref_ms=2.0)
    (described, one, mine), (_, two, other) = (learned(SHORT, n, cell) for n in (name, "reference"))
    assert "lazy" in EventEngine().plan(described)[ROUTE]
    assert np.array_equal(one.spikes["out"].steps, two.spikes["out"].steps) and np.array_equal(
        one.spikes["out"].cells, two.spikes["out"].cells
    )
    assert len(one.spikes["out"].steps) > 20 and np.ptp(mine.weights(ROUTE)) > 0.1
    for key in (f"weights/{ROUTE}", "v/out", f"resources/{ROUTE}", f"utilised/{ROUTE}", f"arrived/{ROUTE}"):
        np.testing.assert_allclose(mine.arrays[key], other.arrays[key], rtol=1e-9, atol=1e-12)
    _, three, _ = learned(None, name, cell)
    assert len(three.spikes["out"].steps) > 1.3 * len(one.spikes["out"].steps)


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: closed forms, and what the papers say of each kind: transients and a limit, or a rate that is told best."""
    done = runpy.run_path(str(EXAMPLE))["main"]()
    assert "closed form" in capsys.readouterr().out
    assert done["largest difference"] < 1e-9
    assert done["depressing pair 20 ms"] == pytest.approx(1.0 - 0.5 * np.exp(-20.0 / 800.0), rel=1e-12)
    paired = (1.0 + 0.96 * np.exp(-0.02)) * (1.0 - 0.04 * np.exp(-0.2))
    assert done["facilitating pair 20 ms"] == pytest.approx(paired, rel=1e-12)
    slow = ShortTerm(utilisation=0.5, recovery_ms=800.0).steady(10.0)[1]
    first = 5.0 * (1.0 - (1.0 - 0.5 * slow) * np.exp(-20.0 / 800.0)) / slow
    assert done["depressing first"] == pytest.approx(first, rel=1e-9) and first > 3.0 > 1.2 > done["depressing after"] > 1.0
    assert done["depressing 100 Hz"] * 100 == pytest.approx(1.0 / 0.8, rel=0.02)
    assert done["peak Hz"] == pytest.approx(done["peak Hz by formula"], rel=0.1)
