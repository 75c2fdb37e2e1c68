"""Opening a finished run, and describing it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from comparisons import run_folder
from comparisons.learning import Job
from plasticity import RULES
from snn._edit import first_error
from snn.constraints import graded_quantities
from snn.description import Network
from snn.engines.driver import Simulation
from snn.errors import DescriptionError, StateError, sentence
from snn.state import State, initial_state
from snn.topology import edges


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run with its learned weights, ready to be shown frames."""

    path: Path
    job: Job
    clips: dict[str, list[str]]
    summary: dict[str, Any]
    network: Network
    state: State

    @cached_property
    def simulation(self) -> Simulation:
        """The network with its learned weights, built on the engine that learned them."""
        return self.job.simulation(self.network, self.state)


def load_run(path: Path) -> Run:
    """Open a run folder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Run

    Raises
    ------
    RunFolderError
        If it is not a finished run or a file of it has changed.
    StateError
        If its weights do not fit its description.
    DescriptionError
        If its description cannot be read.
    """
    run_folder.verify(path)
    try:
        job = Job(**run_folder.read_json(path / "config.json"))
    except (ValidationError, TypeError) as error:
        raise StateError(
            sentence(str(path / "config.json"), f"is not a job ({first_error(error)})", cure="it was made by another version; learn again")
        ) from error
    description = path / "description.json"
    try:
        network = Network.from_json(run_folder.to_json(run_folder.read_json(description)), RULES)
    except DescriptionError as error:
        raise DescriptionError(f"{description}: {error}; restore it or run again") from error
    weights = State.load(path / "weights.npz")
    born = initial_state(network, dt_ms=weights.dt_ms, seed=weights.seed)
    learned = {k for k in born.arrays if k.startswith(("weights/", "threshold/"))}
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
    state = State({**born.arrays, **weights.arrays}, weights.step, weights.seed, weights.dt_ms, weights.digest)
    try:
        clips = {name: [str(digest) for digest in frames] for name, frames in run_folder.read_json(path / "clips.json").items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise StateError(sentence(str(path / "clips.json"), "is not a list of clips", cure="restore it or run again")) from error
    return Run(path, job, clips, run_folder.read_json(path / "summary.json"), network, state)


def activity(run: Run) -> dict[str, tuple[float, float]]:
    """Read from a run's recording how active each spiking population was on the frames that were drawn.

    Parameters
    ----------
    run : Run

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
    network, state = run.network, run.state
    lines = [
        f"{run.path}: {network.name}, digest {network.digest[:12]}, seed {run.job.seed}, learned from {run.job.source.frames}",
        "",
        f"{'population':<28}{'shape':>14}{'cells':>8}  {'cell':<14}{'sign':<12}",
    ]
    lines += [f"{p.name:<28}{'x'.join(map(str, p.shape)):>14}{p.n:>8}  {p.cell.kind:<14}{p.sign:<12}" for p in network.populations]
    lines += ["", f"{'projection':<64}{'synapses':>10}{'delay':>8}{'mean weight':>13}  rule"]
    for j in network.projections:
        n = len(edges(j.topology, network.population(j.source).grid, network.population(j.target).grid).pre)
        mean = float(np.sum(state.weights(j.name))) / max(1, int(np.count_nonzero(state.weights(j.name))))
        lines.append(f"{j.name:<64}{n:>10}{j.delay_ms:>5g} ms{mean:>10.3g} mV  {j.rule.kind if j.rule else '-'}")
    lines += ["", *(f"{name}: {source}" for name, source in list(run.summary.get("movies", {}).items())[:5])]
    graded = graded_quantities(network)
    lines += [
        "",
        "graded quantities between cells: " + (", ".join(graded) if graded else "none"),
        "inside the retina: luminance, its local contrast and its change from frame to frame drive the first cells as currents",
    ]
    return "\n".join(lines)
