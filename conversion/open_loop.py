"""The first pass of calibration: cells alone, under constant currents, on the engine that they will run on.

What theory says of a cell's answer leaves out that time goes in steps and that copies are few. So each kind of cell is measured,
and its gain set right, before anything is connected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conversion.calibration import STRAIGHT, Line
from conversion.circuit import DT_MS, Circuit, FloatArray
from conversion.neuron import HEADROOM
from snn.description import Network, Population
from snn.engines import engine
from snn.state import State, initial_state

ACTIVITIES = np.linspace(0.0, HEADROOM, 61)
FITTED = 0.05, 1.0
TIME_MS, SKIPPED_MS = 1000.0, 200.0


@dataclass(frozen=True, eq=False)
class Measured:
    """The answer of a kind of cell.

    Attributes
    ----------
    activity : ndarray, shape (n,)
        What was asked for, in units of the scale.
    told : ndarray, shape (n,)
        What the copies of a unit told together.
    line : Line
        Between `FITTED` activities.
    residual : float
        Root mean square of the difference from what was asked for.
    """

    activity: FloatArray
    told: FloatArray
    line: Line
    residual: float


def open_loop(cells: Circuit) -> tuple[dict[str, Line], dict[str, Measured]]:
    """Measure every kind of cell of a circuit.

    Parameters
    ----------
    cells : Circuit
        Of spiking cells. Corrections that it has had are not looked at, so this pass comes first, and once.

    Returns
    -------
    lines : dict of str to Line
        Per population, interneurons and other partners too.
    measured : dict of str to Measured
        Per kind of cell, under the name of the first population that consists of it.
    """
    lines: dict[str, Line] = {}
    kinds: dict[tuple[object, ...], str] = {}
    measured: dict[str, Measured] = {}
    for p in cells.network.populations:
        answer = cells.answer(p.name)
        thresholds = np.asarray(cells.arrays.get(f"threshold/{p.name}", np.zeros(0)), dtype=np.float64)[: p.copies]
        kind = (p.cell, p.copies, answer.r_max_Hz, answer.gain_mV, answer.bias_mV.tobytes(), thresholds.tobytes())
        if kind not in kinds:
            kinds[kind] = p.name
            measured[p.name] = measure(cells, p.name)
        lines[p.name] = measured[kinds[kind]].line
    return lines, measured


def measure(cells: Circuit, name: str) -> Measured:
    """Drive the copies of one unit of a population with constant currents.

    Parameters
    ----------
    cells : Circuit
    name : str
        Population.

    Returns
    -------
    Measured
    """
    p, answer = cells.network.population(name), cells.answer(name)
    n = len(ACTIVITIES)
    probe = Population(name="probe", shape=(1, n, 1), cell=p.cell, copies=p.copies, biased=True)
    network = Network(frame_ms=TIME_MS, populations=(probe,))
    born = initial_state(network, dt_ms=DT_MS, seed=0)
    arrays = {**born.arrays, "bias/probe": np.repeat(ACTIVITIES * answer.gain_mV, p.copies) + np.tile(answer.bias_mV, n)}
    if f"threshold/{name}" in cells.arrays:
        arrays["threshold/probe"] = np.tile(np.asarray(cells.arrays[f"threshold/{name}"])[: p.copies], n)
    network = network.override("frame_ms", SKIPPED_MS)
    sim = engine("event").build(network, state=State(arrays, 0, 0, DT_MS, network.digest), dt_ms=DT_MS)
    n_frames = round(TIME_MS / SKIPPED_MS) + 1
    sent = sim.run(n_frames=n_frames).counts["probe"][1:].reshape(n_frames - 1, n, p.copies)
    told = sent.mean(axis=(0, 2)) * (1000.0 / SKIPPED_MS) / answer.r_max_Hz
    fitted = (FITTED[0] <= ACTIVITIES) & (FITTED[1] >= ACTIVITIES)
    slope, offset = np.polyfit(ACTIVITIES[fitted], told[fitted], 1)
    line = Line(np.array([slope]), np.array([offset])) if slope > 0 else STRAIGHT
    return Measured(ACTIVITIES, told, line, float(np.sqrt(np.mean((told - ACTIVITIES) ** 2))))
