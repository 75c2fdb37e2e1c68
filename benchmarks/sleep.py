"""What sleep gives: drifts that are few, or that leave half of the frame still, learned from; then scored on whole drifts.

For each seed the plain circuit learns once from photographs and is scored as it is, after a night, after a night in which
sites were shown different patterns (a control), and with weights that were averaged over sites exactly (what weight sharing
would give). Photographs scored are never learned from: ``--held-out``, or three of the learning ones for choosing constants.

    python benchmarks/sleep.py --size 16 --clips 30 --still --seeds 3
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from comparisons.learning import Job
from comparisons.movies import Source
from plasticity.sleep import Sleep, routes, sleep_through
from plasticity.training import Plan, forecast_error, learn
from snn.engines.driver import Simulation
from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.topology import existing

CHOOSING = ("camera", "coins", "grass")


def half_still(movie: Movie) -> Movie:
    """Keep the right half of every frame as it was in the first."""
    frames = movie.frames.copy()
    frames[:, :, movie.size[1] // 2 :] = frames[:1, :, movie.size[1] // 2 :]
    return Movie(frames, movie.frame_ms, movie.name, movie.source)


def arrays(simulation: Simulation) -> list[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    """Name, weights and which of them exist, of the routes that sleep equalises."""
    network, state = simulation.network, simulation.state()
    return [(j.name, state.weights(j.name), existing(j.topology, *network.ends(j))) for route in routes(network) for j in route]


def means(w: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the sites that have a synapse at a place, for each place."""
    found: NDArray[np.float64] = np.where(there, w, 0.0).sum((0, 1)) / there.sum((0, 1))
    return found


def dispersion(simulation: Simulation) -> float:
    """Standard deviation over sites, averaged over places, divided by the mean weight."""
    sd, mean = 0.0, 0.0
    for _, w, there in arrays(simulation):
        mu = means(w, there)
        sd += float(np.sqrt((there * (w - mu) ** 2).sum((0, 1)) / there.sum((0, 1))).mean())
        mean += float(mu.mean())
    return sd / mean


def average(simulation: Simulation) -> None:
    """Give every site the mean weights."""
    state = simulation.state()
    shared = {f"weights/{name}": np.where(there, means(w, there), 0.0) for name, w, there in arrays(simulation)}
    simulation.backend.load({**state.arrays, **shared}, state.step)


def ratio(simulation: Simulation, movies: tuple[Movie, ...]) -> float:
    """Error over the error of copying the last frame, weights frozen."""
    total = np.zeros(2)
    for movie in movies:
        simulation.restart()
        total += np.array(forecast_error(simulation.run(movie, learn=False), movie)[:2])
    return float(total[0] / total[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--still", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--range-mV", type=float, default=Sleep().range_mV)
    asked = parser.parse_args()
    images = photographs(False)
    taught = images if asked.held_out else {k: v for k, v in images.items() if k not in CHOOSING}
    scored = photographs(True) if asked.held_out else {k: images[k] for k in CHOOSING}
    tests = drifting_movies(scored, 40, 10, asked.size, seed=999)
    print("seed  way     ratio  SD/mean  s", flush=True)
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        job = Job(source=Source(frames="photographs", size=asked.size), plan=Plan(), seed=seed)
        movies = drifting_movies(taught, asked.clips, 10, asked.size, seed=seed + 1)
        movies = tuple(half_still(m) for m in movies) if asked.still else movies
        simulation = job.simulation(job.network())
        began = time.monotonic()
        learn(simulation, movies, job.plan, seed=seed)
        learned = simulation.state()
        for way in ("none", "exact", "sleep", *(["mixed"] if asked.control else [])):
            simulation.backend.load(learned.arrays, learned.step)
            if way == "exact":
                average(simulation)
            elif way != "none":
                sleep_through(simulation, Sleep(range_mV=asked.range_mV, mixed=way == "mixed"), job.simulation, seed=seed)
            spread = dispersion(simulation)
            print(f"{seed:4d}  {way:6s}  {ratio(simulation, tests):.3f}  {spread:.3f}  {time.monotonic() - began:.0f}", flush=True)


if __name__ == "__main__":
    main()
