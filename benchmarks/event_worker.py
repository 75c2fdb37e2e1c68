"""Our event engine on the common workload, in a process of its own; prints one line of JSON.

Usage: event_worker.py (static|stdp) (float64|float32) SIDE REPEATS [file for the spikes of B in the first second]
"""

from __future__ import annotations

import json
import sys

import numpy as np
import workload
from measure import Blocks, median, peak_MB, timed

from snn.engines import engine
from snn.recording import Record


def main(mode: str, precision: str, side: str, repeats: str, spikes: str = "") -> None:
    net = workload.network(int(side), learning=mode == "stdp")
    learn = mode == "stdp"
    raster = workload.raster(net)

    def build():
        return engine("event", precision=precision).build(net, seed=workload.SEED)

    build_cpu, build_wall, sim = timed(build)
    # Compiles, or reads the compiled kernels from numba's cache; also gives the spikes.
    first_cpu, first_wall, _ = timed(lambda: sim.run(n_frames=1, rasters={"A": raster}, learn=learn))
    if spikes:
        sim = build()
        shown = sim.run(n_frames=1, rasters={"A": raster}, learn=learn, record=Record(spikes=True))
        learned = sim.state().weights("A->B/g") if learn else np.zeros(0)
        np.savez(spikes, steps=shown.spikes["B"].steps, cells=shown.spikes["B"].cells, w=learned[learned != 0])
    n_weights = sum(int(np.prod(net.weight_shape(j.name))) for j in net.projections)
    blocks = Blocks(n_weights, 25 * net.population("B").shape[2], precision)
    cpu, wall, bandwidth, done = [], [], [], []
    for _ in range(int(repeats)):
        if learn:
            sim = build()  # weights as at the beginning
        else:
            sim.restart()
        bandwidth.append(blocks.GBps())
        c, w, run = timed(lambda sim=sim: sim.run(n_frames=1, rasters={"A": raster}, learn=learn))
        cpu.append(c)
        wall.append(w)
        done.append(workload.events(net, run.counts["A"][0], run.counts["B"][0]))
        bandwidth.append(blocks.GBps())
    found = {
        "s_per_bio_s": median(cpu),
        "best_s": min(cpu),
        "wall_s": median(wall),
        "all_cpu_s": cpu,
        "build_s": build_cpu,
        "build_wall_s": build_wall,
        "compile_s": first_cpu - median(cpu),
        "compile_wall_s": first_wall - median(wall),
        "peak_MB": peak_MB(),
        "rate_Hz": run.mean_rate_Hz("B"),
        "events": median(done),
        "ns_per_event": median([1e9 * c / e for c, e in zip(cpu, done, strict=True)]),
        "bytes_per_event": np.dtype(precision).itemsize,
        "random_block_GBps": median(bandwidth),
        "synapses": workload.n_synapses(net),
        "weights_MB": n_weights * np.dtype(precision).itemsize / 1e6,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
