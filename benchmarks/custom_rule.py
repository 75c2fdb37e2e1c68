"""What a rule of one's own costs: time for each synaptic event, beside the same rule of the package.

``python benchmarks/custom_rule.py`` prints one line for each rule; static synapses are the floor. An event is the arrival
of a spike at a synapse. Runs alternate between the rules and the least time of each counts, so that other work on the
machine weighs on all of them alike.
"""

from __future__ import annotations

import argparse
import time
from typing import Literal

import numpy as np

from plasticity import PairSTDP
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines.driver import Simulation
from snn.engines.event import EventEngine
from snn.local import Rule, State, Trace, Update, W, own, post, pre
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import LocalField
from snn.weights import Uniform

A_PLUS_mV, A_MINUS_mV, W_MAX_mV = 1e-3, 1.1e-3, 0.2


class MyPair(Rule):
    """The additive pair rule, as a user would write it."""

    kind: Literal["my_pair"] = "my_pair"

    def traces(self) -> tuple[Trace, ...]:
        return Trace("before", "pre", tau_ms=20.0), Trace("after", "post", tau_ms=20.0)

    def updates(self) -> tuple[Update, ...]:
        return Update("post_spike", W + A_PLUS_mV * pre("before")), Update("pre_spike", W - A_MINUS_mV * post("after"))


class MySoftPair(MyPair):
    """With a soft upper bound, which cannot wait: every spike of a target walks along its synapses."""

    kind: Literal["my_soft_pair"] = "my_soft_pair"  # type: ignore[assignment]

    def updates(self) -> tuple[Update, ...]:
        return (
            Update("post_spike", W + A_PLUS_mV / W_MAX_mV * (W_MAX_mV - W) * pre("before")),
            Update("pre_spike", W - A_MINUS_mV * post("after")),
        )


class MyEligible(MyPair):
    """With an eligibility of each synapse, which teaches it in every step."""

    kind: Literal["my_eligible"] = "my_eligible"  # type: ignore[assignment]

    def states(self) -> tuple[State, ...]:
        return (State("e", tau_ms=50.0),)

    def updates(self) -> tuple[Update, ...]:
        return (
            Update("post_spike", None, {"e": own("e") + A_PLUS_mV * pre("before")}),
            Update("pre_spike", None, {"e": own("e") - A_MINUS_mV * post("after")}),
            Update("step", W + 0.02 * own("e")),
        )


RULES: dict[str, Rule | None] = {
    "static": None,
    "PairSTDP": PairSTDP(a_plus_mV=A_PLUS_mV, a_minus_mV=A_MINUS_mV),
    "MyPair": MyPair(),
    "MySoftPair": MySoftPair(),
    "MyEligible": MyEligible(),
}


def network(rule: Rule | None, side: int) -> Network:
    """One projection from sources to cells, every synapse with a weight of its own.

    Parameters
    ----------
    rule : Rule or None
    side : int
        Sites along an edge.

    Returns
    -------
    Network
    """
    cell = LIF(tau_mem_ms=20.0, v_threshold_mV=1.7, t_ref_ms=2.0)
    return Network(
        frame_ms=100.0,
        populations=(
            Population(name="in", shape=(side, side, 8), cell=SpikeSource()),
            Population(name="out", shape=(side, side, 16), cell=cell, receptors=(Receptor(name="fast", tau_ms=5.0),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="fast", topology=LocalField(size=5), weights=Uniform(low_mV=0.0, high_mV=W_MAX_mV),
                delay_ms=1.0, rule=rule, w_max_mV=W_MAX_mV if rule else None,
            ),
        ),
    )  # fmt: skip


def measure(side: int, n_frames: int, repeats: int, names: tuple[str, ...] = tuple(RULES)) -> dict[str, float]:
    """Time the rules.

    Parameters
    ----------
    side : int
        Sites along an edge.
    n_frames : int
        Frames of 100 ms of each run.
    repeats : int
        Runs of each rule.
    names : tuple of str
        Which of `RULES`.

    Returns
    -------
    dict of str to float
        Nanoseconds for each synaptic event.
    """
    engine, best = EventEngine("float32"), dict.fromkeys(names, np.inf)
    made: dict[str, Simulation] = {name: engine.build(network(RULES[name], side), seed=1) for name in names}
    described = made[names[0]].network
    steps = n_frames * round(described.frame_ms)
    rasters = {"in": stream(0, "benchmark", "custom rule").random((steps, described.population("in").n)) < 0.02}
    events = float((rasters["in"].sum(axis=0) * described.out_degree(described.projections[0])).sum())
    for repeat in range(repeats + 1):
        for name, simulation in made.items():
            simulation.restart()
            begin = time.perf_counter()
            recording = simulation.run(n_frames=n_frames, rasters=rasters, learn=True)
            if repeat == 0:
                rate = float(recording.counts["out"].mean()) * 1000.0 / described.frame_ms
                print(f"{name:<12} sources fire at 20 Hz, targets at {rate:.1f} Hz")
            if repeat:
                best[name] = min(best[name], time.perf_counter() - begin)
    return {name: 1e9 * seconds / events for name, seconds in best.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=24)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    found, engine = measure(given.side, given.frames, given.repeats), EventEngine()
    for name, ns in found.items():
        rule = RULES[name]
        how = next(iter(engine.plan(network(rule, given.side)).values())) if rule else "no rule"
        print(f"{name:<12}{ns:8.2f} ns an event  {how}")
    print(f"MyPair / PairSTDP: {found['MyPair'] / found['PairSTDP']:.2f}")


if __name__ == "__main__":
    main()
