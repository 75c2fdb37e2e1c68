"""What a frame of the circuit costs as it grows: time, time for each synaptic event, memory, and what a run folder holds.

``python benchmarks/scale.py`` builds circuits of growing size and depth, lets each learn from a few drifts, and prints CPU time of a frame
while it learns and with frozen weights, of one core. docs/scaling.md extrapolates from what it prints, and only from that.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

from measure import timed

from comparisons.forecasters import CircuitForecaster
from comparisons.learning import DRIFT_PLAN, Job, save_weights
from comparisons.movies import Source
from plasticity.training import learn

SIZES = ((16, 1), (24, 2), (32, 2), (64, 3), (128, 4))


def measured(size: int, levels: int, movies: int) -> str:
    """Build one circuit and print its row."""
    # Deep circuits fire fast before they have learned: the guard against those that blow up must let them.
    plan = DRIFT_PLAN.model_copy(update={"max_rate_Hz": 1000.0})
    job = Job(source=Source(frames="photographs", size=size, n_movies=movies), levels=levels, plan=plan)
    build_s, _, simulation = timed(lambda: job.simulation(job.network()))
    shown = job.source.learning(0)
    simulation.run(shown[0], learn=True)  # kernels are compiled or loaded
    n_frames = sum(m.n_frames for m in shown)
    learn_s, _, _ = timed(lambda: learn(simulation, shown, job.plan))
    simulation.restart()
    frozen_s, _, _ = timed(lambda: simulation.run(shown[0]))
    told = CircuitForecaster(simulation).show(shown[0])
    assert told.synaptic_events is not None
    spikes, events = (x / shown[0].n_frames for x in (sum(told.spikes.values()), told.synaptic_events))
    learning_ms, frozen_ms = 1e3 * learn_s / n_frames, 1e3 * frozen_s / shown[0].n_frames
    with tempfile.TemporaryDirectory() as out:
        save_weights(Path(out) / "weights.npz", simulation.state())
        weights_MB = (Path(out) / "weights.npz").stat().st_size / 1e6
    state_MB = sum(a.nbytes for a in simulation.state().arrays.values()) / 1e6
    peak_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cells, synapses = simulation.network.n_neurons, int(simulation.layout.out_degree.sum())
    return (
        f"{size:>4} {levels:>3} {cells:>9} {synapses:>11} {build_s:>6.1f} {learning_ms:>10.1f} {frozen_ms:>9.1f} {spikes:>10.0f} "
        f"{events:>12.0f} {1e6 * frozen_ms / events:>10.1f} {1e6 * frozen_ms / spikes:>10.0f} {state_MB:>9.1f} {weights_MB:>11.1f} "
        f"{peak_MB:>8.0f}"
    )


def main(sizes: list[tuple[int, int]], movies: int) -> None:
    """Print a row for every size."""
    print(
        f"{'px':>4} {'lev':>3} {'cells':>9} {'synapses':>11} {'build':>6} {'learn ms':>10} {'frozen ms':>9} {'spikes':>10} {'events':>12} "
        f"{'ns / event':>10} {'ns / spike':>10} {'state MB':>9} {'weights MB':>11} {'peak MB':>8}   a frame, one core"
    )
    for size, levels in sizes:
        print(measured(size, levels, movies), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movies", type=int, default=6)
    parser.add_argument("--least", type=int, default=16)
    parser.add_argument("--largest", type=int, default=128)
    asked = parser.parse_args()
    main([(s, n) for s, n in SIZES if asked.least <= s <= asked.largest], asked.movies)
