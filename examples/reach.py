"""How far errors see: why border ownership and suppression by a surround fail in a circuit of one level.

    python examples/reach.py --model spiking=RUN,RUN,... --model leaky=RUN,...

Pairs of pictures of the border ownership phenomenon: around the edge the two are the same, further off the object lies on one side
or on the other. A pixel's error cells can tell them apart only if something has reached it from where they differ. The table gives, by
the distance to the nearest pixel that differs (in pixels, beyond the one that a cell stands on), how different the errors of level 0
are, as a share of the answer:

    reach = sqrt(max(0, mean of (a1 - b1)(a2 - b2))) / mean of (a + b) / 2

over cells, pairs and the frames of the picture, where ``a`` and ``b`` are the answers to the two, and 1 and 2 are halves of the trials, so
that noise does not count as a difference. Border ownership asks cells 2 px or more from there. Runs are folders or names of shipped
models, one a seed; mean over seeds and 95 % interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt

from comparisons.asking import lines, with_untrained
from comparisons.phenomena.border_ownership import BorderOwnership
from comparisons.phenomenon import error_sites, errors
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import BEFORE
from snn.stimuli.movie import Movie

FARTHEST_PX = 5
TRIALS = 4


def reach(responder: Responder, seed: int) -> list[float]:
    """Difference between errors as a share of them, for each distance from what differs."""
    asked = BorderOwnership(n_trials=TRIALS)
    products: list[list[FloatArray]] = [[] for _ in range(FARTHEST_PX)]
    answers: list[list[FloatArray]] = [[] for _ in range(FARTHEST_PX)]
    scenes = asked.scenes()
    for k, left in enumerate(scene for scene in scenes if scene.object_left):
        movies = [asked.movie(responder, scene) for scene in (left, left._replace(object_left=False))]
        away_px = np.ceil(distance_transform_edt(movies[0].frames[-1] == movies[1].frames[-1]))
        a, b = (answer(responder, movie, seed=1000 * seed + k) for movie in movies)
        product = np.prod([(a - b)[half::2].mean(0) for half in (0, 1)], axis=0)
        for px in range(FARTHEST_PX):
            products[px].append(product[:, away_px == px + 1].ravel())
            answers[px].append((a + b)[:, :, away_px == px + 1].ravel() / 2)
    return [
        float(np.sqrt(max(0.0, np.concatenate(p).mean())) / np.concatenate(v).mean()) if sum(map(len, p)) else float("nan")
        for p, v in zip(products, answers, strict=True)
    ]


def answer(responder: Responder, movie: Movie, seed: int) -> FloatArray:
    """Errors of level 0 while the picture is there, shape (n_trials, n_frames, rows, cols, features)."""
    names = [site.name for site in error_sites(responder, 0)]
    return errors(responder.respond(movie, names, trials=TRIALS, seed=seed).activity, 0)[:, BEFORE:]


def main(models: Sequence[str]) -> None:
    """Print the table, each model with its untrained control."""
    for line in lines(with_untrained(models), "reach", [f"{px + 1} px" for px in range(FARTHEST_PX)], reach):
        print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=RUN,RUN,...")
    main(parser.parse_args().model)
