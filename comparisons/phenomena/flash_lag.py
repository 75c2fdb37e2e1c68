"""The forecast puts a moving bar ahead of one that was flashed in line with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comparisons.cuts import GREY
from comparisons.flash_bars import BEFORE, FLASH, Course, Scene, forecast_px, mean_of_seen, scenes
from comparisons.phenomenon import About, Measurement, too_small
from comparisons.responder import FloatArray, Responder
from comparisons.tuning import unit_px


@dataclass(frozen=True)
class FlashLag:
    """Flash-lag effect, as a forecast shows it.

    A bar (1 x 4 px at 16x16, 2 x 8 px at 32x32) moves 1 px a frame; after 5 frames of motion another is flashed beside its path,
    in line with it, for one frame. In the forecast of the frame after that both are located along the motion, by the centre of
    mass of what stands out from grey. The lag is the distance by which the moving one is ahead, less the distance in forecasts
    after both were flashed without motion (the bias of the readout). A forecast that copies the last frame has a lag of 0; one
    that carries on what moves and leaves where it is what does not has 1 px; one in which the flash is gone has none (NaN).

    From 32x32 on a bar of 2 px a frame is measured too; it does not decide.

    Parameters
    ----------
    n_starts : int
        Start positions; times 2 axes, 2 directions, white and black.
    n_trials : int

    References
    ----------
    Lotter, Kreiman & Cox (2020), https://doi.org/10.1038/s42256-020-0170-9.
    """

    n_starts: int = 4
    n_trials: int = 2

    @property
    def about(self) -> About:
        """As `Phenomenon.about`."""
        return About(
            name="flash_lag",
            title="Flash lag, in the forecast",
            version=1,
            claim="After a flash in line with it the forecast puts a moving bar at least half a pixel ahead.",
            doi="10.1038/s42256-020-0170-9",
            primary="lag",
            unit="px",
            least=0.5,
            controls=("untrained", "adaptation_only"),
            departures="A bar that moves straight on, in place of one that turns; two flashed bars give the bias of the readout.",
        )

    def lacks(self, responder: Responder) -> str | None:
        """As `Phenomenon.lacks`; whether there is a forecast is seen in an answer to the first stimulus."""
        small = too_small(responder, 16)
        if small is not None:
            return small
        movie = scenes(responder.frame_size, 1)[0].movie("continue", True, responder.frame_ms, 1)
        return "it makes no forecast" if responder.respond(movie, []).forecast is None else None

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """As `Phenomenon.measure`: lag, bias, how far each bar is from where it was, and the share of scenes in which both are seen."""
        effects: dict[str, float] = {}
        curves: dict[str, FloatArray] = {}
        for speed in (1, 2) if min(responder.frame_size) >= 32 else (1,):
            found = scenes(responder.frame_size, self.n_starts, speed)
            moved, moving, path = self._located(responder, found, "continue", seed)
            still, flashed, _ = self._located(responder, found, "flashed", seed + 500_000)
            raw, bias = moved[:, 0] - moved[:, 1], still[:, 0] - still[:, 1]
            numbers = {
                "lag": mean_of_seen(raw - bias),
                "lag, white": mean_of_seen((raw - bias)[[s.white for s in found]]),
                "lag, black": mean_of_seen((raw - bias)[[not s.white for s in found]]),
                "bias": mean_of_seen(bias),
                "moving ahead": mean_of_seen(moved[:, 0]),
                "flashed ahead": mean_of_seen(moved[:, 1]),
                "seen": float(1 - np.isnan(raw - bias).mean()),
            }
            effects |= {key if speed == 1 else f"{key}, {speed} px": value for key, value in numbers.items()}
            for what, profile in (("motion and flash", moving), ("two flashes", flashed)):
                for bar, course in zip(("upper or moving", "flashed"), profile, strict=True):
                    curves[f"{what}, {speed} px a frame: {bar}"] = course
            seen_in = np.arange(BEFORE + 1, FLASH + 2, dtype=np.float64)
            # Before the frame after the flash no forecast can know of the flashed bar.
            flash_path = np.where(seen_in == FLASH + 1, mean_of_seen(moved[:, 1]), np.nan)
            paths: dict[str, FloatArray] = {"frames": seen_in - FLASH, "moving": path, "flashed": flash_path}
            curves |= {f"path, {speed} px a frame: {what}": values for what, values in paths.items()}
        return Measurement(effects, curves)

    def _located(self, responder: Responder, found: list[Scene], course: Course, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Distance of both bars ahead of where the flash was, shape (n_scenes, 2).

        Also the mean profile of each around that place, and the path of the moving one in the forecasts of all frames.
        """
        where, profiles, paths = [], [], []
        for k, scene in enumerate(found):
            movie = scene.movie(course, True, responder.frame_ms, FLASH + 2)
            forecast = responder.respond(movie, [], trials=self.n_trials, seed=1000 * seed + k).forecast
            if forecast is None:
                return np.full((len(found), 2), np.nan), np.full((2, 9), np.nan), np.full(FLASH + 1 - BEFORE, np.nan)
            mean = forecast[:, FLASH + 1].mean(0)
            middle = scene.at_px + (unit_px(min(scene.frame_size)) - 1) / 2
            each = forecast.mean(0)[BEFORE + 1 :]
            paths.append([scene.sign * (forecast_px(scene, frame, False) - middle) for frame in each])
            where.append([scene.sign * (forecast_px(scene, mean, flashed) - middle) for flashed in (False, True)])
            shown = [scene.along_last(mean)[scene.rows_px(flashed)].mean(0) - GREY for flashed in (False, True)]
            around = np.clip(scene.at_px + scene.sign * np.arange(-4, 5), 0, len(shown[0]) - 1)
            profiles.append([(1 if scene.white else -1) * profile[around] for profile in shown])
        return np.array(where), np.mean(profiles, axis=0), np.array([mean_of_seen(column) for column in np.transpose(paths)])
