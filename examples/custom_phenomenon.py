"""A phenomenon of one's own: networks are surprised when a scene that drifts turns round.

    python examples/custom_phenomenon.py --model leaky=drift-leaky --model spiking=RUN,RUN,RUN

A phenomenon is a claim with a criterion, stimuli and a measure, and sees a model through one call only, `respond`. It is first checked:
it must be found in a subject that was made to have it and not in one that is silent, constant, noise, or has its answers dealt anew in
time. Then trained models are asked, beside themselves before they learned and cells that only tire. Runs are folders or names of shipped
models, one a seed; verdicts need two or more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from comparisons.cli_options import named_runs
from comparisons.phenomenon import About, Measurement, error_sites, errors, levels_of, too_small
from comparisons.responder import Control, FloatArray, Responder, Response, check_request, with_noise
from comparisons.responders.null import Idle, control_of
from comparisons.scripts import said_plainly
from comparisons.subjects import held_out_ratio, open_subject
from comparisons.testing import check_phenomenon
from comparisons.verdict_table import cell
from comparisons.verdicts import decide
from snn.errors import SubjectError, sentence
from snn.seeding import stream
from snn.stimuli.drift import photographs
from snn.stimuli.movie import Movie


@dataclass(frozen=True)
class Reversal:
    """Errors when a photograph that drifts turns round, over those just before.

    ``reversal = errors(turn) / mean of errors(3 frames before the turn) - 1``, of level 0, over all error cells and scenes.

    Parameters
    ----------
    n_scenes, n_trials : int
    before, after : int
        Frames of drift before the first frame that moves back, and from it on.
    """

    n_scenes: int = 12
    n_trials: int = 2
    before: int = 10
    after: int = 4

    @property
    def about(self) -> About:
        """As `Phenomenon.about`: the criterion is fixed here, before any model is asked."""
        return About(
            name="reversal",
            title="Reversal of motion",
            version=1,
            claim="Errors grow by a tenth or more in the frame in which a drifting scene turns round.",
            doi="10.1038/s42256-020-0170-9",
            primary="reversal",
            unit="",
            least=0.1,
            controls=("untrained", "adaptation_only"),
            departures="No such experiment is in the source, which is that of the networks.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        return "it has no error cells" if not levels_of(responder, "error_pos") else too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`."""
        names, traces = [s.name for s in error_sites(responder, 0)], []
        for k, movie in enumerate(self.movies(responder, seed)):
            told = responder.respond(movie, names, trials=self.n_trials, seed=1000 * seed + k).activity
            traces.append(errors(told, 0).mean((0, 2, 3, 4)))
        trace = np.mean(traces, axis=0)
        usual = float(trace[self.before - 3 : self.before].mean())
        effect = float(trace[self.before]) / usual - 1.0 if usual > 1e-9 else 0.0
        return Measurement({"reversal": effect}, {"errors": trace})

    def movies(self, responder: Responder, seed: int) -> list[Movie]:
        """Draw scenes, that drift 1 px a frame along a row or a column, and back."""
        (rows, cols), images, rng = responder.frame_size, list(photographs(True).values()), stream(seed, "reversal")
        steps = np.concatenate([np.arange(self.before), self.before - 2 - np.arange(self.after)])
        found = []
        for k in range(self.n_scenes):
            image, along = images[k % len(images)], k % 2
            margin = self.before * np.array([1 - along, along])
            top, left = (int(rng.integers(m, n - side - m)) for n, side, m in zip(image.shape, (rows, cols), margin, strict=True))
            sign = 1 if (k // 2) % 2 else -1
            places = [(top + sign * s * (1 - along), left + sign * s * along) for s in steps]
            frames = np.stack([image[r : r + rows, c : c + cols] for r, c in places])
            found.append(Movie(frames, responder.frame_ms, f"scene {k}", "a photograph that drifts and turns round"))
        return found


class Extrapolating(Idle):
    """A subject made to have the effect: it expects the last frame to go on as the one before it went, by whole pixels."""

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`: errors are luminance that was missed, dark and light; other cells are silent."""
        asked, told = check_request(self, movie, sites, trials), super().respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)
        found = {name: np.zeros_like(values) for name, values in told.activity.items()}
        for trial in range(trials):
            missed = self._missed(with_noise(movie, seed, trial, 0.01).frames)
            for site in asked:
                if site.role in ("error_pos", "error_neg") and site.level == 0:
                    signed = missed if site.role == "error_pos" else -missed
                    found[site.name][trial] = signed.clip(0.0)[..., None]
        return Response(told.bin_ms, found, told.forecast)

    def _missed(self, frames: FloatArray) -> FloatArray:
        moves = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
        missed = np.zeros_like(frames)
        for t in range(2, len(frames)):
            best = min(moves, key=lambda m, t=t: float(np.square(np.roll(frames[t - 2], m, (0, 1)) - frames[t - 1]).mean()))
            missed[t] = frames[t] - np.roll(frames[t - 1], best, (0, 1))
        return missed


def ask(name: str, runs: Sequence[Path], phenomenon: Reversal) -> str:
    """Judge one model over its runs, beside its controls."""
    measured, gates = [], []
    subjects = [open_subject(run, name) for run in runs]
    if len({s.digest for s in subjects}) < len(subjects):
        raise SubjectError(sentence(name, "has one run more than once", cure="give runs that were learned with different seeds"))
    for seed, run in enumerate(runs):
        responder = subjects[seed].responder
        controls: tuple[Control, ...] = phenomenon.about.controls
        others = {c: control_of(responder, c) for c in controls}
        found = {"model": phenomenon.measure(responder, seed).effects}
        measured.append(found | {c: phenomenon.measure(r, seed).effects for c, r in others.items() if r is not None})
        gates.append(held_out_ratio(run))
    verdict = decide(phenomenon.about, measured, gates)
    beside = ", ".join(f"{control} {value.mean:.3f}" for control, value in verdict.controls.items())
    return f"{name}: {cell(verdict, '')}; {beside}" + (f" ({verdict.reason})" if verdict.reason else "")


def main(models: Sequence[str]) -> None:
    """Check the phenomenon, then ask."""
    phenomenon = Reversal()
    check_phenomenon(phenomenon, Extrapolating((16, 16)))
    print(f"found where it is, and not in subjects without it; needed: {phenomenon.about.primary} > {phenomenon.about.least:g}")
    for name, runs in map(named_runs, models):
        print(ask(name, runs, phenomenon))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="NAME=RUN,RUN,...")
    said_plainly(main, parser.parse_args().model)
