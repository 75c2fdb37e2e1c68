"""A learning rule of one's own, in ten lines, on the compiled engine: cells learn which of two groups of inputs drives them.

Run it with ``python examples/custom_rule.py``; it takes seconds.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from snn._model import Positive
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines.event import EventEngine
from snn.local import Rule, Trace, Update, W, post, pre
from snn.seeding import stream
from snn.synapses import Receptor
from snn.topology import Dense
from snn.weights import Uniform

W_MAX_mV, N, FRAMES, FRAME_MS = 1.0, 20, 100, 100


class SoftSTDP(Rule):
    """Pair STDP whose steps shrink towards the bounds (van Rossum, Bi & Turrigiano 2000)."""

    kind: Literal["soft_stdp"] = "soft_stdp"
    rate: Positive = 0.02

    def traces(self) -> tuple[Trace, ...]:
        """One trace on each side."""
        return (Trace("x", "pre", tau_ms=20.0), Trace("y", "post", tau_ms=20.0))

    def updates(self) -> tuple[Update, ...]:
        """Potentiation towards the upper bound, depression towards 0."""
        return (
            Update("pre_spike", W - self.rate * W * post("y")),
            Update("post_spike", W + self.rate * (W_MAX_mV - W) * pre("x")),
        )


def network(rule: Rule) -> Network:
    """Two groups of sources, of which only the first fires together, on ten cells."""
    cell = LIF(tau_mem_ms=10.0, v_threshold_mV=3.0, t_ref_ms=2.0)
    return Network(
        frame_ms=FRAME_MS,
        populations=(
            Population(name="together", shape=(1, 1, N), cell=SpikeSource()),
            Population(name="alone", shape=(1, 1, N), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 10), cell=cell, receptors=(Receptor(name="fast", tau_ms=5.0),)),
        ),
        projections=tuple(
            Projection(
                source=source, target="out", receptor="fast", topology=Dense(), weights=Uniform(low_mV=0.3, high_mV=0.5),
                delay_ms=1.0, rule=rule, w_max_mV=W_MAX_mV,
            )
            for source in ("together", "alone")
        ),
    )  # fmt: skip


def main() -> dict[str, float]:
    """Learn, and print the mean weight of each group before and after, and how the engine runs the rule."""
    described, engine, rng = network(SoftSTDP()), EventEngine(), stream(0, "example", "custom rule")
    for name, how in engine.plan(described).items():
        print(f"{name} learns {how}")
    simulation = engine.build(described, seed=1)
    steps = FRAMES * FRAME_MS
    volleys = rng.random((steps, 1)) < 0.01
    rasters = {"together": volleys & (rng.random((steps, N)) < 0.9), "alone": rng.random((steps, N)) < 0.009}

    def means() -> dict[str, float]:
        return {s: float(np.mean(simulation.state().weights(f"{s}->out/fast"))) for s in ("together", "alone")}

    before = means()
    simulation.run(n_frames=FRAMES, rasters=rasters, learn=True)
    after = means()
    for name in before:
        print(f"mean weight of the inputs that fire {name}: {before[name]:.3f} -> {after[name]:.3f} mV")
    return after


if __name__ == "__main__":
    main()
