"""Your own video: how well copying, two bars and a spiking circuit foretell frames that were not learned from.

    python examples/own_video.py drive.mp4 --out runs/mine

A video file, a folder or zip of frames, or an ``.npz`` of ``(frames, rows, cols)``. The last fifth of it is never learned from. The circuit
learns online, once through the rest, for each of the seeds; what is printed is the error of each, with frozen weights, as a share of the
error of copying the last frame, beside two bars that learn little or nothing. A run that is there is not made again. The first picture of
OUT shows frames, forecasts and what they missed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from comparisons.evaluation import pooled_ratio
from comparisons.learning import Job
from comparisons.making import learned
from comparisons.movies import Source
from comparisons.progress import TerminalReporter
from comparisons.scripts import count, said_plainly
from comparisons.statistics import in_cell
from comparisons.subjects import held_out_scores
from plasticity.training import Plan
from snn.errors import MovieError, sentence
from snn.stimuli.reading import read_movies

HELD_OUT, LEAST_FRAMES = 0.2, 15


def main(video: Path, size: int, seeds: int, passes: int, out: Path) -> None:
    """Learn with every seed, score, print."""
    clips = read_movies(str(video), size=size)
    shortest = min(m.n_frames for m in clips)
    if shortest < LEAST_FRAMES:
        raise MovieError(sentence(str(video), "has a clip that is too short", got=f"{shortest} frames", allowed=f">= {LEAST_FRAMES}"))
    source = Source(frames=str(video), size=size, hold_out=max(5, round(HELD_OUT * shortest)))
    print(f"{len(clips)} clips, {sum(m.n_frames for m in clips)} frames; the last {source.hold_out} of each are not learned from")
    ratios, bars = [], {}
    for seed in range(seeds):
        job = Job(source=source, plan=Plan(passes=passes, eta_start=0.4, eta_end=0.02), seed=seed)
        learned(job, out / f"seed-{seed}", TerminalReporter(), figures=seed == 0)
        scores = held_out_scores(out / f"seed-{seed}")
        ratios.append(pooled_ratio(scores))
        bars = {name: pooled_ratio(scores, f"mse_{name}") for name in ("gated_shift", "one_frame")}
        for clip, one in scores.items():
            print(f"seed {seed}, {clip}: {one['ratio']:.3f}; {one['spikes_per_frame']:.0f} spikes a frame")
    print(f"error / error of copying the last frame, all seeds: {in_cell(ratios)}")
    print(f"gated shift (nothing learned): {bars['gated_shift']:.3f}; best local forecast from one frame: {bars['one_frame']:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--size", type=count, default=32, help="rows and columns that frames are averaged down to")
    parser.add_argument("--seeds", type=count, default=3)
    parser.add_argument("--passes", type=count, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    said_plainly(main, asked.video, asked.size, asked.seeds, asked.passes, asked.out)
