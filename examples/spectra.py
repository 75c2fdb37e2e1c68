"""Why spiking networks have no fast errors and slow representations: spectra beside those of cells that fire at random.

    python examples/spectra.py --model spiking=RUN,RUN,...

The stimulus of the phenomenon `rhythms`: photographs that stay. A population of ``n`` Poisson cells with a mean rate ``r`` has the
power density ``2 r / n`` at every frequency. The table gives, for the error and the representation cells of level 0, their mean rate,
that of those that fire at all, and their power in 8 to 30 Hz (slow) and in 40 to 90 Hz (fast) above that of Poisson cells, in dB. A
rhythm is power above 0 dB in one band and not in the other; cells that fire regularly lie below 0 dB under their own rate. What a
converted network answers is the mean over copies of a cell: it has 10 log10(copies) dB less. Runs are folders or names of shipped
models, one a seed; mean over seeds and 95 % interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from comparisons.asking import lines, with_untrained
from comparisons.phenomena.rhythms import FAST_HZ, SLOW_HZ, Rhythms
from comparisons.phenomenon import errors
from comparisons.responder import FloatArray, Responder

COLUMNS = ("rate, Hz", "of those that fire, Hz", "slow, dB", "fast, dB")
HEADS = [f"{role}: {what}" for role in ("error", "representation") for what in COLUMNS]


def spectra(responder: Responder, seed: int) -> list[float]:
    """Rates of error and representation cells, and their power above that of Poisson cells; NaN where they do not spike."""
    asked = Rhythms()
    if asked.lacks(responder) is not None:
        return [float("nan")] * len(HEADS)
    curves = asked.measure(responder, seed).curves
    found: list[float] = []
    rates_Hz = mean_rates_Hz(responder, asked, seed)
    for role in ("error", "representation"):
        each, power = rates_Hz[role], curves[f"{role}, level 0"]
        poisson = 2 * each.mean() / each.shape[-1]
        bands = [asked.between_lines(power, curves["frequency_Hz"], band).mean() for band in (SLOW_HZ, FAST_HZ)]
        found += [float(each.mean()), float(each[each > 0].mean()), *(float(10 * np.log10(band / poisson)) for band in bands)]
    return found


def mean_rates_Hz(responder: Responder, asked: Rhythms, seed: int) -> dict[str, FloatArray]:
    """Rates of the cells of level 0 while they are listened to, shape (n_images, n_cells)."""
    names = [site.name for site in responder.sites if site.level == 0]
    found: dict[str, list[FloatArray]] = {"error": [], "representation": []}
    for k, movie in enumerate(asked.movies(responder, seed)):
        told = responder.respond(movie, names, seed=seed * 1000 + k).activity
        for role, activity in (("error", errors(told, 0)), ("representation", told["level0.representation"])):
            found[role].append(activity[0, asked.before + asked.settle :].mean(0).ravel())
    return {role: np.stack(several) for role, several in found.items()}


def main(models: Sequence[str]) -> None:
    """Print the table, each model with its untrained control."""
    for line in lines(with_untrained(models), "spectra", HEADS, spectra):
        print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=RUN,RUN,...")
    main(parser.parse_args().model)
