"""The work behind ``fidelity``: runs are opened, compared on frames, and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons import run_folder
from comparisons.convert_job import ConvertJob
from comparisons.converting import CIRCUIT, calibration, rate_run, rate_weights
from comparisons.inspection import CircuitRun, load_run
from comparisons.learning import LEARNED
from comparisons.movies import PHOTOGRAPHS
from comparisons.progress import Reporter
from comparisons.scoring import score
from comparisons.scoring_runs import Frames
from conversion.circuit import Answer, Circuit
from conversion.fidelity import TAU_MS, Fidelity, fidelity
from conversion.recipe import Recipe
from conversion.sizing import expected_nrmse
from snn.errors import ConversionError, sentence
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet


@dataclass(frozen=True)
class Point:
    """One conversion of a sweep.

    Attributes
    ----------
    copies : int
    r_max_Hz : float
    error, representation : float
        Largest NRMSE of the error and of the representation populations.
    expected : float
        What theory says of the error populations; NaN but for staggered integrate-and-fire cells.
    tau_syn_ms : float
        Decay of the synapses.
    spikes_per_frame : float
    mse_ratio : float
        Error of the spiking forecast over that of the rate model.
    """

    copies: int
    r_max_Hz: float
    error: float
    representation: float
    expected: float
    tau_syn_ms: float
    spikes_per_frame: float
    mse_ratio: float


def compare(rate: Path, spiking: Path, wanted: Frames, n_frames: int, report: Reporter | None = None) -> Fidelity:
    """Compare a converted run with the run of its rate model.

    Parameters
    ----------
    rate, spiking : Path
        Run folders.
    wanted : Frames
    n_frames : int
        Frames of each clip.
    report : Reporter, optional

    Returns
    -------
    Fidelity

    Raises
    ------
    ConversionError
        If the spiking run was not made from the rate model.
    """
    from conversion.trace import trace

    run = rate_run(rate)
    cells = converted(spiking, run.path)
    movies = frames_of(rate, wanted, n_frames)
    found = _compared(trace(run.model), cells, movies, report or Reporter())
    return replace(found, mse_model=error_of(run.model, movies))


def error_of(model: RatePredNet, movies: Sequence[Movie]) -> float:
    """Show movies to a rate model as it was trained, and measure its forecasts.

    Parameters
    ----------
    model : RatePredNet
    movies : sequence of Movie

    Returns
    -------
    float
        Mean squared error over the scored frames.
    """
    from conversion.rate_training import forecast

    scored = [m for m in movies if m.n_frames > FIRST_SCORED]
    return float(np.average([score(forecast(model, m)[0], m.frames) for m in scored], weights=[m.n_frames - FIRST_SCORED for m in scored]))


def _compared(rates: Circuit, cells: Circuit, movies: list[Movie], report: Reporter) -> Fidelity:
    report.begin("comparing")
    found = fidelity(rates, cells, movies, after=lambda done, total: report.step(done, total))
    report.end()
    return found


def converted(path: Path, rate: Path | None = None) -> Circuit:
    """Open a converted run as a circuit, whose activities can be read.

    Parameters
    ----------
    path : Path
        Run folder of ``convert``.
    rate : Path, optional
        Run folder of the rate model that it must come from.

    Returns
    -------
    Circuit

    Raises
    ------
    ConversionError
        If it is another kind of run, or comes from another model.
    """
    run = load_run(path)
    if not isinstance(run, CircuitRun) or not isinstance(run.job, ConvertJob):
        raise ConversionError(sentence(str(path), "is no converted run", cure="give a run of `convert`"))
    if rate is not None:
        if run_folder.sha256(rate_weights(rate)) != run.job.model_digest:
            cure = f"it was made from {run.job.model}"
            raise ConversionError(sentence(str(path), f"was not made from the model in {rate}", cure=cure))
    about = run_folder.read_json(run.path / CIRCUIT)
    arrays = {k: a for k, a in run.state.arrays.items() if k.startswith(LEARNED)}
    answers = {name: Answer(a["r_max_Hz"], a["gain_mV"], np.array(a["bias_mV"])) for name, a in about["answers"].items()}
    per_unit = {name: np.array(x) for name, x in about["per_unit_Hz"].items()}
    slopes = {name: np.array(x) for name, x in about.get("slopes", {}).items()}
    return Circuit(run.network, arrays, per_unit, frozenset(about["partners"]), answers, about.get("partner_of", {}), slopes)


def frames_of(rate: Path, wanted: Frames, n_frames: int) -> list[Movie]:
    """Read the frames to compare on.

    Parameters
    ----------
    rate : Path
        Run folder of the rate model, which knows what it has learned from.
    wanted : Frames
    n_frames : int
        Frames of each clip.

    Returns
    -------
    list of Movie
    """
    run = rate_run(rate)
    if wanted.frames == PHOTOGRAPHS:
        source = run.job.source.model_copy(update={"frames": PHOTOGRAPHS, "n_movies": 2, "n_frames": n_frames})
    else:
        source = run.job.source.model_copy(update={"frames": wanted.frames, "clips": wanted.clips})
    fresh = wanted.only == "held-out" or wanted.frames == PHOTOGRAPHS
    movies = source.held_out(run.clips, wanted.seed) if fresh else source.read()
    return [m.part(0, min(n_frames, m.n_frames)) for m in movies]


def sweep(
    rate: Path, spiking: Path, wanted: Frames, n_frames: int, copies: tuple[int, ...], rates_Hz: tuple[float, ...], report: Reporter
) -> list[Point]:
    """Convert a rate model anew with other numbers of copies and other rates, and compare each.

    Parameters
    ----------
    rate, spiking : Path
        Run folders; the recipe of the second is varied.
    wanted : Frames
    n_frames : int
        Frames of each clip.
    copies : tuple of int
    rates_Hz : tuple of float
        Empty for that of the recipe.
    report : Reporter

    Returns
    -------
    list of Point
    """
    from conversion.pipeline import convert

    run, other = rate_run(rate), load_run(spiking)
    assert isinstance(other.job, ConvertJob)
    movies, found = frames_of(rate, wanted, n_frames), []
    tau_ms = run.model.spec.timing.tau_syn_ms if run.model.spec.timing is not None else TAU_MS
    for one in recipes(spiking, copies, rates_Hz):
        n, r = one.copies, one.r_max_Hz
        report.say(f"{n} copies, {r:g} Hz")
        made = convert(run.model, one, calibration(other.job.source, one))
        f = _compared(made.rates, made.circuit, movies, report)
        worst = f.worst("error"), f.worst("representation")
        lawful = one.neuron == "if" and one.copies_differ
        expected = expected_nrmse(n, r, tau_ms) if lawful else float("nan")
        found.append(Point(n, r, *worst, expected, tau_ms, f.spikes_per_frame, f.mse_cells / f.mse_rates))
        meant = f", expected {expected:.3f}" if lawful else ""
        report.say(f"{n} copies, {r:g} Hz: error {worst[0]:.3f}, representation {worst[1]:.3f}{meant}")
    return found


def recipes(spiking: Path, copies: tuple[int, ...], rates_Hz: tuple[float, ...]) -> list[Recipe]:
    """Vary the recipe of a converted run.

    Parameters
    ----------
    spiking : Path
        Run folder of ``convert``.
    copies : tuple of int
    rates_Hz : tuple of float
        Empty for that of the recipe.

    Returns
    -------
    list of Recipe
        None where neither is varied.

    Raises
    ------
    ConversionError
        If it is no converted run.
    ValueError
        If a number is out of range, or copies meet in pools that do not fit their number.
    """
    job = load_run(spiking).job
    if not isinstance(job, ConvertJob):
        raise ConversionError(sentence(str(spiking), "is no converted run", cure="give a run of `convert`"))
    old = job.recipe.model_dump()
    if not copies and not rates_Hz:
        return []
    pairs = [(n, r) for r in rates_Hz or (job.recipe.r_max_Hz,) for n in copies or (job.recipe.copies,)]
    return [Recipe(**{**old, "copies": n, "r_max_Hz": r}) for n, r in pairs]


def table(found: Fidelity) -> str:
    """Print a comparison as plain text.

    Parameters
    ----------
    found : Fidelity

    Returns
    -------
    str
    """
    lines = [f"{'population':<26}{'NRMSE':>8}{'r':>8}{'gain':>8}{'offset':>9}{'lag ms':>8}{'Hz':>7}{'beyond':>8}"]
    for r in found.rows:
        lines.append(
            f"{r.population:<26}{r.nrmse:>8.3f}{r.correlation:>8.4f}{r.gain:>8.3f}{r.offset:>9.4f}{r.lag_ms:>8.2f}{r.rate_Hz:>7.1f}"
            f"{r.beyond:>8.4f}"
        )
    lines += [
        f"forecast error on {found.forecasts.shape[1]} frames: rate model as trained {found.mse_model:.6f}, at the step of the cells "
        f"{found.mse_rates:.6f}, spiking {found.mse_cells:.6f} ({_more(found.mse_cells, found.mse_model)} over the first, "
        f"{_more(found.mse_cells, found.mse_rates)} over the second), "
        f"copy-last {found.mse_copy:.6f}; SSIM {found.ssim_rates:.4f} and {found.ssim_cells:.4f}",
        f"a frame: {found.spikes_per_frame:.3g} spikes, {found.synaptic_operations_per_frame:.3g} synaptic operations; "
        f"the rate model {found.multiply_adds_per_frame:.3g} multiply-adds in each of its sub-steps",
    ]
    return "\n".join(lines)


def _more(one: float, other: float) -> str:
    return f"{100 * (one / other - 1):+.1f} %"


def draw(out: Path, found: Fidelity, points: list[Point]) -> None:
    """Write figures and numbers.

    Parameters
    ----------
    out : Path
        Folder; made where there is none.
    found : Fidelity
    points : list of Point
        Of a sweep; empty without one.
    """
    from comparisons.figure_fidelity import draw_scaling, draw_traces
    from comparisons.figures import style

    out.mkdir(parents=True, exist_ok=True)
    plain: dict[str, Any] = {k: v for k, v in asdict(found).items() if k not in ("traces", "forecasts")}
    run_folder.write_json(out / "fidelity.json", {**plain, "sweep": [asdict(p) for p in points]})
    with style():
        draw_traces(out / "traces.png", found)
        if points:
            draw_scaling(out / "scaling.png", points)
