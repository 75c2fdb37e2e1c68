"""The common workload as a plain sparse torch loop, as torch libraries for spiking networks do it: one matrix product a step.

Usage: torch_worker.py STEPS. Prints one line of JSON; the time is scaled from STEPS to one biological second.
"""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import torch
import workload
from measure import median, peak_MB, timed


def main(steps: str) -> None:
    torch.set_num_threads(1)
    net = workload.network()
    raster = torch.from_numpy(workload.raster(net)).float()

    def matrix(source: str) -> torch.Tensor:
        pre, post, w = lists[source]
        size = (net.population("B").n, net.population(source).n)
        indices = torch.from_numpy(np.stack([post, pre]).astype(np.int64))
        return torch.sparse_coo_tensor(indices, torch.from_numpy(w).float(), size, check_invariants=False).coalesce().to_sparse_csr()

    lists = workload.synapses(net)
    build, _, (forward, recurrent) = timed(lambda: (matrix("A"), matrix("B")))
    p, d = math.exp(-1 / workload.TAU_MEM), math.exp(-1 / workload.TAU_SYN)
    k = workload.TAU_SYN / (workload.TAU_SYN - workload.TAU_MEM) * (d - p)

    def loop() -> float:
        v, g = torch.zeros(net.population("B").n), torch.zeros(net.population("B").n)
        sent = 0.0
        for n in range(int(steps)):
            v = p * v + k * g
            g = d * g
            spikes = (v >= workload.THRESHOLD).float()
            sent += float(spikes.sum())
            g = g + forward @ raster[n] + recurrent @ spikes
            v = v * (1 - spikes)
        return sent

    with torch.inference_mode():
        runs = [timed(loop) for _ in range(3)]
    scale = workload.STEPS / int(steps)
    found = {
        "s_per_bio_s": median([r[0] for r in runs]) * scale,
        "best_s": min(r[0] for r in runs) * scale,
        "wall_s": median([r[1] for r in runs]) * scale,
        "all_cpu_s": [r[0] * scale for r in runs],
        "build_s": build,
        "peak_MB": peak_MB(),
        "rate_Hz": runs[0][2] / net.population("B").n * scale,
        "scaled_from_steps": int(steps),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
