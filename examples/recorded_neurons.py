"""How well do filters and pixels predict neurons? A simulated visual cortex, whose truth is known, and a recording of your own.

python examples/recorded_neurons.py                            # simulated: what it is made of, pixels, features of other patches
python examples/recorded_neurons.py recording.npz              # yours (docs/recordings.md has the form)
python examples/recorded_neurons.py recording.npz each         # where it does not say which images belong together
"""

from __future__ import annotations

import sys
from typing import Literal

import numpy as np

from comparisons.neural.encoding import encode
from comparisons.neural.files import read_neural
from comparisons.neural.gabor import gabor_bank
from comparisons.neural.reliability import reliability
from comparisons.neural.simulated import simulated_v1

N_STIMULI, SEEDS = 1600, 3


def simulated(n_stimuli: int) -> None:
    """Say what share of the explainable variance is explained, seed by seed."""
    found: dict[str, list[float]] = {}
    for seed in range(SEEDS):
        v1 = simulated_v1(n_stimuli=n_stimuli, n_units=40, seed=seed)
        others = np.random.default_rng(seed).permutation(n_stimuli)
        shown = {"made of": v1.features, "pixels": v1.data.stimuli.reshape(n_stimuli, -1), "other patches": v1.features[others]}
        for name, features in shown.items():
            found.setdefault(name, []).append(encode(features, v1.data, seed=seed).overall)
    for name, values in found.items():
        print(f"{name:15}", *(f"{value:7.4f}" for value in values))


def recorded(path: str, groups: Literal["each"] | None = None) -> None:
    """Say how reliable a recording of still images is, and what predicts it."""
    data = read_neural(path, groups=groups)
    known, images = reliability(data), data.stimuli[:, 0]
    print(
        f"{int((known.half > 0.5).sum())} of {data.n_units} units agree with themselves (r > 0.5 between halves of {data.n_trials} trials)"
    )
    bank = gabor_bank(*images.shape[1:])
    shown = {"pixels": images.reshape(len(images), -1), "Gabor filters": bank.linear(images), "Gabor energy": bank.energy(images)}
    for name, features in shown.items():
        values = [encode(features, data, n_folds=10, seed=seed, ceiling=known).overall for seed in range(SEEDS)]
        print(f"{name:15}", *(f"{value:7.4f}" for value in values))


if __name__ == "__main__":
    recorded(sys.argv[1], "each" if "each" in sys.argv[2:] else None) if len(sys.argv) > 1 else simulated(N_STIMULI)
