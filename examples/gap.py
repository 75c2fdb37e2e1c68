"""Whether an illusory side is filled in, or only its ends are heard: illusory contours by the distance to the discs.

    python examples/gap.py --model spiking=RUN,RUN,... --model leaky=RUN,...

The phenomenon `kanizsa` asks cells on a side of a square that is not there whether they answer more when the quarters that are gone from
the discs look inwards. There the pixels that change lie next to the side; turned away they lie far from it. An error cell that
hears of pixels some way off answers for that reason alone, the more the closer it is to a disc; a contour that is filled in is there
in the middle too. The index of error cells of level 0, by their distance to the closest disc, of networks with frames of 32 px or
with shared weights; beside it that against the figure with drawn arcs, whose outermost pixels do not change. Runs are folders or names
of shipped models, one a seed; mean over seeds and 95 % interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.asking import lines, with_untrained
from comparisons.phenomena.kanizsa import Kanizsa
from comparisons.responder import Responder, fitted

DISTANCES_PX = (0.5, 1.5, 2.5)
SIDE_PX = 32


@dataclass(frozen=True)
class At(Kanizsa):
    """The cells of one distance alone."""

    away_px: float = 0.5

    def cells(self, responder: Responder, level: int, shift: tuple[int, int]) -> NDArray[np.bool_]:
        half, radius = self._sizes_px(responder)
        found = super().cells(responder, level, shift)
        down, right = (abs(x - c) for x, c in zip(np.indices(found.shape), self._middle(responder, shift), strict=True))
        # Along a side that is level, the distance to a disc is that of columns, and the reverse.
        along = np.where(abs(down - half) < abs(right - half), right, down)
        near: NDArray[np.bool_] = abs((half - radius) - along - self.away_px) < 0.25
        return found & near


def indices(responder: Responder, seed: int) -> list[float]:
    """Index against turned and against outlined corners, for each distance; NaN where frames are too small."""
    larger = fitted(responder, SIDE_PX)
    if Kanizsa().lacks(larger) is not None:
        return [float("nan")] * len(HEADS)
    found = []
    for away_px in DISTANCES_PX:
        asked = At(away_px=away_px)
        told = asked._traces(larger, 0, seed)
        effects = asked._indices(told, asked._answering(told))
        found += [effects["IC_rotated"], effects["IC_outlined"]]
    return found


HEADS = [f"{px:g} px from a disc: {what}" for px in DISTANCES_PX for what in ("turned", "outlined")]


def main(models: Sequence[str]) -> None:
    """Print the table, each model with its untrained control."""
    for line in lines(with_untrained(models), "index", HEADS, indices):
        print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=RUN,RUN,...")
    main(parser.parse_args().model)
