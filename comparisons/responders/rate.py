"""The rate PredNet as a subject."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from comparisons.responder import (
    ROLES,
    SENSOR_NOISE,
    Control,
    FloatArray,
    Responder,
    Response,
    Site,
    check_request,
    steps_per_bin,
    with_noise,
)
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet

EXPOSED_LR = 1e-3
EXPOSED_FRAMES = 10
"""Learning rate of Adam while it goes on learning from what it is shown, if no other is given, and frames from one update to the next."""


class RateResponder:
    """A trained rate PredNet; it knows no time within a frame.

    Parameters
    ----------
    model : RatePredNet
    name : str
    frame_ms : float
        Time of a frame, so that its answers can be laid beside those of circuits.
    noise : float
        Standard deviation of the noise of each pixel and frame.
    seed : int
        With which it was born; its untrained control is born anew with it.
    exposed_lr : float
        Learning rate of Adam while it goes on learning from what it is shown.
    """

    def __init__(
        self,
        model: RatePredNet,
        name: str = "PredNet",
        *,
        frame_ms: float = 50.0,
        noise: float = SENSOR_NOISE,
        seed: int = 0,
        exposed_lr: float = EXPOSED_LR,
    ) -> None:
        spec = model.spec
        self.model, self.name, self.frame_ms, self.noise, self.seed = model, name, frame_ms, noise, seed
        self.finest_bin_ms, self.exposed_lr = frame_ms, exposed_lr
        self.frame_size = spec.rows, spec.cols
        features = {"representation": spec.r}
        self.sites = tuple(
            Site(f"level{level}.{role}", role, level, (*spec.size(level), features.get(role, spec.channels)[level]), False)
            for level in range(spec.levels)
            for role in ROLES
        )

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`."""
        from conversion.rate_training import watch

        asked = check_request(self, movie, sites, trials)
        steps_per_bin(self, bin_ms)
        found: dict[str, list[FloatArray]] = {s.name: [] for s in asked}
        forecasts = []
        for trial in range(trials):
            expected = []
            seen: dict[str, list[FloatArray]] = {s.name: [] for s in asked}
            noisy = with_noise(movie, seed, trial, self.noise)
            for t, (forecast, populations) in enumerate(watch(self.model, noisy)):
                expected.append(forecast)
                for site in asked:
                    # A model in milliseconds does not tell of its lowest target, which is the frame.
                    told = populations[site.name].numpy() if site.name in populations else noisy.frames[None, t]
                    seen[site.name].append(_last_axis(told, site))
            forecasts.append(np.stack(expected))
            for name, values in seen.items():
                found[name].append(np.stack(values))
        return Response(self.frame_ms, {name: np.stack(values) for name, values in found.items()}, np.stack(forecasts))

    def enlarged(self, side: int) -> RateResponder | None:
        """As `Enlargeable.enlarged`: the same kernels at more sites."""
        from conversion.timed_prednet import rate_model

        spec = self.model.spec
        if not spec.shared:
            return None
        larger = rate_model(spec.model_copy(update={"rows": side, "cols": side}), self.seed)
        larger.load_state_dict(self.model.state_dict())
        return self._with(larger, f"{side}x{side}")

    def control(self, name: Control) -> Responder | None:
        """As `Responder.control`: weights of its birth, or what R hears from the level above is 0."""
        from conversion.timed_prednet import rate_model

        if name == "untrained":
            return self._with(rate_model(self.model.spec, self.seed), "untrained")
        if name == "feedback_cut" and self.model.spec.levels > 1:
            return self._with(_without_feedback(self.model), "feedback cut")
        return None

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> RateResponder:
        """As `Exposable.expose`: backprop through some frames at a time, with one update each."""
        import torch

        from conversion.rate_trainable import coloured, detached
        from conversion.rate_training import one_thread

        model = copy.deepcopy(self.model)
        optimiser = torch.optim.Adam(model.parameters(), lr=self.exposed_lr)
        with one_thread():
            for repeat in range(repeats):
                noisy = with_noise(movie, seed, repeat, self.noise).frames
                clips = coloured(torch.from_numpy(noisy.copy()).to(next(model.parameters()))[None], model)
                memory = None
                for start in range(0, clips.shape[1], EXPOSED_FRAMES):
                    part, skip = clips[:, start : start + EXPOSED_FRAMES], 0 if start else 1
                    if part.shape[1] > skip:
                        optimiser.zero_grad()
                        trajectory = model(part, memory)
                        model.loss(trajectory, part, skip).backward()
                        optimiser.step()
                        model.project_()
                        memory = detached(trajectory.memory)
        return self._with(model, "exposed")

    def _with(self, model: RatePredNet, what: str) -> RateResponder:
        name, exposed_lr = f"{self.name}, {what}", self.exposed_lr
        return RateResponder(model, name, frame_ms=self.frame_ms, noise=self.noise, seed=self.seed, exposed_lr=exposed_lr)


def _last_axis(values: FloatArray, site: Site) -> FloatArray:
    """Features last; what a level keeps at the resolution of the level below is averaged to its own."""
    features, rows, cols = values.shape
    coarse = values.reshape(features, site.shape[0], rows // site.shape[0], site.shape[1], cols // site.shape[1]).mean((2, 4))
    return np.moveaxis(coarse, 0, -1).astype(np.float64)


def _without_feedback(model: RatePredNet) -> RatePredNet:
    """Copy a model, with the weights of R on what comes from the level above at 0."""
    import torch

    cut, spec = copy.deepcopy(model), model.spec
    with torch.no_grad():
        for level in range(spec.levels - 1):
            first = spec.r[level] + 2 * spec.channels[level]
            cut.cells[level].conv.weight[..., :, first:, :, :] = 0.0  # type: ignore[union-attr, operator]
    return cut
