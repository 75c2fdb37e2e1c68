"""Traces that follow the target's potential: their low-pass by itself, and what may not be asked of them."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest

from plasticity.testing import taught
from snn._model import NonNegative
from snn.cells import LIF
from snn.engines import engine
from snn.errors import DescriptionError
from snn.local import Rule, Trace, Update, W, maximum, post, pre
from snn.seeding import stream

ENGINES = ("reference", "event", "brian", "torch_")


class Follower(Rule):
    """Adds, at every spike of the target, what the low-pass of the potential makes of the trace of arrivals."""

    kind: Literal["follower"] = "follower"
    lag_ms: NonNegative = 0.0

    def traces(self) -> tuple[Trace, ...]:
        return Trace("x", "pre", tau_ms=9.0), Trace("u", "post", tau_ms=13.0, follows="potential", lag_ms=self.lag_ms)

    def updates(self) -> tuple[Update, ...]:
        return (Update("post_spike", W + 0.01 * pre("x") * maximum(post("u"), 0.0)),)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("lag", [0, 1, 7, 100])
def test_the_low_pass_of_the_potential(name: str, lag: int) -> None:
    """Oracle: membrane, reset and low-pass of a list of potentials in a loop over steps; inhibition takes both below rest."""
    network = taught(
        Follower(lag_ms=float(lag)), 2, 1, cell=LIF(tau_mem_ms=12.0, v_threshold_mV=4.0, v_reset_mV=-1.0), frame_ms=40.0, sign="mixed"
    )
    rng = stream(0, "follower")
    pre = rng.random((80, 2)) < 0.3
    born = engine("reference").build(network).state()
    weights = np.array([[2.5], [-1.5]])
    simulation = engine(name).build(network, state=type(born)({**born.arrays, "weights/in->out/weak": weights}, 0, 0, 1.0, network.digest))
    simulation.run(n_frames=2, rasters={"in": pre, "teacher": np.zeros((80, 1), bool)}, learn=False)
    v, u, heard, lowest, past = 0.0, 0.0, 0.0, 0.0, [0.0] * lag
    for x in pre:
        v = math.exp(-1 / 12.0) * (v + heard)
        heard = float(x @ weights[:, 0])
        v = -1.0 if v >= 4.0 else v
        past.append(v)
        u = math.exp(-1 / 13.0) * u + (1 - math.exp(-1 / 13.0)) * past[-1 - lag]
        lowest = min(lowest, u)
    arrays = simulation.state().arrays
    assert (lowest < -0.1) == (lag < 80) and int(arrays["total/out"][0]) > 2
    assert float(arrays["trace/in->out/weak/u"][0]) == pytest.approx(u, rel=1e-9)
    assert float(arrays["v/out"][0]) == pytest.approx(v, rel=1e-9)
    if lag:
        np.testing.assert_allclose(arrays["lag/in->out/weak/u"][:, 0], past[-lag:], rtol=1e-9)


@pytest.mark.parametrize("name", ENGINES)
def test_what_was_not_yet_heard_moves_between_engines(name: str) -> None:
    """Oracle: the reference without a break; a state saved within a lag that is no divisor of the frame, on, and after a restart."""
    network = taught(Follower(lag_ms=7.0), 2, 1, cell=LIF(tau_mem_ms=12.0, v_threshold_mV=4.0), frame_ms=5.0, w_max_mV=3.0)
    network = network.override("in->out/weak.weights.value_mV", 2.0)
    given = [{"in": stream(t, "moves").random((15, 2)) < 0.3, "teacher": np.zeros((15, 1), bool)} for t in range(2)]

    def through(first: str, second: str) -> list[Any]:
        simulation = engine(first).build(network)
        simulation.run(n_frames=3, rasters=given[0], learn=True)
        simulation = engine(second).build(network, state=simulation.state())
        simulation.run(n_frames=3, rasters=given[1], learn=True)
        found = [simulation.state()]
        simulation.restart()
        assert not simulation.state().arrays["lag/in->out/weak/u"].any()
        simulation.run(n_frames=3, rasters=given[1], learn=True)
        return [*found, simulation.state()]

    wanted = through("reference", "reference")
    assert np.ptp(wanted[0].arrays["lag/in->out/weak/u"]) > 0.1
    for ways in ((name, "reference"), ("reference", name), (name, name)):
        for ours, theirs in zip(through(*ways), wanted, strict=True):
            for key, array in theirs.arrays.items():
                np.testing.assert_allclose(ours.arrays[key], array, rtol=1e-9, atol=1e-12, err_msg=f"{ways}, {key}")


def test_updates_with_it_do_not_wait() -> None:
    """What is below 0 could turn the sign between two arrivals."""
    plan: dict[str, Any] = engine("event").plan(taught(Follower(), 2, 1))  # type: ignore[attr-defined]
    assert "a trace of the potential stands at spikes of the target" in plan["in->out/weak"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lag_ms": -1.0, "follows": "potential"}, "trace 'u': lag_ms must be 0 or more, and finite; got -1.0"),
        ({"lag_ms": math.nan, "follows": "potential"}, "trace 'u': lag_ms must be 0 or more, and finite; got nan"),
        ({"lag_ms": 2.0}, "trace 'u': lag_ms=2.0 needs follows='potential'; got follows='spikes'"),
    ],
)
def test_lags_that_are_none(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Trace("u", "post", tau_ms=5.0, **wrong)


@pytest.mark.parametrize("lag_ms", [0.3, 7.5])
@pytest.mark.parametrize("name", ENGINES)
def test_a_lag_is_whole_steps(name: str, lag_ms: float) -> None:
    """Half a step, and seven and a half; of steps of half a millisecond the latter are fifteen."""
    network = taught(Follower(lag_ms=lag_ms), 2, 1)
    wrong = r"trace 'u'\.lag_ms: is (shorter than one step|not a whole number of steps) of 1\.0 ms"
    with pytest.raises(DescriptionError, match=wrong):
        engine(name).build(network)
    if lag_ms == 7.5:
        fine = taught(Follower(lag_ms=lag_ms), 2, 1, step_ms=0.5)
        assert engine(name).build(fine, dt_ms=0.5).state().arrays["lag/in->out/weak/u"].shape == (15, 1)


@pytest.mark.parametrize(
    "wrong", [{"side": "pre", "tau_ms": 5.0}, {"side": "post", "frame": "mean"}, {"side": "post", "follows": "voltage"}]
)
def test_what_cannot_follow_the_potential(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="trace 'u': follows must be 'spikes', or 'potential' with side='post' and tau_ms"):
        Trace(**({"name": "u", "tau_ms": None, "follows": "potential"} | wrong))


class Reader(Rule):
    """Keeps, in the weight, what an arrival finds in the low-pass."""

    kind: Literal["reader"] = "reader"

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("u", "post", tau_ms=2.0, follows="potential"),)

    def updates(self) -> tuple[Update, ...]:
        return (Update("pre_spike", 0.0 * W + post("u")),)


@pytest.mark.parametrize("name", ENGINES)
def test_arrivals_find_what_the_step_before_has_left(name: str) -> None:
    """Oracle: a cell that is held at 3 mV: the low-pass is 3 mV, however long the step is beside its time constant."""
    cell = LIF(tau_mem_ms=1e-3, v_threshold_mV=1e6)
    network = taught(Reader(), 1, 1, cell=cell, frame_ms=100.0)
    held = [p.model_copy(update={"biased": True, "bias_mV": 3.0}) if p.name == "out" else p for p in network.populations]
    network = network.model_copy(update={"populations": tuple(held)})
    simulation = engine(name).build(network)
    given = {"in": np.arange(100)[:, None] == 99, "teacher": np.zeros((100, 1), bool)}
    simulation.run(n_frames=1, rasters=given, learn=True)
    assert float(simulation.state().weights("in->out/weak")[0, 0]) == pytest.approx(3.0, rel=1e-12)
