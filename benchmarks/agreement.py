"""Do the engines agree? A plastic two-level circuit learns for one biological second on each of them.

    python benchmarks/agreement.py [--seed 0] [--without-brian]

Prints, against the reference engine: spikes that moved, the largest relative difference of a weight, and how many cells
were ever within 1e-9 mV of their threshold (0, or a tie could have decided something). Exit status 1 when they differ.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from plasticity import ErrorGated
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.prednet import PredNetSpec, prednet
from snn.recording import Record, Recording
from snn.stimuli import drifting_movies, photographs
from snn.testing import moved_spikes

NEAR_MV = 1e-9


def main() -> int:
    """Run the comparison; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-brian", action="store_true")
    options = parser.parse_args()
    spec = PredNetSpec(rows=16, cols=16, levels=2)
    network = prednet(spec, ErrorGated(quantum_mV=spec.error_quantum_mV, eta=0.3))
    movie = drifting_movies(photographs(held_out=False), 1, 20, 16, seed=options.seed)[0]
    print(f"{network.n_neurons} cells, {len(network.projections)} projections, 20 frames of 50 ms, learning")
    names = ["reference", "event", "torch_", *([] if options.without_brian else ["brian"])]
    found: dict[str, tuple[Simulation, Recording]] = {}
    for name in names:
        start = time.perf_counter()
        simulation = engine(name).build(network, seed=options.seed)
        found[name] = simulation, simulation.run(movie, learn=True, record=Record(spikes=True))
        print(f"{name:<10} {sum(len(s.steps) for s in found[name][1].spikes.values())} spikes, {time.perf_counter() - start:.1f} s")
    oracle, expected = found["reference"]
    margin = oracle.backend.margin_mV  # type: ignore[attr-defined]
    differs = bool(margin <= NEAR_MV)
    near = "at least 1" if differs else "0"
    print(f"smallest distance of a cell from its threshold at any step: {margin:.2g} mV; cells within {NEAR_MV} mV: {near}")
    for name in names[1:]:
        simulation, recording = found[name]
        moved = moved_spikes(expected, recording)
        apart = 0.0
        for j in network.projections:
            a, b = oracle.state().weights(j.name), simulation.state().weights(j.name)
            apart = max(apart, float(np.max(np.abs(a - b) / np.maximum(np.abs(a), 1e-12), initial=0.0)))
        print(f"{name:<10} spikes moved: {moved}; largest relative difference of a weight: {apart:.2g}")
        differs |= moved > 0 or apart > 1e-9
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
