"""A simulation script: build a circuit, let it learn from a video, record its spikes, and draw them.

    python examples/simulation.py --out runs/simulation.png
    python examples/simulation.py --frames drive.mp4 --movies 20 --out runs/simulation.png

Everything is a value that can be changed: the sizes, one field of the description, the rule, the movies. Prints the rates of all
populations, excitatory and inhibitory, and draws the spikes of the middle of the picture over one movie beside the frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from comparisons.figure_style import EXCITATORY, INHIBITORY, new_figure, save
from comparisons.scripts import count, place_for_file, said_plainly
from plasticity import ErrorGated
from plasticity.training import Plan, forecast_error, learn
from snn.engines import engine
from snn.errors import MovieError, sentence
from snn.prednet import PredNetSpec, prednet
from snn.recording import Record
from snn.stimuli import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.stimuli.reading import read_movies

SIZE, FRAMES = 16, 12
SHOWN = ("level0.target", "level0.prediction", "level0.prediction_inh", "level0.error_pos", "level0.error_neg", "level0.representation")


def movies(frames: str | None, n: int) -> tuple[list[Movie], Movie]:
    """Give movies to learn from, and one that is not learned from."""
    if frames is None:
        learned = drifting_movies(photographs(held_out=False), n, FRAMES, SIZE, seed=1)
        return list(learned), drifting_movies(photographs(held_out=True), 1, FRAMES, SIZE, seed=2)[0]
    video = read_movies(frames, size=SIZE)[0]
    starts = range(0, video.n_frames - FRAMES + 1, FRAMES)
    parts = [video.part(t, t + FRAMES) for t in starts][: n + 1]
    if len(parts) < 2:
        raise MovieError(sentence(frames, "is too short", got=f"{video.n_frames} frames", allowed=f">= {2 * FRAMES}"))
    return parts[:-1], parts[-1]


def main(frames: str | None, n_movies: int, out: Path) -> None:
    """Learn, record, print, draw."""
    place_for_file(out)
    spec = PredNetSpec(rows=SIZE, cols=SIZE)
    network = prednet(spec, ErrorGated(quantum_mV=spec.error_quantum_mV))
    network = network.override("level0.error_pos.cell.threshold_jitter_mV", 0.1)  # any field can be changed by its path
    simulation = engine("event").build(network, seed=0)

    seen, unseen = movies(frames, n_movies)
    learn(simulation, seen, Plan(passes=1, eta_start=0.8, eta_end=0.05))
    simulation.restart()
    recording = simulation.run(unseen, record=Record(spikes=True))
    mse, copying, _ = forecast_error(recording, unseen)
    print(f"error / error of copying the last frame: {mse / copying:.2f}")
    for p in network.populations:
        print(f"{p.name:<28}{p.sign:<12}{p.n:>6} cells {recording.mean_rate_Hz(p.name):>7.1f} Hz")

    figure = new_figure(8.0, 5.0)
    pictures, raster = figure.subplots(2, 1, height_ratios=[1, 4])
    pictures.imshow(np.hstack(unseen.frames), cmap="gray", vmin=0, vmax=1, aspect="auto")
    pictures.set_axis_off()
    for row, name in enumerate(SHOWN):
        spikes, (rows, cols, features) = recording.spikes[name], network.population(name).shape
        here = spikes.cells // (cols * features) == rows // 2  # the middle row of the picture
        colour = INHIBITORY if network.population(name).sign == "inhibitory" else EXCITATORY
        order = spikes.cells[here] % (cols * features) / (cols * features)
        raster.plot(spikes.steps[here], row + 0.05 + 0.9 * order, "|", ms=3, color=colour)
    raster.set_yticks(np.arange(len(SHOWN)) + 0.5, [name.removeprefix("level0.") for name in SHOWN])
    raster.set_ylim(len(SHOWN), 0)
    raster.set_xlim(0, len(unseen.frames) * recording.frame_steps)
    raster.set_xlabel("time (ms)")
    save(figure, out)
    print(f"figure: {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", help="video, folder or zip of frames; drifting photographs when left out")
    parser.add_argument("--movies", type=count, default=200, help="how many to learn from")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    said_plainly(main, asked.frames, asked.movies, asked.out)
