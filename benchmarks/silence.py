"""What inhibition is for: score a run with one inhibitory population silenced at a time.

    python benchmarks/silence.py RUN --frames SRC [--clips NAMES] [--from FRAME --to FRAME]

A population is silenced by setting what it sends to 0, in the frozen network. Choose frames that were not learned from,
such as those of ``--validate``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from comparisons.inspection import load_run
from plasticity.training import forecast_error
from snn.state import State


def main() -> None:
    """Print the ratio to copying the last frame, intact and silenced."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--frames", required=True)
    parser.add_argument("--clips", default="")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--to", dest="last", type=int)
    options = parser.parse_args()
    run = load_run(options.run)
    names = tuple(c for c in options.clips.split(",") if c)
    movie = run.job.source.model_copy(update={"frames": options.frames, "clips": names}).read()[0]
    movie = movie.part(options.first, options.last or movie.n_frames)
    network, state = run.simulation.network, run.simulation.state()
    inhibitory = [p.name for p in network.populations if p.sign == "inhibitory"]
    for silenced in ([], *([name] for name in inhibitory), inhibitory):
        arrays = dict(state.arrays)
        for j in network.projections:
            if j.source in silenced:
                arrays[f"weights/{j.name}"] = np.zeros_like(arrays[f"weights/{j.name}"])
        simulation = run.job.simulation(network, State(arrays, state.step, state.seed, state.dt_ms, state.digest))
        recording = simulation.run(movie)
        model, copy, _ = forecast_error(recording, movie)
        rates = ", ".join(f"{name.split('.')[-1]} {recording.mean_rate_Hz(name):.1f} Hz" for name in inhibitory)
        print(f"{' + '.join(silenced) or 'intact':<60} ratio {model / copy:.3f}   ({rates})")


if __name__ == "__main__":
    main()
