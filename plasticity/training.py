"""Learning from movies: show stretches of clips in a seeded order, anneal, watch for blow-ups, leave checkpoints.

The engine learns; this module decides what is shown when. It looks at weights only to refuse those that are not numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from snn._model import Described
from snn.curve import Curve, Progress
from snn.engines.driver import Simulation
from snn.errors import BlowUpError, MovieError, sentence
from snn.recording import FORECAST, Recording
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

__all__ = [
    "Curve",
    "Lesson",
    "Plan",
    "Progress",
    "forecast_error",
    "join",
    "learn",
    "order",
    "refuse_bad_weights",
    "refuse_blow_up",
    "refuse_short",
    "stretches",
]

FORECASTER = "level0.prediction"
GREY_MSE, LOST_RATIO = 0.25, 4.0


class Plan(Described):
    """How a network learns.

    Parameters
    ----------
    passes : int
        How often every stretch is shown.
    eta_start, eta_end : float
        Modulator of the rule at the beginning and at the end; it falls exponentially between.
    stretch : int
        Frames shown without a break; longer clips are cut into stretches, each of which begins at rest.
    warm_up : int
        Frames at the beginning of a stretch in which rules do not act, because no forecast is possible yet.
    max_rate_Hz : float
        A population whose mean rate over a stretch is higher has blown up, unless the forecasts are still of use: fast
        and contrasted movies alone can drive error cells that high.
    """

    passes: Annotated[int, Field(ge=1)] = 4
    eta_start: Annotated[float, Field(ge=0, le=1e6)] = 0.3
    eta_end: Annotated[float, Field(ge=0, le=1e6)] = 0.02
    stretch: Annotated[int, Field(ge=5)] = 50
    warm_up: Annotated[int, Field(ge=1)] = 2
    max_rate_Hz: Annotated[float, Field(gt=0)] = 300.0

    def eta(self, progress: float) -> float:
        """Modulator at a given share of the whole.

        Parameters
        ----------
        progress : float
            0 at the beginning, 1 at the end.

        Returns
        -------
        float
        """
        if self.eta_start == 0 or self.eta_end == 0:
            return self.eta_start + (self.eta_end - self.eta_start) * progress
        return float(self.eta_start * (self.eta_end / self.eta_start) ** progress)


Lesson = tuple[Sequence[Movie], Plan]
"""Movies, and how they are learned from."""


def stretches(movies: Sequence[Movie], length: int) -> list[Movie]:
    """Cut clips into stretches that do not overlap; a remainder too short to score joins the stretch before it.

    Parameters
    ----------
    movies : sequence of Movie
    length : int
        Frames of a stretch.

    Returns
    -------
    list of Movie
    """
    found = []
    for movie in movies:
        starts = list(range(0, movie.n_frames, length))
        if len(starts) > 1 and movie.n_frames - starts[-1] <= FIRST_SCORED:
            starts.pop()
        found += [movie.part(a, b) for a, b in zip(starts, [*starts[1:], movie.n_frames], strict=True)]
    return found


def order(n: int, passes: int, seed: int) -> list[int]:
    """Give the sequence in which stretches are shown: each pass in a new seeded order.

    Parameters
    ----------
    n, passes : int
        Stretches and passes.
    seed : int

    Returns
    -------
    list of int
        ``n * passes`` indices.
    """
    return [int(i) for p in range(passes) for i in stream(seed, "order", p).permutation(n)]


def forecast_error(recording: Recording, movie: Movie, readout: str = FORECAST) -> tuple[float, float, int]:
    """Compare forecasts with what came, and with copying the last frame; the first frames are not scored.

    Parameters
    ----------
    recording : Recording
        Of a run that began with the movie's first frame.
    movie : Movie
    readout : str
        The forecast.

    Returns
    -------
    mse_model, mse_copy_last : float
        In luminance squared; NaN when no frame is scored.
    n_scored : int
    """
    frames = movie.frames
    if movie.n_frames <= FIRST_SCORED:
        return float("nan"), float("nan"), 0
    forecast = recording.readouts[readout][..., 0]
    model = float(np.mean((forecast[FIRST_SCORED:] - frames[FIRST_SCORED:]) ** 2))
    copy = float(np.mean((frames[FIRST_SCORED - 1 : -1] - frames[FIRST_SCORED:]) ** 2))
    return model, copy, movie.n_frames - FIRST_SCORED


def learn(
    simulation: Simulation,
    movies: Sequence[Movie],
    plan: Plan,
    *,
    before: Sequence[Lesson] = (),
    seed: int = 0,
    start: int = 0,
    curve: Curve | None = None,
    watch: Callable[[Progress, Recording], None] | None = None,
    after: Callable[[Progress, Simulation], None] | None = None,
    night: Callable[[int, int, Simulation], None] | None = None,
) -> Curve:
    """Let a network learn from movies.

    Parameters
    ----------
    simulation : Simulation
        Changed in place.
    movies : sequence of Movie
        Learning clips.
    plan : Plan
    before : sequence of (sequence of Movie, Plan)
        What is learned first, such as rearing on drifting photographs; it counts in ``start`` and in the curve.
    seed : int
        Seed of the order of stretches.
    start : int
        Stretches already shown, when learning goes on from a checkpoint.
    curve : Curve, optional
        The curve so far.
    watch : callable, optional
        Called after every stretch, before ``after``, with the progress and the recording of the stretch.
    after : callable, optional
        Called after every stretch with the progress and the simulation; checkpoints and progress bars hang here.
    night : callable, optional
        Called after every stretch, before ``watch`` and ``after``, with the number of stretches done and of all, and the
        simulation, whose weights it may change: the network may sleep between stretches.

    Returns
    -------
    Curve

    Raises
    ------
    MovieError
        If no stretch is long enough to learn from.
    BlowUpError
        If a population's rate, the forecast or a weight leaves the range in which it means anything; the message names
        the population and the time.
    """
    curve = curve or Curve()
    lessons = [*((tuple(shown), how) for shown, how in before), (tuple(movies), plan)]
    refuse_short(lessons)
    total = sum(len(stretches(shown, how.stretch)) * how.passes for shown, how in lessons)
    time_ms = 0.0
    for done, (movie, eta, how) in enumerate(_schedule(lessons, seed), start=1):
        time_ms += movie.n_frames * movie.frame_ms
        if done <= start:
            continue
        simulation.restart()
        warm = min(how.warm_up, movie.n_frames)
        parts = [simulation.run(movie.part(0, warm), learn=False)]
        if movie.n_frames > warm:
            parts.append(simulation.run(movie.part(warm, movie.n_frames), learn=True, modulator=eta))
        recording = join(parts)
        progress = Progress(done, total, *forecast_error(recording, movie), movie.name)
        refuse_blow_up(recording, how, progress, f"stretch {done} of {total} (clip {movie.name!r}, {time_ms:g} ms)")
        curve.points.append(progress)
        if night is not None:
            night(done, total, simulation)
        if watch is not None:
            watch(progress, recording)
        if after is not None:
            after(progress, simulation)
    refuse_bad_weights(simulation)
    return curve


def refuse_short(lessons: Sequence[Lesson]) -> None:
    """Raise when nothing of a lesson is long enough to learn from.

    Parameters
    ----------
    lessons : sequence of (sequence of Movie, Plan)

    Raises
    ------
    MovieError
    """
    for movies, how in lessons:
        shown = stretches(movies, how.stretch)
        if not any(m.n_frames > FIRST_SCORED for m in shown):
            raise MovieError(
                sentence(
                    "learn.movies",
                    f"no clip has more than {FIRST_SCORED} frames",
                    got=[m.n_frames for m in shown][:5],
                    cure="give longer clips",
                )
            )


def _schedule(lessons: Sequence[Lesson], seed: int) -> Iterator[tuple[Movie, float, Plan]]:
    for movies, how in lessons:
        shown = stretches(movies, how.stretch)
        total = len(shown) * how.passes
        for i, index in enumerate(order(len(shown), how.passes, seed)):
            yield shown[index], how.eta(i / max(1, total - 1)), how


def join(parts: Sequence[Recording]) -> Recording:
    """Put recordings of consecutive runs together.

    Parameters
    ----------
    parts : sequence of Recording
        At least one; spikes are not kept.

    Returns
    -------
    Recording
    """
    first = parts[0]
    counts = {k: np.concatenate([p.counts[k] for p in parts]) for k in first.counts}
    readouts = {k: np.concatenate([p.readouts[k] for p in parts]) for k in first.readouts}
    return Recording(sum(p.n_frames for p in parts), first.frame_steps, first.dt_ms, counts, readouts, {})


def refuse_blow_up(recording: Recording, plan: Plan, progress: Progress, when: str) -> None:
    """Raise when a stretch shows that the network has left the range in which it means anything.

    Lost are forecasts with an error that is not finite, or more than four times that of copying the last frame. A lost
    network has blown up when a population fires faster than the plan allows, or when its forecasts are worse than mid
    grey, which no movie can be further from than 0.25.

    Parameters
    ----------
    recording : Recording
        Of the stretch.
    plan : Plan
    progress : Progress
        Errors of the stretch; one without scored frames is not judged.
    when : str
        The stretch, for the message.

    Raises
    ------
    BlowUpError
        Naming the population, its rate or error, and the stretch.
    """
    if not progress.n_scored or progress.mse_model <= LOST_RATIO * progress.mse_copy_last:
        return
    cure = "lower the learning rate; the last good state is kept"
    for name in recording.counts:
        rate = recording.mean_rate_Hz(name)
        if not rate <= plan.max_rate_Hz:
            problem = f"fires at {rate:.0f} Hz on average in {when}"
            raise BlowUpError(sentence(name, problem, allowed=f"<= {plan.max_rate_Hz:g} Hz", cure=cure))
    if not progress.mse_model <= GREY_MSE:
        problem = f"forecasts with a mean squared error of {progress.mse_model:.3g} in {when}"
        raise BlowUpError(sentence(FORECASTER, problem, allowed=f"<= {GREY_MSE:g}, the worst of mid grey", cure=cure))


def refuse_bad_weights(simulation: Simulation) -> None:
    """Raise when a weight is not a finite number.

    Parameters
    ----------
    simulation : Simulation

    Raises
    ------
    BlowUpError
        Naming the projection.
    """
    state = simulation.state()
    for j in simulation.network.projections:
        if not np.isfinite(state.weights(j.name)).all():
            raise BlowUpError(
                sentence(
                    f"weights of {j.name}",
                    f"are not finite after step {state.step}",
                    cure="lower the learning rate; the last good state is kept",
                )
            )
