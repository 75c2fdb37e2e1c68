"""How long a network remembers: why repetition suppression and deviance fail where images are parted by grey.

    python examples/memory.py --model spiking=RUN,RUN,... --model leaky=RUN,...

Two phenomena of the battery, asked again with their grey taken away. *Repetition* (`two_pulse`): how much smaller errors at an
image are when the same one came before than when another one did, per cent of a first answer, by the frames of grey between.
*Deviance* (`oddball`): errors at a deviant less those at the same grating among many standards (iPE), and errors among many
standards less those at a standard (iRS), by the frames of grey after each grating. A network whose only memory is the frame
before shows the first at once and not after a frame of grey, and never the second. Both indices are shares of the answers, as in
the battery. Runs are folders or names of shipped models, one a seed; mean over seeds, 95 % interval, and where a measure is not
defined in some seeds the number of those in which it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from comparisons.asking import lines, with_untrained
from comparisons.phenomena.oddball import Oddball
from comparisons.phenomena.two_pulse import TwoPulse
from comparisons.phenomenon import mean_or_nan
from comparisons.responder import Responder

GAPS, OFF = (0, 1, 2, 4, 8), (0, 1, 3)


def repetition(responder: Responder, seed: int) -> list[float]:
    """Repetition suppression in per cent, for each gap, in the mean over levels."""
    curves = TwoPulse(gaps=GAPS).measure(responder, seed).curves
    levels = [name.removesuffix(": same") for name in curves if name.endswith(": same") and "," not in name]
    found = np.array([100 * (curves[f"{level}: different"] - curves[f"{level}: same"]) for level in levels])
    return [mean_or_nan(found[:, k]) for k in range(len(GAPS))]


def deviance(responder: Responder, seed: int) -> list[float]:
    """IPE and iRS for each number of grey frames."""
    found = [Oddball(off=off).measure(responder, seed).effects for off in OFF]
    return [one["iPE"] for one in found] + [one["iRS"] for one in found]


def main(models: Sequence[str]) -> None:
    """Print both tables, each model with its untrained control."""
    subjects = with_untrained(models)
    heads = ([f"grey {gap}" for gap in GAPS], [f"{index}, grey {off}" for index in ("iPE", "iRS") for off in OFF])
    for ask, head in zip((repetition, deviance), heads, strict=True):
        print()
        for line in lines(subjects, ask.__name__, head, ask):
            print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=RUN,RUN,...")
    main(parser.parse_args().model)
