"""Opening a finished run, and describing it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from comparisons import run_folder
from comparisons.adapt_job import AdaptJob
from comparisons.backprop_job import BackpropJob
from comparisons.convert_job import ConvertJob
from comparisons.distil_job import DistilJob, report_table
from comparisons.forecasters import CircuitForecaster, Forecaster, RateForecaster
from comparisons.learning import LEARNED, Job
from comparisons.rate_job import WEIGHTS, RateJob
from plasticity import RULES
from snn._edit import first_error
from snn.constraints import CONSTRAINTS, Violation, graded_quantities
from snn.description import Network
from snn.engines.driver import Simulation
from snn.engines.event import EventEngine
from snn.errors import DescriptionError, StateError, sentence
from snn.state import State, initial_state

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet


AJob = Job | BackpropJob | RateJob | DistilJob | ConvertJob | AdaptJob


@dataclass(frozen=True, eq=False)
class Run(ABC):
    """A finished run, ready to be shown frames."""

    path: Path
    job: AJob
    clips: dict[str, list[str]]
    summary: dict[str, Any]

    @property
    @abstractmethod
    def forecaster(self) -> Forecaster:
        """The model with its learned weights, to be scored."""


@dataclass(frozen=True, eq=False)
class CircuitRun(Run):
    """A finished run of the circuit, with its learned weights."""

    job: Job | BackpropJob | ConvertJob | AdaptJob
    network: Network
    state: State

    @cached_property
    def simulation(self) -> Simulation:
        """The network with its learned weights, built on the engine of its job."""
        return self.job.simulation(self.network, self.state)

    @cached_property
    def forecaster(self) -> Forecaster:
        """As `Run.forecaster`."""
        return CircuitForecaster(self.simulation)


@dataclass(frozen=True, eq=False)
class RateRun(Run):
    """A finished run of the rate PredNet, with its learned weights."""

    job: RateJob | DistilJob
    model: RatePredNet

    @cached_property
    def forecaster(self) -> Forecaster:
        """As `Run.forecaster`."""
        return RateForecaster(self.model)


def load_run(path: Path) -> Run:
    """Open a run folder.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.

    Returns
    -------
    Run
        A `CircuitRun` or a `RateRun`.

    Raises
    ------
    RunFolderError
        If it is not a finished run or a file of it has changed.
    StateError
        If its weights do not fit its description.
    DescriptionError
        If its description cannot be read.
    """
    path = run_folder.resolve(path)
    run_folder.verify(path)
    try:
        job = read_job(run_folder.read_json(path / "config.json"))
    except (ValidationError, TypeError, AttributeError) as error:
        raise StateError(
            sentence(str(path / "config.json"), f"is not a job ({first_error(error)})", cure="it was made by another version; learn again")
        ) from error
    try:
        clips = {name: [str(digest) for digest in frames] for name, frames in run_folder.read_json(path / "clips.json").items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise StateError(sentence(str(path / "clips.json"), "is not a list of clips", cure="restore it or run again")) from error
    summary = run_folder.read_json(path / "summary.json")
    if isinstance(job, RateJob | DistilJob):
        return RateRun(path, job, clips, summary, _model(path, job))
    return CircuitRun(path, job, clips, summary, *_circuit(path))


def load_circuit(path: Path, what: str) -> CircuitRun:
    """Open the run folder of a circuit.

    Parameters
    ----------
    path : Path
    what : str
        What it is needed for, for the message.

    Returns
    -------
    CircuitRun

    Raises
    ------
    StateError
        If it is the run of a rate PredNet, which has no populations of cells with signs and synapses.
    """
    run = load_run(path)
    if not isinstance(run, CircuitRun):
        cure = "give a run of `learn` or `train-backprop`; `info` describes this one"
        raise StateError(sentence(str(path), f"is a run of the rate PredNet, which {what} does not apply to", cure=cure))
    return run


def read_job(settings: dict[str, Any]) -> AJob:
    """Read the settings of a run.

    Parameters
    ----------
    settings : dict
        Content of ``config.json``.

    Returns
    -------
    Job, BackpropJob, RateJob, DistilJob, ConvertJob or AdaptJob
    """
    kinds: dict[str, type[AJob]] = {
        "learn": Job,
        "backprop": BackpropJob,
        "rate": RateJob,
        "distil": DistilJob,
        "convert": ConvertJob,
        "adapt": AdaptJob,
    }
    return kinds.get(settings.get("kind", "learn"), Job)(**settings)


def _model(path: Path, job: RateJob | DistilJob) -> RatePredNet:
    from conversion.model_files import load_model

    model, _ = load_model(path / WEIGHTS)
    if model.spec != job.model:
        raise StateError(sentence(str(path / WEIGHTS), "belongs to another description", cure="restore it or run again"))
    return model


def _circuit(path: Path) -> tuple[Network, State]:
    description = path / "description.json"
    try:
        network = Network.from_json(run_folder.to_json(run_folder.read_json(description)), RULES)
    except DescriptionError as error:
        raise DescriptionError(f"{description}: {error}; restore it or run again") from error
    weights = State.load(path / "weights.npz")
    born = initial_state(network, dt_ms=weights.dt_ms, seed=weights.seed)
    learned = {k for k in born.arrays if k.startswith(LEARNED)}
    if weights.digest != network.digest or learned != weights.arrays.keys():
        raise StateError(
            sentence(
                str(path / "weights.npz"),
                "belongs to another description",
                got=weights.digest[:12],
                allowed=network.digest[:12],
                cure="restore it or run again",
            )
        )
    return network, State({**born.arrays, **weights.arrays}, weights.step, weights.seed, weights.dt_ms, weights.digest)


def violations(run: CircuitRun) -> dict[str, list[Violation]]:
    """Look at each biological constraint.

    A run that was trained by backprop violates local plasticity, whatever rules its description has.

    Parameters
    ----------
    run : CircuitRun

    Returns
    -------
    dict of str to list of Violation
        Per constraint.
    """
    found = {name: list(look(run.network, run.state)) for name, look in CONSTRAINTS.items()}
    if isinstance(run.job, BackpropJob):
        taught = [j.name for j in run.network.projections if j.rule is not None]
        found["local_plasticity"] += [Violation("local_plasticity", name, "trained by backprop") for name in taught]
    return found


def activity(run: CircuitRun) -> dict[str, tuple[float, float]]:
    """Read from a run's recording how active each spiking population was on the frames that were drawn.

    Parameters
    ----------
    run : CircuitRun

    Returns
    -------
    dict of str to (float, float)
        Mean rate in Hz, and share of cells that fired at all; empty when nothing was recorded.
    """
    path = run.path / "recording.npz"
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as file:
        seconds = len(file["frames"]) * run.network.frame_ms / 1000.0
        cells = {p.name: file[f"spikes/{p.name}/cells"] for p in run.network.populations if f"spikes/{p.name}/cells" in file}
    size = {p.name: p.n for p in run.network.populations}
    return {name: (len(who) / (size[name] * seconds), len(np.unique(who)) / size[name]) for name, who in cells.items()}


def describe(run: Run) -> str:
    """Say what a run is made of.

    Parameters
    ----------
    run : Run

    Returns
    -------
    str
    """
    if isinstance(run, RateRun):
        return _describe_rate(run)
    assert isinstance(run, CircuitRun)
    network, state = run.network, run.state
    lines = [
        f"{run.path}: {network.name}, digest {network.digest[:12]}, seed {run.job.seed}, learned from {run.job.source.frames}",
        "",
        f"{'population':<28}{'shape':>14}{'cells':>8}  {'cell':<17}{'sign':<12}",
    ]
    lines += [f"{p.name:<28}{'x'.join(map(str, p.shape)):>14}{p.n:>8}  {p.cell.kind:<17}{p.sign:<12}" for p in network.populations]
    lines += ["", f"{'projection':<64}{'synapses':>10}{'delay':>8}{'mean weight':>13}  rule"]
    for j in network.projections:
        n = int(network.out_degree(j).sum())
        mean = float(np.sum(state.weights(j.name))) / max(1, int(np.count_nonzero(state.weights(j.name))))
        lines.append(f"{j.name:<64}{n:>10}{j.delay_ms:>5g} ms{mean:>10.3g} mV  {j.rule.kind if j.rule else '-'}")
        lines += [f"{'':<4}{j.short_term.summary}"] if j.short_term else []
    plan = EventEngine().plan(network)
    lines += ["", *(f"{name} learns {how}" for name, how in plan.items())] if plan else []
    lines += ["", *(f"{name}: {source}" for name, source in list(run.summary.get("movies", {}).items())[:5])]
    graded = graded_quantities(network)
    lines += [
        "",
        "graded quantities between cells: " + (", ".join(graded) if graded else "none"),
        "inside the retina: luminance, its local contrast and its change from frame to frame drive the first cells as currents",
    ]
    return "\n".join(lines)


def _describe_rate(run: RateRun) -> str:
    spec, model = run.job.model, run.model
    lines = [
        f"{run.path}: rate PredNet, cell {spec.cell}, {spec.pooling} pooling, loss {spec.loss}, seed {run.job.seed}, "
        + (f"distilled from {run.job.teacher} on " if isinstance(run.job, DistilJob) else "trained by backprop on ")
        + run.job.source.frames,
        "",
        f"{'population':<28}{'shape':>14}{'units':>8}",
    ]
    cells = run.forecaster.cells
    for level in range(spec.levels):
        rows, cols = spec.size(level)
        for name, n in cells.items():
            if name.startswith(f"level{level}."):
                lines.append(f"{name:<28}{f'{rows}x{cols}x{n // (rows * cols)}':>14}{n:>8}")
    lines += ["", f"{'parameter':<40}{'shape':>22}{'numbers':>10}{'mean size':>11}"]
    for name, p in model.named_parameters():
        lines.append(f"{name:<40}{'x'.join(map(str, p.shape)):>22}{p.numel():>10}{float(p.detach().abs().mean()):>11.3g}")
    lines += [
        "",
        f"parameters {model.n_parameters}, multiply-adds a frame {model.multiply_adds}",
        "graded quantities between units: all of them; weights "
        + ("shared by all sites" if spec.shared else "of their own at each site")
        + (", R excitatory or inhibitory by channel" if spec.dale else ", of either sign"),
    ]
    if isinstance(run.job, DistilJob):
        lines += ["", report_table(run.summary["distillation"])]
    return "\n".join(lines)
