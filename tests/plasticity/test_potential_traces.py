"""Traces that follow the target's potential: their low-pass by itself, and what may not be asked of them."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest

from plasticity.testing import taught
from snn.cells import LIF
from snn.engines import engine
from snn.local import Rule, Trace, Update, W, maximum, post, pre
from snn.seeding import stream

ENGINES = ("reference", "event", "brian", "torch_")


class Follower(Rule):
    """Adds, at every spike of the target, what the low-pass of the potential makes of the trace of arrivals."""

    kind: Literal["follower"] = "follower"

    def traces(self) -> tuple[Trace, ...]:
        return Trace("x", "pre", tau_ms=9.0), Trace("u", "post", tau_ms=13.0, follows="potential")

    def updates(self) -> tuple[Update, ...]:
        return (Update("post_spike", W + 0.01 * pre("x") * maximum(post("u"), 0.0)),)


@pytest.mark.parametrize("name", ENGINES)
def test_the_low_pass_of_the_potential(name: str) -> None:
    """Oracle: membrane, reset and low-pass in a loop over steps; inhibition takes both below rest."""
    network = taught(Follower(), 2, 1, cell=LIF(tau_mem_ms=12.0, v_threshold_mV=4.0, v_reset_mV=-1.0), frame_ms=40.0, sign="mixed")
    rng = stream(0, "follower")
    pre = rng.random((80, 2)) < 0.3
    born = engine("reference").build(network).state()
    weights = np.array([[2.5], [-1.5]])
    simulation = engine(name).build(network, state=type(born)({**born.arrays, "weights/in->out/weak": weights}, 0, 0, 1.0, network.digest))
    simulation.run(n_frames=2, rasters={"in": pre, "teacher": np.zeros((80, 1), bool)}, learn=False)
    v, u, heard, lowest = 0.0, 0.0, 0.0, 0.0
    for x in pre:
        v = math.exp(-1 / 12.0) * (v + heard)
        heard = float(x @ weights[:, 0])
        v = -1.0 if v >= 4.0 else v
        u = math.exp(-1 / 13.0) * u + (1 - math.exp(-1 / 13.0)) * v
        lowest = min(lowest, u)
    arrays = simulation.state().arrays
    assert lowest < -0.1 and int(arrays["total/out"][0]) > 2
    assert float(arrays["trace/in->out/weak/u"][0]) == pytest.approx(u, rel=1e-9)
    assert float(arrays["v/out"][0]) == pytest.approx(v, rel=1e-9)


def test_updates_with_it_do_not_wait() -> None:
    """What is below 0 could turn the sign between two arrivals."""
    plan: dict[str, Any] = engine("event").plan(taught(Follower(), 2, 1))  # type: ignore[attr-defined]
    assert "a trace of the potential stands at spikes of the target" in plan["in->out/weak"]


@pytest.mark.parametrize(
    "wrong", [{"side": "pre", "tau_ms": 5.0}, {"side": "post", "frame": "mean"}, {"side": "post", "follows": "voltage"}]
)
def test_what_cannot_follow_the_potential(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="trace 'u': follows must be 'spikes', or 'potential' with side='post' and tau_ms"):
        Trace(**({"name": "u", "tau_ms": None, "follows": "potential"} | wrong))
