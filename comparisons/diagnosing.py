"""The work behind ``diagnose``: a run is shown frames with frozen weights, and its numbers are set out with advice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comparisons.advice import Advice, advise
from comparisons.backprop_job import BackpropJob
from comparisons.diagnostics import Diagnosis, diagnose, share_labels
from comparisons.inspection import CircuitRun, load_circuit
from comparisons.learning import Job
from comparisons.movies import PHOTOGRAPHS
from snn.description import Network
from snn.recording import Recording
from snn.state import State, initial_state
from snn.stimuli.movie import Movie

N_MOVIES = 20
"""Drifts of photographs that are shown."""


def diagnose_run(
    path: Path,
    frames: str,
    clips: tuple[str, ...] = (),
    n_movies: int = N_MOVIES,
    after: Callable[[int, int], None] | None = None,
) -> tuple[Network, Diagnosis]:
    """Show frames to a run of the circuit, and take its numbers.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.
    frames : str
        As in `Source`; of photographs, drifts of those that are learned from: the others are for scores.
    clips : tuple of str
        Names; empty means all.
    n_movies : int
        For photographs: number of drifts.
    after : callable, optional
        Called with the number of movies done and their total.

    Returns
    -------
    Network, Diagnosis
        The change since birth is known of runs that began at chance.

    Raises
    ------
    StateError
        If it is the run of a rate PredNet.
    """
    run = load_circuit(path, "diagnose")
    source = run.job.source.model_copy(
        update={
            "frames": frames,
            "clips": clips,
            "n_movies": n_movies,
        }
    )
    movies = source.learning(run.job.seed + 1) if frames == PHOTOGRAPHS else source.read()

    def shown() -> Iterator[Recording]:
        for done, movie in enumerate(movies, start=1):
            yield _show(run, movie)
            if after is not None:
                after(done, len(movies))

    return run.network, diagnose(run.network, run.state, shown(), _born(run))


def _show(run: CircuitRun, movie: Movie) -> Recording:
    run.simulation.restart()
    return run.simulation.run(movie)


def _born(run: CircuitRun) -> State | None:
    if not isinstance(run.job, Job | BackpropJob):
        return None  # It began with what another run had learned.
    return initial_state(run.network, dt_ms=run.state.dt_ms, seed=run.job.seed)


def as_json(found: Diagnosis) -> dict[str, Any]:
    """Give a diagnosis, with advice, as what JSON can hold.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    dict
    """
    return {**asdict(found), "advice": [{"section": s, "where": where, "text": text} for (s, where), text in advise(found).items()]}


def diagnosis_table(network: Network, found: Diagnosis) -> str:
    """Print a diagnosis, with advice under each number that is out of its usual range.

    Parameters
    ----------
    network : Network
    found : Diagnosis

    Returns
    -------
    str
    """
    advice = advise(found)
    activity = found.activity
    inputs = ", ".join(p.name.rpartition(".")[2] for p in network.populations if p.drive)
    lines = [f"{'spikes / px / frame':<64}{'mean':>9}"]
    for row, label, value in (("inputs", f"inputs ({inputs})", activity.input_spikes), ("all", "all populations", activity.all_spikes)):
        lines += [f"  {label:<62}{value:>9.3g}", *_told(advice, "spikes", row)]
    lines += ["", f"{'rate':<64}{'Hz':>9}"]
    for name, rate in activity.rates_Hz.items():
        lines += [f"  {name:<62}{rate:>9.3g}", *_told(advice, "rate", name)]
    lines += [*_weights(found, advice), *_gates(found, advice)]
    if found.alignment_deg:
        lines += ["", f"{'feedback and transposed forecast':<64}{'angle':>9}"]
    for name, angle in found.alignment_deg.items():
        lines += [f"  {name:<62}{angle:>5.0f} deg", *_told(advice, "alignment", name)]
    return "\n".join([*lines, "", f"{len(advice)} of these numbers out of their usual range (^)"])


def _told(advice: Advice, section: str, row: str) -> list[str]:
    text = advice.get((section, row))
    return [f"    ^ {text}"] if text else []


def _weights(found: Diagnosis, advice: Advice) -> list[str]:
    lines = []
    if found.routes:
        lines += ["", f"{'learned weights':<64}{'mV a cell':>9}{'at 0':>8}{'at w_max':>10}{'change':>11}"]
    for name, route in found.routes.items():
        change = "-" if route.change_mV is None else f"{route.change_mV:.3g} mV"
        row = f"  {name:<62}{route.per_cell_mV:>9.3g}{_percent(route.at_zero):>8}{_percent(route.at_max):>10}{change:>11}"
        lines += [row, *_told(advice, "route", name)]
    if found.pairs:
        lines += ["", f"{'W+ and W- of a learned route':<64}{'mV a cell':>9}{'overlap':>8}"]
    for pair in found.pairs:
        lines += [f"  {pair.excitatory:<62}{pair.total_mV:>9.3g}{_number(pair.overlap):>8}", *_told(advice, "pair", pair.excitatory)]
    both = {name: b for name, b in found.balance.items() if b.inhibitory_mV > 0 and b.excitatory_mV > 0}
    if both:
        lines += ["", f"{'weights onto a cell':<64}{'E mV':>9}{'I mV':>8}{'E / I':>10}{'correlation':>13}"]
    for name, b in both.items():
        lines.append(f"  {name:<62}{b.excitatory_mV:>9.3g}{b.inhibitory_mV:>8.3g}{_number(b.ratio):>10}{_number(b.correlation):>13}")
    return lines


def _gates(found: Diagnosis, advice: Advice) -> list[str]:
    if not found.activity.gates:
        return ["", "gates: none (one branch)"]
    lines = ["", f"{'gates':<64}{'share':>9}"]
    for name, gates in found.activity.gates.items():
        most = math.log(len(gates.shares))
        lines += [f"  {name}: entropy {_number(gates.entropy_nats)} of at most {most:.2f} nats", *_told(advice, "gates", name)]
        for label, share in zip(share_labels(len(gates.shares)), gates.shares, strict=True):
            lines += [f"    {label:<60}{_percent(share):>9}", *_told(advice, "gates", f"{name} {label}")]
    return lines


def _number(x: float) -> str:
    return "-" if math.isnan(x) else f"{x:.2f}"


def _percent(x: float) -> str:
    return "-" if math.isnan(x) else f"{100 * x:.1f} %"
