"""Whether a PredNet learns pairs of images where it learns faster, or sees them more often.

    python examples/exposure.py --model convlstm=RUN,RUN,... --lr 0.001 0.003 0.01 --exposures 100 300

The phenomenon `sequence` lets a network see pairs of images a hundred times while it goes on learning: rate networks by backprop (Adam, an
update every 10 frames), at a rate that was chosen before anything was measured. Here the question is asked again with other rates and
numbers of exposures. Learned PSI (0.02 is asked for) of the model, mean over seeds and 95 % interval; then, of the same networks,
how much their errors at the images of the exposure have changed, per cent of those before: where nothing was learned, nothing
could be suppressed; where everything was lost, nothing can be compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comparisons.phenomena.sequence import Sequence as Pairs
from comparisons.responders.rate import RateResponder
from comparisons.statistics import in_cell
from comparisons.subjects import open_subject


def learning_at(subject: RateResponder, lr: float) -> RateResponder:
    """The same network, with another rate of learning from what it is shown."""
    return RateResponder(subject.model, subject.name, frame_ms=subject.frame_ms, noise=subject.noise, seed=subject.seed, exposed_lr=lr)


def asked(subject: RateResponder, seed: int, lr: float, exposures: int) -> tuple[float, float]:
    """Learned PSI, and the change of errors at trailing images, in per cent."""
    found = Pairs(exposures=exposures).measure(learning_at(subject, lr), seed)
    levels = [name.removesuffix(": before") for name in found.curves if name.endswith(": before") and "," not in name]
    before, after = (np.mean([found.curves[f"{level}: {when}"].mean() for level in levels]) for when in ("before", "after"))
    return found.effects["learned PSI"], float(100 * (after / before - 1))


def main(models: Sequence[str], rates: Sequence[float], exposures: Sequence[int]) -> None:
    """Print a line for each model, rate and number of exposures."""
    print("| | rate | exposures | learned PSI | change of errors, % |\n|---|---|---|---|---|")
    for text in models:
        name, _, runs = text.partition("=")
        subjects = [open_subject(Path(run), name).responder for run in runs.split(",")]
        for lr in rates:
            for n in exposures:
                told = [asked(s, seed, lr, n) for seed, s in enumerate(subjects) if isinstance(s, RateResponder)]
                psi, change = ([one[k] for one in told] for k in (0, 1))
                print(f"| {name} | {lr:g} | {n} | {in_cell(psi)} | {in_cell(change)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=RUN,RUN,...")
    parser.add_argument("--lr", type=float, nargs="+", default=[1e-3])
    parser.add_argument("--exposures", type=int, nargs="+", default=[100])
    given = parser.parse_args()
    main(given.model, given.lr, given.exposures)
