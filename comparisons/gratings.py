"""Tuning to drifting gratings: orientation, direction and spatial frequency of single cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY
from comparisons.fields import sampled_places
from comparisons.responder import FloatArray, Responder
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.stimuli.primitives import drifting_grating

DIRECTIONS_DEG = tuple(range(0, 360, 45))
FREQUENCIES_PER_PX = (1 / 16, 2 / 16, 3 / 16, 4 / 16, 5 / 16)
"""Spatial frequencies, in cycles a pixel."""
CYCLE = 4
"""Frames of a cycle: with a quarter of a cycle from frame to frame the direction is plain at every spatial frequency."""
BEFORE, CYCLES, COUNTED = 5, 3, 2
"""Grey frames, cycles of the grating, and how many of these, the last, are counted."""
SETTLED = 2
"""How many of the grey frames, the last, are the baseline."""
CONTRAST = 0.8
CLEAR = 4.0
"""Standard errors by which a cell must answer its best grating to be counted."""
N_SHUFFLES, ALPHA = 299, 0.01
"""Times that directions are dealt anew to trials, and share of untuned cells that are taken for tuned ones; with the order that was
shown there are 300, so that the first three of them are that share."""
NUMBERS = ("answer", "oriented", "directed", "osi", "dsi", "frequency_per_px", "modulated")


@dataclass(frozen=True, eq=False)
class Tuning:
    """Tuning of some cells of a population.

    Attributes
    ----------
    osi, dsi : ndarray, shape (n_cells,)
        Orientation and direction selectivity, in [-1, 1], 0 where the half of trials that measures is silent; NaN for cells that do
        not answer clearly.
    frequency_per_px : ndarray, shape (n_cells,)
        Preferred spatial frequency, in cycles a pixel; NaN for cells that do not answer clearly.
    oriented, directed : ndarray of bool, shape (n_cells,)
        Whether tuning is beyond that with directions dealt anew.
    modulated : ndarray of bool, shape (n_cells,)
        Whether the answer is rather a rhythm with the stripes than a mean (simple rather than complex cells).
    """

    osi: FloatArray
    dsi: FloatArray
    frequency_per_px: FloatArray
    oriented: NDArray[np.bool_]
    directed: NDArray[np.bool_]
    modulated: NDArray[np.bool_]


def grating_movies(frame_size: tuple[int, int], frame_ms: float, trials: int = 4, seed: int = 0) -> list[Movie]:
    """Draw gratings over the whole frame after grey, with other phases in each trial.

    Parameters
    ----------
    frame_size : (int, int)
    frame_ms : float
    trials : int
        Even; phases of the trials divide a quarter of a cycle, what the drift does not go through by itself.
    seed : int

    Returns
    -------
    list of Movie
        By trial, spatial frequency and direction.
    """
    found = []
    grey = np.full((BEFORE, *frame_size), GREY)
    for trial, phase_deg in enumerate(phases_deg(trials, seed)):
        for frequency_per_px in FREQUENCIES_PER_PX:
            for direction_deg in DIRECTIONS_DEG:
                period_px = 1 / frequency_per_px
                drift = drifting_grating(
                    frame_size,
                    CYCLE * CYCLES,
                    period_px=period_px,
                    speed_px=period_px / CYCLE,
                    direction_deg=direction_deg,
                    contrast=CONTRAST,
                    phase_deg=phase_deg,
                    mean=GREY,
                    frame_ms=frame_ms,
                )
                name = f"{direction_deg} deg, {frequency_per_px:g} cycles/px, trial {trial}"
                found.append(Movie(np.concatenate([grey, drift.frames]), frame_ms, name, drift.source))
    return found


def phases_deg(trials: int, seed: int = 0) -> FloatArray:
    """Give the phase of each trial.

    Parameters
    ----------
    trials : int
    seed : int

    Returns
    -------
    ndarray, shape (trials,)
        In both halves of the trials (even ones, odd ones) they are spread alike.
    """
    shift = stream(seed, "gratings").random()
    return np.array([360.0 / CYCLE / trials * (k + shift) for k in range(trials)])


def measure_tuning(responder: Responder, trials: int = 4, *, seed: int = 0) -> dict[str, Tuning]:
    """Find what gratings the cells of a subject prefer.

    A cell's answer to a grating is its mean over the last cycles less that in grey (F0), or the amplitude of its rhythm with the
    stripes (F1), whichever is larger at its best grating. Best frequency and direction are chosen on half of the trials; on the
    other half, whatever that is, with ``r`` cut below 0,

        OSI = (r(best) + r(best + 180) - r(best + 90) - r(best - 90)) / (their sum)
        DSI = (r(best) - r(best + 180)) / (r(best) + r(best + 180))

    (0 where the sum is 0), then halves change places, and those are averaged that a clear answer in the other half chose: more than
    `CLEAR` standard errors, and more than `CLEAR` spikes. A cell is tuned where ``|sum r exp(2 i direction)|`` (orientation) or
    ``|sum r exp(i direction)|`` (direction), at its best frequency, is beyond all but `ALPHA` of those with orientations, or
    opposite directions, dealt anew to trials, whose phases differ.

    Parameters
    ----------
    responder : Responder
    trials : int
        Even.
    seed : int
        Of phases and of the noise of the subject.

    Returns
    -------
    dict of str to Tuning
        Per site.
    """
    chosen = {s.name: sampled_places(s, responder.frame_size) for s in responder.sites}
    seen: dict[str, list[FloatArray]] = {name: [] for name in chosen}
    for k, movie in enumerate(grating_movies(responder.frame_size, responder.frame_ms, trials, seed)):
        told = responder.respond(movie, list(chosen), seed=10_000 * seed + k).activity
        for name, at in chosen.items():
            # Indexing with arrays brings the places to the front.
            seen[name].append(np.moveaxis(told[name][0, :, at[:, 0], at[:, 1]], 1, 0).reshape(movie.n_frames, -1))
    shape = (trials, len(FREQUENCIES_PER_PX), len(DIRECTIONS_DEG))
    found = {}
    for site in responder.sites:
        values = np.stack(seen[site.name])
        frame_ms = responder.frame_ms if site.spiking else None
        found[site.name] = tuning_of(values.reshape(*shape, *values.shape[1:]), phases_deg(trials, seed), frame_ms)
    return found


def tuning_of(activity: FloatArray, phase_deg: FloatArray, frame_ms: float | None = None) -> Tuning:
    """Take the tuning of cells from their answers to `grating_movies`.

    Parameters
    ----------
    activity : ndarray, shape (n_trials, n_frequencies, n_directions, n_frames, n_cells)
    phase_deg : ndarray, shape (n_trials,)
    frame_ms : float, optional
        Of cells that spike: time of a frame, since an answer of theirs is uncertain by a spike even where grey is silent.

    Returns
    -------
    Tuning
    """
    trials = len(activity)
    grey = activity[..., BEFORE - SETTLED : BEFORE, :]
    last = activity[..., -CYCLE * COUNTED :, :]
    mean = last.mean(-2) - grey.mean(-2)
    turn = np.exp(-2j * np.pi * np.arange(CYCLE * COUNTED) / CYCLE)
    # The rhythm of a cell follows the phase at which a trial began; turned back, trials can be averaged.
    rhythm = 2 * np.einsum("t,...tc->...c", turn, last) / len(turn) * np.exp(1j * np.deg2rad(phase_deg))[:, None, None, None]
    modulated = np.abs(rhythm.mean(0)).max((0, 1)) > mean.mean(0).max((0, 1))
    noise = np.sqrt(grey.var(-2, ddof=1).mean((0, 1, 2)) * (1 / SETTLED + 1 / len(turn)) / (trials / 2)) + 1e-9
    one_spike_hz = 0.0 if frame_ms is None else 1000.0 / (frame_ms * len(turn) * trials / 2)
    even, odd = ((mean[half::2].mean(0), rhythm[half::2].mean(0)) for half in (0, 1))
    halves = np.stack([_half(even, odd, noise, one_spike_hz), _half(odd, even, noise, one_spike_hz)])
    count = (~np.isnan(halves[:, 0])).sum(0)
    known = count > 0
    osi, dsi, frequency = np.where(known, np.nan_to_num(halves).sum(0) / np.maximum(count, 1), np.nan)
    each = np.where(modulated, np.abs(rhythm), mean)
    oriented, directed = _tuned(each)
    return Tuning(osi, dsi, 2.0**frequency, oriented & known, directed & known, modulated)


def _half(
    choose: tuple[FloatArray, FloatArray], measure: tuple[FloatArray, FloatArray], noise: FloatArray, one_spike_hz: float
) -> FloatArray:
    """Selectivities, and the logarithm of the preferred frequency, shape (3, n_cells); NaN without a clear answer in the choosing half."""
    cells, n = np.arange(len(noise)), len(DIRECTIONS_DEG)
    # What the measuring half says decides neither who is counted nor what is counted: chance would look like preference.
    modulated = np.abs(choose[1]).max((0, 1)) > choose[0].max((0, 1))
    first = np.where(modulated, np.abs(choose[1]), choose[0])
    frequency, direction = np.divmod(first.reshape(-1, len(noise)).argmax(0), n)
    # What of the other half's rhythm is in phase with the first's: noise has none, where an amplitude is never below 0. Without a
    # rhythm in the first any phase is as good; no phase would be no answer, to all but the best grating.
    phase = np.where(np.abs(choose[1]) > 1e-12, choose[1], choose[1][frequency, direction, cells])
    in_phase = (measure[1] * np.conj(phase)).real / (np.abs(phase) + 1e-12)
    second = np.where(modulated, in_phase, measure[0]).clip(0.0)
    r = [second[frequency, (direction + turn * n // 4) % n, cells] for turn in range(4)]
    osi = (r[0] + r[2] - r[1] - r[3]) / (r[0] + r[1] + r[2] + r[3] + 1e-300)
    dsi = (r[0] - r[2]) / (r[0] + r[2] + 1e-300)
    # The amplitude of a rhythm counts a spike twice.
    clear = first[frequency, direction, cells] > CLEAR * np.maximum(noise, np.where(modulated, 2.0, 1.0) * one_spike_hz)
    return np.where(clear, np.stack([osi, dsi, np.log2(np.array(FREQUENCIES_PER_PX))[frequency]]), np.nan)


def _tuned(each: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether single answers, shape (n_trials, n_frequencies, n_directions, n_cells), go with orientation and with direction."""
    best = each.mean((0, 2)).argmax(0)
    here = np.take_along_axis(each, best[None, None, None, :], axis=1)[:, 0]
    trials, n = len(each), len(DIRECTIONS_DEG)
    angle = np.deg2rad(DIRECTIONS_DEG)
    rng = stream(0, "gratings", "shuffled")
    # What opposite directions have in common tells orientation; in what they differ, direction: each is dealt anew by itself.
    pairs = here.reshape(trials, 2, n // 2, -1)
    common, twice = pairs.sum(1).reshape(trials * n // 2, -1), np.exp(2j * np.tile(angle[: n // 2], trials))
    orders = np.stack([np.arange(len(common)), *(rng.permutation(len(common)) for _ in range(N_SHUFFLES))])
    oriented = np.abs(twice[orders] @ common)
    sided = np.moveaxis(pairs, 2, 0).reshape(n // 2, trials * 2, -1)
    sign = np.tile([1.0, -1.0], trials)
    swaps = np.stack([np.tile(sign, (n // 2, 1)), *(rng.permuted(np.tile(sign, (n // 2, 1)), axis=1) for _ in range(N_SHUFFLES))])
    directed = np.abs(np.einsum("spt,ptc,p->sc", swaps, sided, np.exp(1j * angle[: n // 2]), optimize=True))
    # The order that was shown is one of those that could have been dealt.
    ranks = [(1 + (length[1:] >= length[0] - 1e-12).sum(0)) / (1 + N_SHUFFLES) for length in (oriented, directed)]
    return (ranks[0] <= ALPHA) & (oriented[0] > 1e-9), (ranks[1] <= ALPHA) & (directed[0] > 1e-9)


def numbers_of(tuning: Tuning) -> dict[str, float]:
    """Say how cells of a population are tuned.

    Parameters
    ----------
    tuning : Tuning

    Returns
    -------
    dict of str to float
        Shares of cells: ``answer`` clearly, ``oriented`` and ``directed`` (tuned beyond chance, of all cells); of those that
        answer: mean ``osi`` and ``dsi``, geometric mean of ``frequency_per_px``, ``modulated``. NaN where none answers.
    """
    known = ~np.isnan(tuning.osi)
    shares = {"answer": float(known.mean()), "oriented": float(tuning.oriented.mean()), "directed": float(tuning.directed.mean())}
    if not known.any():
        return shares | {name: float("nan") for name in NUMBERS[3:]}
    return shares | {
        "osi": float(tuning.osi[known].mean()),
        "dsi": float(tuning.dsi[known].mean()),
        "frequency_per_px": float(2 ** np.log2(tuning.frequency_per_px[known]).mean()),
        "modulated": float(tuning.modulated[known].mean()),
    }


def distance_of(a: FloatArray, b: FloatArray) -> float:
    """How far one distribution must be moved to become another (Wasserstein's distance).

    Parameters
    ----------
    a, b : ndarray, shape (n_cells,)
        NaN is left out.

    Returns
    -------
    float
        In their unit; NaN where one is empty.
    """
    from scipy.stats import wasserstein_distance

    x, y = (v[~np.isnan(v)] for v in (a, b))
    return float(wasserstein_distance(x, y)) if len(x) and len(y) else float("nan")


def alike_tuning(a: Tuning, b: Tuning) -> dict[str, float]:
    """Compare the tuning of two populations.

    Parameters
    ----------
    a, b : Tuning

    Returns
    -------
    dict of str to float
        Differences of the means, second less first (``osi``, ``dsi``; ``octaves`` of preferred frequency), and the distances of
        their distributions (``osi_distance``, ``dsi_distance``, ``octaves_distance``).
    """
    one, other = numbers_of(a), numbers_of(b)
    return {
        "osi": other["osi"] - one["osi"],
        "dsi": other["dsi"] - one["dsi"],
        "octaves": float(np.log2(other["frequency_per_px"] / one["frequency_per_px"])),
        "osi_distance": distance_of(a.osi, b.osi),
        "dsi_distance": distance_of(a.dsi, b.dsi),
        "octaves_distance": distance_of(np.log2(a.frequency_per_px), np.log2(b.frequency_per_px)),
    }
