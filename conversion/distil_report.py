"""What distillation cost: how far the student is from its teacher, population by population, and what each forecasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conversion.distil_plan import GATE, channels_of, directly, populations_of, refuse_unlike
from conversion.distillation import SILENT, arranged, observe
from conversion.rate_prednet import RatePredNet
from conversion.rate_training import one_thread
from snn.errors import ConversionError, MovieError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

FloatArray = NDArray[np.float64]
TRIED = 8


def distillation_report(
    teacher: RatePredNet, student: RatePredNet, movies: Sequence[Movie], clip_of: Callable[[Movie], str] = lambda movie: movie.name
) -> dict[str, Any]:
    r"""Show both networks the same movies and compare what they do in the scored frames.

    .. math:: \mathrm{NRMSE} = \sqrt{\sum (s - a)^2 / \sum (a - \bar a_c)^2}, \quad
        \mathrm{corr} = \frac{\sum (s - \bar s_c)(a - \bar a_c)}{\sqrt{\sum (s - \bar s_c)^2 \sum (a - \bar a_c)^2}}

    with a the teacher's activity, s the student's, means over all frames and sites of a channel, sums over channels too.
    Where channels do not correspond, s is a linear read-out of the student's: fitted by least squares on every second
    movie and used on the others, and the other way round; of a single movie, on halves.

    Parameters
    ----------
    teacher, student : RatePredNet
    movies : sequence of Movie
        Each begins at rest.
    clip_of : callable
        Name under which a movie's errors are reported; its own when left out.

    Returns
    -------
    dict
        ``populations``: per population ``nrmse``, ``correlation``, and ``compared``, ``'directly'`` or ``'linear'``.
        ``mse_copy_last``; ``teacher`` and ``student``: ``mse``, ``ratio`` to copying the last frame, ``clips`` with the
        ratio of each clip, and ``gate_passed``. ``gate``; ``frames_scored``.

    Raises
    ------
    ConversionError
        If the two have nothing to be compared in, or there is no movie.
    MovieError
        If a movie does not fit the models, or has too few frames to be scored.

    References
    ----------
    Read-outs fitted on one half and judged on the other: Kornblith et al. (2019),
    https://doi.org/10.48550/arXiv.1905.00414, has why narrow networks are not compared unit by unit.
    """
    refuse_unlike(teacher.spec, student.spec)
    if not movies:
        raise ConversionError(sentence("distillation_report.movies", "there is no movie to compare on", allowed="at least one"))
    comparisons = {
        name: _Comparison(channels_of(name, teacher.spec), channels_of(name, student.spec), directly(name, teacher.spec, student.spec))
        for name in populations_of(student.spec.levels)
    }
    errors: dict[str, FloatArray] = defaultdict(lambda: np.zeros(4))
    for i, movie in enumerate(movies):
        refuse_unfit(movie, student)
        half = (FIRST_SCORED + movie.n_frames) // 2
        last = movie.frames[0]
        for t, (told, found) in enumerate(_both(teacher, student, movie)):
            frame = movie.frames[t]
            if t >= FIRST_SCORED:
                errors[clip_of(movie)] += [float(np.sum((x - frame) ** 2)) for x in (*told, last)] + [frame.size]
                fold = i % 2 if len(movies) > 1 else int(t >= half)
                taught, learned = found
                for name, comparison in comparisons.items():
                    comparison.add(_rows(taught[name]), _rows(learned[name]), fold)
            last = frame
    total = np.sum(list(errors.values()), axis=0)
    return {
        "populations": {name: comparison.result() for name, comparison in comparisons.items()},
        "mse_copy_last": float(total[2] / total[3]),
        **{who: _scores(errors, total, column) for column, who in enumerate(("teacher", "student"))},
        "gate": GATE,
        "frames_scored": sum(m.n_frames - FIRST_SCORED for m in movies),
    }


def refuse_unfit(movie: Movie, student: RatePredNet) -> None:
    """Raise where a movie cannot be shown to a student, or not be scored.

    Parameters
    ----------
    movie : Movie
    student : RatePredNet

    Raises
    ------
    MovieError
        If its frames have another size or length than the student's, or there are too few.
    """
    where, spec = f"movie {movie.name!r}", student.spec
    if movie.size != (spec.rows, spec.cols):
        cure = f"read it with size={spec.rows}"
        raise MovieError(sentence(where, "has frames of another size than the model", got=movie.size, allowed=str(spec.size(0)), cure=cure))
    if spec.timing is not None and movie.frame_ms != spec.timing.frame_ms:
        cure = f"read it with frame_ms={spec.timing.frame_ms:g}"
        raise MovieError(sentence(where, "has frames of another length than the model", got=movie.frame_ms, cure=cure))
    if movie.n_frames <= FIRST_SCORED:
        raise MovieError(sentence(where, "has too few frames to be scored", got=movie.n_frames, allowed=f"> {FIRST_SCORED}"))


def refuse_untaught(teacher: RatePredNet, movies: Sequence[Movie]) -> None:
    """Raise where a network has nothing to teach, because it forecasts the same whatever it sees.

    Parameters
    ----------
    teacher : RatePredNet
    movies : sequence of Movie
        It is shown the first of them, in part.

    Raises
    ------
    ConversionError
        If the forecasts of the scored frames do not vary.
    """
    told = []
    for movie in movies[:TRIED]:
        shown = _clip(teacher, movie.part(0, min(movie.n_frames, 2 * TRIED)))
        with torch.no_grad(), one_thread():
            told += [forecast[0].double().numpy() for forecast, _ in observe(teacher, shown)][FIRST_SCORED:]
    variance = float(np.var(told, axis=0).mean()) if told else 0.0
    if not variance > SILENT:
        cure = "it is untrained, or its units have died: train it first, and see that `evaluate` gives it a ratio below 1"
        problem = "has nothing to teach: its forecasts do not vary"
        raise ConversionError(sentence("teacher", problem, got=f"variance {variance:.2g}", allowed=f"> {SILENT:g}", cure=cure))


class _Comparison:
    """Second moments of a population of both networks, from which everything follows; memory does not grow with movies."""

    def __init__(self, n_teacher: int, n_student: int, direct: bool) -> None:
        self.direct = direct
        self.n = np.zeros(2)
        self.gram = np.zeros((2, n_student + 1, n_student + 1))
        self.cross = np.zeros((2, n_student + 1, n_teacher))
        self.square = np.zeros((2, n_teacher))

    def add(self, taught: FloatArray, learned: FloatArray, fold: int) -> None:
        """Take in activities of shape (sites, channels)."""
        known = np.concatenate([np.ones((len(learned), 1)), learned], axis=1)
        self.n[fold] += len(learned)
        self.gram[fold] += known.T @ known
        self.cross[fold] += known.T @ taught
        self.square[fold] += (taught**2).sum(axis=0)

    def result(self) -> dict[str, Any]:
        """What the moments say."""
        n_in, n_out = self.cross.shape[1:]
        said, said2, said_taught = np.zeros(n_out), np.zeros(n_out), np.zeros(n_out)
        for fold in (0, 1):
            if self.direct:
                b = np.eye(n_in, n_out, -1)
            else:
                fit = self.gram[1 - fold], self.cross[1 - fold]
                b = np.linalg.lstsq(*fit, rcond=1e-9)[0]
            said += self.gram[fold, 0] @ b
            said2 += np.einsum("io,ij,jo->o", b, self.gram[fold], b)
            said_taught += np.einsum("io,io->o", b, self.cross[fold])
        n, taught, taught2 = self.n.sum(), self.cross[:, 0].sum(axis=0), self.square.sum(axis=0)
        spread = float((taught2 - taught**2 / n).sum())
        said_spread, together = float((said2 - said**2 / n).sum()), float((said_taught - said * taught / n).sum())
        missed = max(0.0, float((said2 - 2.0 * said_taught + taught2).sum()))
        alive = spread > SILENT * n * n_out
        moving = alive and said_spread > 0.0
        return {
            "nrmse": float(np.sqrt(missed / spread)) if alive else float("nan"),
            "correlation": float(together / np.sqrt(said_spread * spread)) if moving else float("nan"),
            "compared": "directly" if self.direct else "linear",
        }


def _both(
    teacher: RatePredNet, student: RatePredNet, movie: Movie
) -> Iterator[tuple[list[FloatArray], tuple[dict[str, Tensor], dict[str, Tensor]]]]:
    """Per frame, the forecasts of both as luminance, and the populations of both in the student's order."""
    with torch.no_grad(), one_thread():
        shown = [observe(model, _clip(model, movie)) for model in (teacher, student)]
        for (told_a, found_a), (told_b, found_b) in zip(*shown, strict=True):
            taught = {name: arranged(name, x, teacher.spec, student.spec) for name, x in found_a.items()}
            yield [x[0].mean(dim=0).double().numpy() for x in (told_a, told_b)], (taught, found_b)


def _clip(model: RatePredNet, movie: Movie) -> Tensor:
    grey = torch.from_numpy(movie.frames.copy()).to(next(model.parameters()))
    return grey[None, :, None].expand(-1, -1, model.spec.channels[0], -1, -1)


def _rows(population: Tensor) -> FloatArray:
    """Activities of one movie, a row a site."""
    return population[0].flatten(1).T.double().numpy()


def _scores(errors: dict[str, FloatArray], total: FloatArray, column: int) -> dict[str, Any]:
    def ratio(sums: FloatArray) -> float:
        return float(sums[column] / sums[2]) if sums[2] > 0 else float("nan")

    return {
        "mse": float(total[column] / total[3]),
        "ratio": ratio(total),
        "clips": {clip: ratio(sums) for clip, sums in errors.items()},
        "gate_passed": bool(ratio(total) <= GATE),
    }
