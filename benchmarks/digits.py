"""A convolutional network on scikit-learn's digits, before and after conversion: ten folds over all 1,797 images.

    python benchmarks/digits.py [--folds 10] [--copies 1] [--ms 320]

With 100 Hz at the scale and one cell a unit, 320 ms are 32 spikes at full activity. The first 80 ms, four synapses of 20 ms one
behind the other, are not counted.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from conversion.digits import classify, folds, predicted, train_digits
from conversion.pipeline import convert
from conversion.recipe import Recipe
from conversion.trace import trace
from snn.stimuli.movie import Movie

CALIBRATION_IMAGES, SETTLE_MS = 60, 80.0


def main() -> None:
    """Train, convert and test each fold; print a line for each and the sum."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--ms", type=float, default=320.0)
    given = parser.parse_args()
    recipe = Recipe(copies=given.copies, percentile=99.9, dead="keep", calibration_frames=CALIBRATION_IMAGES, calibrate=())
    right = np.zeros(2, dtype=int)
    total = 0
    for k, fold in enumerate(folds()):
        if k == given.folds:
            break
        began = time.perf_counter()
        model = train_digits(fold, seed=k)
        circuit = trace(model, (8, 8))
        # Each image for three frames, so that scales are those of settled activity.
        shown = np.repeat(fold.images[:: len(fold.images) // (CALIBRATION_IMAGES // 3)], 3, axis=0)
        made = convert(circuit, recipe, [Movie(shown, circuit.network.frame_ms)])
        rate = int((predicted(model, fold.test_images) == fold.test_labels).sum())
        spiking = int((classify(made.circuit, fold.test_images, given.ms, settle_ms=SETTLE_MS) == fold.test_labels).sum())
        right += rate, spiking
        total += len(fold.test_labels)
        n, dale = made.network.n_neurons, 100 * made.manifest["dale"]
        print(
            f"fold {k}: rate {rate}/{len(fold.test_labels)}, spiking {spiking}, {n} cells, {dale:.0f} % Dale, "
            f"{time.perf_counter() - began:.1f} s",
            flush=True,
        )
    percent = 100 * right / total
    print(f"all {total}: rate {percent[0]:.2f} %, spiking {percent[1]:.2f} %, lost {percent[0] - percent[1]:.2f} points")


if __name__ == "__main__":
    main()
