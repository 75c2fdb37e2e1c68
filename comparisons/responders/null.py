"""Subjects without any effect, and one that only adapts: what a phenomenon must not be found in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from comparisons.responder import (
    SENSOR_NOISE,
    Control,
    Exposable,
    FloatArray,
    Responder,
    Response,
    Site,
    can_learn,
    check_request,
    steps_per_bin,
    with_noise,
)
from snn.encoding import box_mean
from snn.seeding import stream
from snn.stimuli.movie import Movie

SITES = ("target", "error_pos", "error_neg", "representation", "prediction")


class _Null:
    """What all have: some levels of a few features, each half the size of the one below."""

    def __init__(self, frame_size: tuple[int, int], levels: int = 1, frame_ms: float = 50.0, name: str = "null") -> None:
        self.frame_size, self.frame_ms, self.finest_bin_ms, self.name = frame_size, frame_ms, frame_ms, name
        sizes = [(frame_size[0] // 2**level, frame_size[1] // 2**level) for level in range(levels)]
        self.sites = tuple(Site(f"level{k}.{role}", role, k, (*sizes[k], 2), False) for k in range(levels) for role in SITES)  # type: ignore[arg-type]

    def control(self, name: Control) -> Responder | None:
        """As `Responder.control`: it has none."""
        return None


class Idle(_Null):
    """A subject that answers alike whatever it is shown.

    Parameters
    ----------
    frame_size : (int, int)
    levels : int
    kind : {'silent', 'constant', 'noise'}
        No activity, the same activity, or positive noise that knows nothing of the movie.
    frame_ms : float
    """

    def __init__(
        self, frame_size: tuple[int, int], levels: int = 1, kind: Literal["silent", "constant", "noise"] = "silent", frame_ms: float = 50.0
    ) -> None:
        super().__init__(frame_size, levels, frame_ms, kind)
        self.kind = kind

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        shown_ms = steps_per_bin(self, bin_ms) * self.finest_bin_ms
        found = {}
        for site in check_request(self, movie, sites, trials):
            shape = (trials, movie.n_frames * round(self.frame_ms / shown_ms), *site.shape)
            drawn = stream(seed, "null", site.name, movie.name).exponential(1.0, shape) if self.kind == "noise" else np.ones(shape)
            found[site.name] = drawn * (self.kind != "silent")
        forecast = np.full((trials, *movie.frames.shape), 0.5)
        return Response(shown_ms, found, forecast)


class Shuffled:
    """Another subject whose answers have lost their order in time: every cell's bins are dealt anew. It learns as the other does.

    Parameters
    ----------
    subject : Responder
    """

    def __init__(self, subject: Responder) -> None:
        self.subject, self.name = subject, f"{subject.name}, shuffled in time"
        self.frame_ms, self.frame_size, self.sites = subject.frame_ms, subject.frame_size, subject.sites
        self.finest_bin_ms = subject.finest_bin_ms
        if isinstance(subject, Exposable) and can_learn(subject):

            def expose(movie: Movie, repeats: int, *, seed: int = 0) -> Responder:
                return Shuffled(subject.expose(movie, repeats, seed=seed))

            self.expose = expose

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        told = self.subject.respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)
        found = {}
        for name, values in told.activity.items():
            rng = stream(seed, "shuffled", name, movie.name)
            found[name] = rng.permuted(values, axis=1)
        forecast = None if told.forecast is None else stream(seed, "shuffled", movie.name).permuted(told.forecast, axis=1)
        return Response(told.bin_ms, found, forecast)

    def control(self, name: Control) -> Responder | None:
        """As `Responder.control`: it has none."""
        return None


class Reordered:
    """Another subject whose cells of a place stand in another order; nothing that matters has changed. It learns as the other does.

    Parameters
    ----------
    subject : Responder
    """

    def __init__(self, subject: Responder) -> None:
        self.subject, self.name = subject, f"{subject.name}, reordered"
        self.frame_ms, self.frame_size, self.sites = subject.frame_ms, subject.frame_size, subject.sites
        self.finest_bin_ms = subject.finest_bin_ms
        if isinstance(subject, Exposable) and can_learn(subject):

            def expose(movie: Movie, repeats: int, *, seed: int = 0) -> Responder:
                return Reordered(subject.expose(movie, repeats, seed=seed))

            self.expose = expose

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        told = self.subject.respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)
        return Response(told.bin_ms, {name: values[..., ::-1].copy() for name, values in told.activity.items()}, told.forecast)

    def control(self, name: Control) -> Responder | None:
        """As `Responder.control`: that of the other subject, reordered too."""
        found = self.subject.control(name)
        return None if found is None else Reordered(found)


class AdaptationOnly(_Null):
    """Cells that tire, and nothing else: no forecast, no feedback, no recurrence.

    ``s_t = alpha s_{t-1} + (1 - alpha) r_{t-1}``, ``r_t = max(0, c_t - beta s_t)``, with ``c`` the ON or OFF contrast of each
    pixel with its surround (5 px), averaged over the pixels of a site. All roles answer alike; the forecast is the last frame.

    Parameters
    ----------
    frame_size : (int, int)
    levels : int
    frame_ms : float
    alpha, beta : float
        Memory and strength of the suppression.
    noise : float
        Standard deviation of the noise of each pixel and frame.

    References
    ----------
    Vinken, Boix & Kreiman (2020), https://doi.org/10.1126/sciadv.abd4205.
    """

    def __init__(
        self,
        frame_size: tuple[int, int],
        levels: int = 1,
        frame_ms: float = 50.0,
        alpha: float = 0.9,
        beta: float = 2.0,
        noise: float = SENSOR_NOISE,
    ) -> None:
        super().__init__(frame_size, levels, frame_ms, "adaptation only")
        self.alpha, self.beta, self.noise = alpha, beta, noise

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        steps_per_bin(self, bin_ms)
        asked = check_request(self, movie, sites, trials)
        found: dict[str, list[FloatArray]] = {s.name: [] for s in asked}
        forecasts = []
        for trial in range(trials):
            frames = with_noise(movie, seed, trial, self.noise).frames
            contrast = frames - box_mean(frames, 5)
            tired = self._tired(np.stack([contrast, -contrast], axis=-1).clip(0.0))
            forecasts.append(np.concatenate([frames[:1], frames[:-1]]))
            for site in asked:
                rows, cols, features = site.shape
                pooled = tired.reshape(len(frames), rows, self.frame_size[0] // rows, cols, self.frame_size[1] // cols, features)
                found[site.name].append(pooled.mean((2, 4)))
        return Response(self.frame_ms, {name: np.stack(values) for name, values in found.items()}, np.stack(forecasts))

    def _tired(self, drive: FloatArray) -> FloatArray:
        state, answers = np.zeros_like(drive[0]), []
        for now in drive:
            answer = np.maximum(0.0, now - self.beta * state)
            state = self.alpha * state + (1.0 - self.alpha) * answer
            answers.append(answer)
        return np.stack(answers)


def control_of(responder: Responder, name: Control) -> Responder | None:
    """Give what a subject is compared with; cells that only tire are the same for all subjects.

    Parameters
    ----------
    responder : Responder
    name : {'untrained', 'feedback_cut', 'adaptation_only'}

    Returns
    -------
    Responder or None
        None where it has no such thing.
    """
    if name != "adaptation_only":
        return responder.control(name)
    return AdaptationOnly(responder.frame_size, 1 + max(s.level for s in responder.sites), responder.frame_ms)
