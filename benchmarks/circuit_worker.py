"""The product's own circuit on drifting photographs; prints one line of JSON.

Usage: circuit_worker.py ENGINE OPTION SIDE FRAMES (static|learning) [BRANCHES LEVELS], OPTION being a precision or Brian2's
code target. With more than one branch it is the circuit of the gated recipe.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import numpy as np
from measure import Blocks, median, peak_MB, timed
from numpy.typing import NDArray

from comparisons.recipes import RECIPES
from snn.engines import engine
from snn.engines.layout import Layout
from snn.prednet import prednet
from snn.stimuli import drifting_movies, photographs


def main(name: str, option: str, side: str, frames: str, mode: str, branches: str = "1", levels: str = "1") -> None:
    n = int(frames)
    recipe = RECIPES["gated" if int(branches) > 1 else "plain"]
    size = {"rows": int(side), "cols": int(side), "branches": int(branches), "levels": int(levels)}
    spec = recipe.spec.model_copy(update=size)
    net = prednet(spec, *recipe.rules(spec), upper_rule=recipe.upper_rule(spec))
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
    if name == "event" and int(branches) > 1:
        found |= bound(sim.layout, runs[0][2].counts, option, n, learn=learn)
    print(json.dumps(found))


def bound(layout: Layout, counts: Mapping[str, NDArray[np.float64]], precision: str, n: int, *, learn: bool) -> dict[str, float]:
    """What memory alone allows: each synaptic event reads its weight, and a frame that teaches reads and writes all that learn."""
    spec_bytes = np.dtype(precision).itemsize
    plastic = [j for j in layout.network.projections if j.rule is not None]
    n_plastic = sum(int(layout.network.out_degree(j).sum()) for j in plastic)
    events = 0.0
    for j in layout.network.projections:
        degree = layout.network.out_degree(j)
        events += float((counts[j.source].reshape(-1, len(degree)) * degree).sum()) / n
    block = max(5 * layout.network.ends(j)[1].channels for j in plastic)
    GBps = Blocks(n_plastic, block, precision).GBps()
    moved = events * spec_bytes + (2 * n_plastic * spec_bytes if learn else 0)
    return {"synaptic_events_per_frame": events, "plastic": n_plastic, "GBps": GBps, "bound_ms_per_frame": moved / GBps / 1e6}


if __name__ == "__main__":
    main(*sys.argv[1:])
