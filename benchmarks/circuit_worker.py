"""The product's own circuit on drifting photographs; prints one line of JSON.

Usage: circuit_worker.py ENGINE OPTION SIDE FRAMES (static|learning), OPTION being a precision or Brian2's code target.
"""

from __future__ import annotations

import json
import sys

from measure import median, peak_MB, timed

from plasticity.predictive import ErrorGated
from snn.engines import engine
from snn.prednet import PredNetSpec, prednet
from snn.stimuli import drifting_movies, photographs


def main(name: str, option: str, side: str, frames: str, mode: str) -> None:
    n = int(frames)
    net = prednet(PredNetSpec(rows=int(side), cols=int(side)), ErrorGated())
    movie = drifting_movies(photographs(held_out=True), 1, 4 * n, int(side), seed=3)[0]
    options = {"precision": option} if name == "event" else {"target": option}
    learn = mode == "learning"
    build, build_wall, sim = timed(lambda: engine(name, **options).build(net, seed=1))
    first, first_wall, _ = timed(lambda: sim.run(movie.part(0, n), learn=learn))
    runs = [timed(lambda i=i: sim.run(movie.part(i * n, (i + 1) * n), learn=learn)) for i in (1, 2, 3)]
    scale = 1000.0 / (n * net.frame_ms)
    found = {
        "s_per_bio_s": median([r[0] for r in runs]) * scale,
        "best_s": min(r[0] for r in runs) * scale,
        "wall_s": median([r[1] for r in runs]) * scale,
        "all_cpu_s": [r[0] * scale for r in runs],
        "build_s": build,
        "build_wall_s": build_wall,
        "compile_s": max(0.0, first - median([r[0] for r in runs])),
        "compile_wall_s": max(0.0, first_wall - median([r[1] for r in runs])),
        "peak_MB": peak_MB(),
        "cells": net.n_neurons,
        "ms_per_frame": 1000 * median([r[0] for r in runs]) / n,
        "spikes_per_frame": sum(float(c.sum()) for c in runs[0][2].counts.values()) / n,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
