"""The job behind ``learn``: from a source of movies to a finished run folder, in steps that survive a kill."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from comparisons import run_folder
from comparisons.bars import GatedShift, OneFrame
from comparisons.evaluation import evaluate, refuse_short
from comparisons.movies import PHOTOGRAPHS, Source, seen
from comparisons.progress import Reporter
from plasticity import ErrorGated
from plasticity.training import Curve, Plan, Progress, learn, refuse_bad_weights
from snn._model import Described, Positive
from snn.description import Network
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.errors import BlowUpError, SpikingPrednetError, StateError, sentence
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import State
from snn.stimuli.movie import Movie

CHECKPOINT_S = 10.0
BAR_MOVIES = 300
EXAMPLE_SEED = 1_000_001
MOVIES_LISTED = 20


class Job(Described):
    """Everything that determines a run of ``learn``.

    Parameters
    ----------
    source : Source
        What to learn from.
    plan : Plan
        How.
    levels : int
        Levels of the circuit.
    cells : {'spiking', 'rate'}
        Spiking cells, or their rate twins in the same circuit.
    overrides : tuple of (str, float or str)
        Fields of the network's description to change, as for ``Network.override``.
    seed : int
    dt_ms : float
        Step.
    engine : str
        Engine that learns.
    precision : {'float64', 'float32'}
        Of the event engine.
    """

    source: Source
    plan: Plan = Plan()
    levels: int = 1
    cells: Literal["spiking", "rate"] = "spiking"
    overrides: tuple[tuple[str, float | str], ...] = ()
    seed: Annotated[int, Field(ge=0)] = 0
    dt_ms: Positive = 1.0
    engine: Literal["event", "reference", "brian"] = "event"
    precision: Literal["float64", "float32"] = "float64"

    def network(self) -> Network:
        """Build the description.

        Returns
        -------
        Network

        Raises
        ------
        DescriptionError
            If the frames are too small or an override is refused.
        """
        spec = PredNetSpec(rows=self.source.size, cols=self.source.size, levels=self.levels, frame_ms=self.source.frame_ms)
        network = prednet(spec, ErrorGated(eta=1.0, quantum_mV=spec.error_quantum_mV))
        for path, value in self.overrides:
            network = network.override(path, value)
        return rate_network(network, dt_ms=self.dt_ms) if self.cells == "rate" else network

    def simulation(self, network: Network, state: State | None = None) -> Simulation:
        """Build the network on the chosen engine.

        Parameters
        ----------
        network : Network
        state : State, optional
            State to go on from.

        Returns
        -------
        Simulation
        """
        options = {"precision": self.precision} if self.engine == "event" else {}
        return engine(self.engine, **options).build(network, state=state, dt_ms=self.dt_ms, seed=self.seed)


def run_learn(
    job: Job,
    out: Path,
    *,
    resume: bool = False,
    figures: bool = True,
    report: Reporter | None = None,
    checkpoint_s: float = CHECKPOINT_S,
) -> dict[str, Any]:
    """Learn, and leave a run folder.

    Nothing is written before the network is built and every movie is read; what fails before it has learned anything
    leaves nothing behind.

    Parameters
    ----------
    job : Job
    out : Path
        The run folder to make.
    resume : bool
        Go on with an unfinished run of the same job.
    figures : bool
        Whether to draw figures.
    report : Reporter, optional
        Shows progress.
    checkpoint_s : float
        Time between checkpoints; 0 leaves one after every stretch.

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    RunFolderError
        If the folder exists already or cannot be written.
    StateError
        If the checkpoint belongs to another job, or the clips have changed.
    BlowUpError
        If the network leaves the range in which it means anything; the last good state is kept.
    """
    report = report or Reporter()
    run_folder.refuse_taken(out, resume=resume)
    network = job.network()
    movies, validation = job.source.learning(job.seed + 1), job.source.validation()
    for movie in validation:
        refuse_short(movie)
    partial, simulation, curve = (_resumed if resume else _begun)(job, network, movies, out)
    first, saved = len(curve.points), time.monotonic()

    def after(progress: Progress, simulation: Simulation) -> None:
        nonlocal saved
        report.step(progress.done, progress.total, f"error / copy-last {curve.ratio():.3f}")
        if time.monotonic() - saved >= checkpoint_s:
            refuse_bad_weights(simulation)
            save_checkpoint(partial, simulation, curve)
            saved = time.monotonic()

    report.begin("learning", first)
    try:
        learn(simulation, movies, job.plan, seed=job.seed, start=first, curve=curve, after=after)
    except BlowUpError as error:
        raise BlowUpError(f"{error} in {partial / run_folder.CHECKPOINT}") from error
    except SpikingPrednetError:
        if not curve.points:
            run_folder.discard(partial)
        raise
    finally:
        report.end()
    save_checkpoint(partial, simulation, curve)
    return _finish(job, simulation, movies, validation, curve, partial, out, figures, report)


def _begun(job: Job, network: Network, movies: Sequence[Movie], out: Path) -> tuple[Path, Simulation, Curve]:
    simulation, curve = job.simulation(network), Curve()
    partial = run_folder.begin(out, resume=False)
    try:
        run_folder.write_json(partial / "config.json", job.model_dump(mode="json"))
        run_folder.write_json(partial / "clips.json", _clips(job, movies, job.source.validation()))
        run_folder.write_text(partial / "description.json", network.to_json())
        save_checkpoint(partial, simulation, curve)
    except SpikingPrednetError:
        run_folder.discard(partial)
        raise
    return partial, simulation, curve


def _resumed(job: Job, network: Network, movies: Sequence[Movie], out: Path) -> tuple[Path, Simulation, Curve]:
    partial = run_folder.begin(out, resume=True)
    if run_folder.read_json(partial / "config.json") != job.model_dump(mode="json"):
        cure = "give the same options as in the first call, or remove it and start anew"
        raise StateError(sentence(str(partial), "was begun with other settings", cure=cure))
    if run_folder.read_json(partial / "clips.json") != _clips(job, movies, job.source.validation()):
        cure = "give the same frames as in the first call, or remove it and start anew"
        raise StateError(sentence(str(partial), f"was begun with other frames than {job.source.frames} holds now", cure=cure))
    state, curve = load_checkpoint(partial)
    return partial, job.simulation(network, state), curve


def _clips(job: Job, movies: Sequence[Movie], validation: Sequence[Movie]) -> dict[str, list[str]]:
    """List what is learned from; photographs, which are held out whole, need no list."""
    return {} if job.source.frames == PHOTOGRAPHS else seen([*movies, *validation])


def _finish(
    job: Job,
    simulation: Simulation,
    movies: Sequence[Movie],
    validation: Sequence[Movie],
    curve: Curve,
    partial: Path,
    out: Path,
    figures: bool,
    report: Reporter,
) -> dict[str, Any]:
    report.say("bars")
    shift, one = fit_bars(movies)
    arrays = {f"gated_shift/{k}": a for k, a in shift.to_arrays().items()} | {f"one_frame/{k}": a for k, a in one.to_arrays().items()}
    with (partial / "bars.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    save_weights(partial / "weights.npz", simulation)
    run_folder.write_text(
        partial / "curve.csv",
        "stretch,mse_model,mse_copy_last,frames_scored\n"
        + "".join(f"{p.done},{p.mse_model!r},{p.mse_copy_last!r},{p.n_scored}\n" for p in curve.points),
    )
    network = simulation.network
    summary: dict[str, Any] = {
        "network": network.name,
        "digest": network.digest,
        "seed": job.seed,
        "n_neurons": network.n_neurons,
        "n_synapses": int(simulation.layout.out_degree.sum()),
        "stretches": len(curve.points),
        "movies": {m.name: m.source for m in movies[:MOVIES_LISTED]},
        "ratio_while_learning": curve.ratio(),
        "validation": evaluate(simulation, validation, shift, one) if validation else {},
        "versions": run_folder.versions(),
    }
    run_folder.write_json(partial / "summary.json", summary)
    if figures:
        report.say("figures")
        from comparisons.figures import draw_run

        draw_run(partial, simulation, example(job, movies), curve)
    run_folder.finish(partial, out)
    return summary


def example(job: Job, movies: Sequence[Movie]) -> Movie:
    """Choose frames to draw: of the validation, or fresh drifts of the learned photographs; never held-out ones.

    Figures are looked at while constants are chosen, and the held-out frames are for one look at the end.

    Parameters
    ----------
    job : Job
    movies : sequence of Movie
        The learning movies, for when there is no validation.

    Returns
    -------
    Movie
        At most 24 frames, of the clip in which most moves.
    """
    if job.source.frames == PHOTOGRAPHS:
        found = job.source.model_copy(update={"n_movies": 8}).learning(EXAMPLE_SEED)
    else:
        found = job.source.validation() or tuple(movies)
    parts = [m.part(0, min(24, m.n_frames)) for m in found]
    return max(parts, key=lambda m: float(np.diff(m.frames, axis=0).std()))


def fit_bars(movies: Sequence[Movie]) -> tuple[GatedShift, OneFrame]:
    """Fit the bars on learning movies.

    Parameters
    ----------
    movies : sequence of Movie

    Returns
    -------
    GatedShift, OneFrame
    """
    return GatedShift.fit(movies[:BAR_MOVIES]), OneFrame.fit(movies)


def load_bars(run: Path) -> tuple[GatedShift, OneFrame]:
    """Read the bars of a run.

    Parameters
    ----------
    run : Path

    Returns
    -------
    GatedShift, OneFrame

    Raises
    ------
    StateError
        If the file is damaged.
    """
    path = run / "bars.npz"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StateError(sentence(str(path), "is not a complete file of bars", cure="restore it or run again")) from error
    parts = {
        kind: {k.removeprefix(f"{kind}/"): a for k, a in arrays.items() if k.startswith(kind)} for kind in ("gated_shift", "one_frame")
    }
    return GatedShift.from_arrays(parts["gated_shift"]), OneFrame.from_arrays(parts["one_frame"])


def save_weights(path: Path, simulation: Simulation) -> None:
    """Write what learning changes, and the thresholds that were drawn.

    Parameters
    ----------
    path : Path
    simulation : Simulation
    """
    state = simulation.state()
    kept = {k: a for k, a in state.arrays.items() if k.startswith(("weights/", "threshold/"))}
    State(kept, state.step, state.seed, state.dt_ms, state.digest).save(path)


def save_checkpoint(partial: Path, simulation: Simulation, curve: Curve) -> None:
    """Write everything from which an unfinished run goes on.

    Parameters
    ----------
    partial : Path
    simulation : Simulation
    curve : Curve
    """
    state = simulation.state()
    points = np.array([(p.done, p.total, p.mse_model, p.mse_copy_last, p.n_scored) for p in curve.points]).reshape(-1, 5)
    path = partial / run_folder.CHECKPOINT
    State({**state.arrays, "curve": points}, state.step, state.seed, state.dt_ms, state.digest).save(path)


def load_checkpoint(partial: Path) -> tuple[State, Curve]:
    """Read what `save_checkpoint` wrote.

    Parameters
    ----------
    partial : Path

    Returns
    -------
    State, Curve
    """
    state = State.load(partial / run_folder.CHECKPOINT)
    points = np.asarray(state.arrays["curve"], dtype=np.float64)
    curve = Curve([Progress(int(d), int(t), float(m), float(c), int(n)) for d, t, m, c, n in points])
    arrays = {k: a for k, a in state.arrays.items() if k != "curve"}
    return State(arrays, state.step, state.seed, state.dt_ms, state.digest), curve
