"""While nothing moves, errors swing fast and representations slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comparisons.cuts import GREY, matched_cuts
from comparisons.phenomenon import About, Measurement, errors, levels_of, over_levels, too_small
from comparisons.responder import FloatArray, Responder, Site
from snn.seeding import stream
from snn.stimuli.movie import Movie

SLOW_HZ = (8.0, 30.0)
"""Alpha and beta."""
FAST_HZ = (40.0, 90.0)
"""Gamma."""
SHOWN_HZ = (5.0, 100.0)
"""Where a peak is looked for."""
FINE_MS = 5.0
"""Bins longer than this do not reach the fastest frequency."""
BESIDE = 2
"""Bins of the spectrum on either side of a line that are left out with it: as far as a Hann window smears it."""


@dataclass(frozen=True)
class Rhythms:
    """Spectrum of the population rate of error cells against that of representation cells, under a still image.

    Grey, then a photograph that stays. The mean rate of all error cells of a level, in the shortest bins, without the first
    ``settle`` frames of the image, is cut into windows of ``window`` frames that overlap by half (Welch's method, Hann). With the
    mean power density of a population in 40 to 90 Hz and in 8 to 30 Hz,

        tilt = 10 log10(fast / slow)      rhythm difference = tilt of errors - tilt of representations, in dB,

    and the mean over levels decides. A population that fires at random has tilt 0.

    A subject that is told of the world in frames can swing with them. A window is a whole number of frames, so that such lines
    fall on single frequencies: they and their neighbours are left out of all measures, and "lines" says by how many dB they stand
    above what is beside them. That is not all of it. The noise of the eye is drawn anew for each frame, which adds power below the
    frame rate to everything that hears it, and no subject can be told another frame time.

    Parameters
    ----------
    n_images : int
    before, settle, still : int
        Frames of grey, of the image before it is listened to, and of the image after that.
    window : int
        Frames of a window; its time sets the resolution.

    References
    ----------
    Bastos, Lundqvist, Waite, Kopell & Miller (2020), https://doi.org/10.1073/pnas.2014868117: unpredicted stimuli went with gamma
    in superficial layers, predictable ones with alpha and beta in deep layers of macaque cortex.
    """

    n_images: int = 8
    before: int = 8
    settle: int = 10
    still: int = 40
    window: int = 20

    @property
    def about(self) -> About:
        """As `Phenomenon.about`. 3 dB, a factor of 2 in power, is where a peak is taken to begin."""
        return About(
            name="rhythms",
            title="Fast errors, slow representations",
            version=1,
            claim="Gamma over alpha and beta is at least twice as strong in errors as in representations.",
            doi="10.1073/pnas.2014868117",
            primary="rhythm difference",
            unit="dB",
            least=3.0,
            controls=("untrained",),
            departures="Rates of two populations in place of field potentials in layers; the image is still and never unpredicted.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`."""
        if not _levels(responder):
            return "no level has error and representation cells that spike"
        if responder.finest_bin_ms > FINE_MS:
            return f"its shortest bins, {responder.finest_bin_ms:g} ms, do not reach {FAST_HZ[1]:g} Hz"
        return too_small(responder, 12)

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: rhythm difference, and for both populations tilt, lines, place and height of the largest peak."""
        levels, bin_ms = _levels(responder), responder.finest_bin_ms
        spectra: dict[str, list[FloatArray]] = {}
        for k, movie in enumerate(self.movies(responder, seed)):
            names = [s.name for sites in levels.values() for s in sites]
            told = responder.respond(movie, names, bin_ms=bin_ms, seed=seed * 1000 + k).activity
            for level in levels:
                heard = {"error": errors(told, level), "representation": told[f"level{level}.representation"]}
                for role, activity in heard.items():
                    spectra.setdefault(f"{role}, level {level}", []).append(self._spectrum(activity[0].mean((1, 2, 3)), responder))
        window_ms = self.window * responder.frame_ms
        frequency_Hz: FloatArray = np.arange(len(next(iter(spectra.values()))[0]), dtype=np.float64) * (1000.0 / window_ms)
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {"frequency_Hz": frequency_Hz}
        for where, several in spectra.items():
            curves[where] = np.stack(several).mean(0)
            effects.update({f"{name}, {where}": value for name, value in self._numbers(curves[where], frequency_Hz).items()})
        for level in levels:
            tilts = (effects[f"tilt, {role}, level {level}"] for role in ("error", "representation"))
            effects[f"rhythm difference, level {level}"] = next(tilts) - next(tilts)
        effects |= over_levels(effects, ("rhythm difference",), levels)
        return Measurement(effects, curves)

    def movies(self, responder: Responder, seed: int) -> list[Movie]:
        """Draw the stimuli.

        Parameters
        ----------
        responder : Responder
            Gives the size of a frame.
        seed : int

        Returns
        -------
        list of Movie
        """
        size, found = responder.frame_size, []
        for k, image in enumerate(matched_cuts(self.n_images, size, stream(seed, "rhythms"))):
            frames = np.full((self.before + self.settle + self.still, *size), GREY)
            frames[self.before :] = image
            found.append(Movie(frames, responder.frame_ms, f"still image {k}", "a cut of a photograph"))
        return found

    def _spectrum(self, rate: FloatArray, responder: Responder) -> FloatArray:
        """Power density, in units of the rate squared per Hz, from 0 Hz up in steps of one over the time of a window."""
        per_frame = round(responder.frame_ms / responder.finest_bin_ms)
        heard, n = rate[(self.before + self.settle) * per_frame :], self.window * per_frame
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        pieces = [heard[start : start + n] for start in range(0, len(heard) - n + 1, n // 2)]
        power = [np.abs(np.fft.rfft(hann * (piece - piece.mean()))) ** 2 for piece in pieces]
        density: FloatArray = 2 * np.mean(power, axis=0) * responder.finest_bin_ms / 1000.0 / (hann**2).sum()
        return density

    def between_lines(self, power: FloatArray, frequency_Hz: FloatArray, band_Hz: tuple[float, float]) -> FloatArray:
        """Take the part of a spectrum that lies in a band, without the lines of the frame rate and what they smear into.

        Parameters
        ----------
        power, frequency_Hz : ndarray, shape (n_frequencies,)
            From 0 Hz up, in steps of one over the time of a window.
        band_Hz : tuple of float
            Lowest and highest frequency.

        Returns
        -------
        ndarray, shape (n,)
        """
        kept: FloatArray = power[self._band(frequency_Hz, band_Hz) & (self._off_line(len(power)) > BESIDE)]
        return kept

    def _off_line(self, n: int) -> NDArray[np.int_]:
        """How many bins of a spectrum each is away from the closest line.

        A window of so many frames holds so many periods of the frame rate, and twice, three times as many of its harmonics.
        """
        found: NDArray[np.int_] = np.abs((np.arange(n) + self.window // 2) % self.window - self.window // 2)
        return found

    @staticmethod
    def _band(frequency_Hz: FloatArray, band_Hz: tuple[float, float]) -> NDArray[np.bool_]:
        within: NDArray[np.bool_] = (frequency_Hz >= band_Hz[0]) & (frequency_Hz <= band_Hz[1])
        return within

    def _numbers(self, power: FloatArray, frequency_Hz: FloatArray) -> dict[str, float]:
        """Measures of one spectrum."""
        shown = self.between_lines(power, frequency_Hz, SHOWN_HZ)
        if float(shown.mean()) <= 1e-12:
            return dict.fromkeys(("tilt", "lines", "peak_Hz", "peak height"), float("nan"))
        whole, off = self._band(frequency_Hz, SHOWN_HZ), self._off_line(len(power))
        lines, beside = whole & (off == 0), whole & (off > BESIDE) & (off <= BESIDE + 3)
        fast, slow = (float(self.between_lines(power, frequency_Hz, band).mean()) for band in (FAST_HZ, SLOW_HZ))
        return {
            "tilt": _dB(fast, slow),
            "lines": _dB(float(power[lines].mean()), float(power[beside].mean())) if lines.any() else float("nan"),
            "peak_Hz": float(self.between_lines(frequency_Hz, frequency_Hz, SHOWN_HZ)[shown.argmax()]),
            "peak height": _dB(float(shown.max()), float(np.median(shown))),
        }


def _dB(power: float, reference: float) -> float:
    return float(10 * np.log10(power / reference)) if power > 0 and reference > 0 else float("nan")


def _levels(responder: Responder) -> dict[int, tuple[Site, ...]]:
    """By level, its error and representation populations, where all of them spike."""
    found: dict[int, tuple[Site, ...]] = {}
    for level in levels_of(responder, "error_pos"):
        sites = tuple(s for s in responder.sites if s.level == level and s.role in ("error_pos", "error_neg", "representation"))
        if len(sites) == 3 and all(s.spiking for s in sites):
            found[level] = sites
    return found
