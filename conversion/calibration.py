"""Three passes that correct what spiking cells do not do as their units did: alone, taught by the rates, and in the loop.

Each pass compares what a population tells, ``s_hat``, with what it should, ``s``, channel by channel: ``s_hat = a s + b``. The
answer to a current is straight, so the current ``(I - b) / a`` makes what ``I`` should have made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conversion.activity import passed, watch
from conversion.circuit import Circuit, FloatArray, rebuilt, standing
from conversion.scaling import settling_frames
from snn.description import Network, Projection
from snn.stimuli.movie import Movie
from snn.topology import Dense, LocalField, OneToOne, SharedKernel, channel_pairs, window

TAU_MS = 20.0
ACTIVE, EXPLAINED, FEWEST = 0.05, 0.9, 100
"""A line is fitted to activities above this share of the scale, and used where it explains this share of the variance of that
many values or more."""
LIMITS = 0.5, 2.0
"""Slopes outside of these are not corrected further in one pass: they speak of another fault."""


@dataclass(frozen=True, eq=False)
class Line:
    """What a population tells, against what it should.

    Attributes
    ----------
    slope, offset : ndarray, shape (features,)
        Offset in units of the scale.
    """

    slope: FloatArray
    offset: FloatArray


STRAIGHT = Line(np.ones(1), np.zeros(1))


class Regression:
    """Sums for a line through pairs of activities, channel by channel, taken in piece by piece."""

    def __init__(self) -> None:
        self.sums: dict[str, FloatArray] = {}

    def add(self, name: str, told: FloatArray, meant: FloatArray, scale: FloatArray | float = 0.0) -> None:
        """Take in activities.

        Parameters
        ----------
        name : str
            Population.
        told, meant : ndarray, shape (..., features)
        scale : ndarray, shape (features,)
            The line is fitted where what was meant is above `ACTIVE` of it: below, rectification bends it.
        """
        x, y = meant.reshape(-1, meant.shape[-1]), told.reshape(-1, told.shape[-1])
        use = (x > ACTIVE * np.asarray(scale)).astype(float)
        line = [use.sum(0), (use * x).sum(0), (use * y).sum(0), (use * x * x).sum(0), (use * x * y).sum(0), (use * y * y).sum(0)]
        self.sums[name] = self.sums.get(name, 0.0) + np.stack([*line, (x * x).sum(0), ((x - y) ** 2).sum(0)])

    def line(self, name: str) -> Line:
        """Fit by least squares; channels that a line does not explain (`EXPLAINED`) keep slope 1 and offset 0.

        Parameters
        ----------
        name : str

        Returns
        -------
        Line
        """
        n, x, y, xx, xy, yy, *_ = self.sums[name]
        n = np.maximum(n, 1.0)
        spread, both, told = xx - x * x / n, xy - x * y / n, yy - y * y / n
        fits = (n >= FEWEST) & (spread > 1e-9 * np.maximum(xx, 1e-30)) & (both**2 > EXPLAINED * spread * told)
        slope = np.where(fits, both / np.where(fits, spread, 1.0), 1.0)
        slope = np.clip(slope, *LIMITS)
        return Line(slope, np.where(fits, (y - slope * x) / n, 0.0))

    def nrmse(self, name: str) -> float:
        """Root mean square of the difference over that of what was meant, over all channels.

        Parameters
        ----------
        name : str

        Returns
        -------
        float
        """
        *_, xx, missed = self.sums[name]
        return float(np.sqrt(missed.sum() / max(xx.sum(), 1e-30)))

    def mean_nrmse(self) -> float:
        """Mean of `nrmse` over populations."""
        return float(np.mean([self.nrmse(name) for name in self.sums]))


def teacher_forced(rates: Circuit, cells: Circuit, movies: Sequence[Movie]) -> tuple[dict[str, Line], Regression]:
    """Let spiking populations hear the rate units that they stand for, without being heard.

    Parameters
    ----------
    rates : Circuit
        Scaled, of rate units, of either sign.
    cells : Circuit
        The same, populated and spiking; partners are not looked at.
    movies : sequence of Movie
        Calibration clips.

    Returns
    -------
    lines : dict of str to Line
        Per population.
    regression : Regression
        What they were fitted to.
    """
    both = shadowed(rates, cells)
    of = {p.name: f"{p.name}.cells" for p in standing(rates)}
    found = Regression()
    for movie in movies:
        before: dict[str, FloatArray] = {}
        for t, moment in enumerate(watch(both, movie)):
            for name, shadow in of.items():
                told, meant = (passed(moment[key], before, key, TAU_MS) for key in (shadow, name))
                if t >= settling_frames(rates.network):
                    found.add(name, told, meant, scale_of(cells, name))
    return {name: at_scale(found.line(name), cells, name) for name in of}, found


def scale_of(circuit: Circuit, name: str) -> FloatArray:
    """Activity that is told by the rate at the scale.

    Parameters
    ----------
    circuit : Circuit
    name : str
        Population.

    Returns
    -------
    ndarray, shape (features,)
        In the units of the rate model.
    """
    scale: FloatArray = circuit.answer(name).r_max_Hz / circuit.per_unit_Hz[name]
    return scale


def at_scale(line: Line, cells: Circuit, name: str) -> Line:
    """Measure the offset of a line by the scale of its population.

    Parameters
    ----------
    line : Line
        With the offset in the units of the rate model.
    cells : Circuit
    name : str
        Population.

    Returns
    -------
    Line
    """
    return Line(line.slope, line.offset / scale_of(cells, name))


def shadowed(rates: Circuit, cells: Circuit) -> Circuit:
    """Put spiking populations beside the rate units that drive them.

    Parameters
    ----------
    rates, cells : Circuit
        As for `teacher_forced`.

    Returns
    -------
    Circuit
        The rate circuit, and ``NAME.cells`` with the inputs of NAME and no synapses of their own.

    Notes
    -----
    Cells hear the weights of the rate model, divided by what earlier passes have divided those of the cells by. What else is
    wrong with the weights of the cells shows only in the loop.
    """
    arrays = {k: a for k, a in rates.arrays.items() if not k.startswith("weights/")}
    populations = list(rates.network.populations)
    listed = [(j, rates.weights(j.name)) for j in rates.network.projections]
    per_unit = dict(rates.per_unit_Hz)
    for p in standing(rates):
        cell = cells.network.population(p.name)
        name = f"{p.name}.cells"
        populations.append(cell.model_copy(update={"name": name, "pools": 1, "sign": "excitatory"}))
        own = {kind: cells.arrays.get(f"{kind}/{p.name}") for kind in ("bias", "threshold")}
        arrays |= {f"{kind}/{name}": a for kind, a in own.items() if a is not None}
        per_unit[name] = cells.per_unit_Hz[p.name]
    for j in rates.network.projections:
        factors = cells.answer(j.target).gain_mV / cells.slope(j.target)
        w = rates.weights(j.name) * per_target(rates.network, j, factors)
        listed.append((j.model_copy(update={"target": f"{j.target}.cells"}), w))
    return rebuilt(rates, populations, listed, arrays, per_unit)


def corrected(circuit: Circuit, lines: Mapping[str, Line], damping: float = 1.0) -> Circuit:
    """Change the currents of populations so that lines become straight.

    Parameters
    ----------
    circuit : Circuit
        Spiking.
    lines : mapping of str to Line
        By population. A partner without a line of its own is corrected as the population that hears the same (`line_of`).
    damping : float
        Share of the correction that is made.

    Returns
    -------
    Circuit
        Every population is biased, and its slopes are those of all corrections so far.
    """
    network = circuit.network
    slope: dict[str, FloatArray] = {}
    populations, arrays = [], {k: a for k, a in circuit.arrays.items() if k.startswith("threshold/")}
    for p in network.populations:
        line = line_of(circuit, p.name, lines)
        answer, sites = circuit.answer(p.name), p.units.rows * p.units.cols
        # The eye drives all channels of a population with one gain.
        slopes = line.slope if p.drive is None else line.slope.mean(keepdims=True)
        slope[p.name] = np.broadcast_to(slopes, p.shape[2]) ** damping
        less = damping * answer.gain_mV * np.broadcast_to(line.offset, p.shape[2])
        own = np.tile(answer.bias_mV, p.units.n)
        each = np.tile(np.repeat(slope[p.name], p.copies), sites)
        arrays[f"bias/{p.name}"] = own + (circuit.bias(p.name) - own - np.tile(np.repeat(less, p.copies), sites)) / each
        gain = p.drive_gain if p.drive is None else p.drive_gain / float(slope[p.name][0])
        populations.append(p.model_copy(update={"biased": True, "drive_gain": gain}))
    listed = [(j, circuit.weights(j.name) * per_target(network, j, 1.0 / slope[j.target])) for j in network.projections]
    so_far = {name: circuit.slope(name) * x for name, x in slope.items()}
    return replace(rebuilt(circuit, populations, listed, arrays), slopes=so_far)


def line_of(circuit: Circuit, name: str, lines: Mapping[str, Line]) -> Line:
    """Find the line by which a population is to be corrected.

    Parameters
    ----------
    circuit : Circuit
    name : str
        Population.
    lines : mapping of str to Line

    Returns
    -------
    Line
        Its own; that of the population that it is a partner of, where both hear the same; else one that changes nothing.
    """
    if name in lines:
        return lines[name]
    other = circuit.partner_of.get(name, name)
    heard: dict[str, set[tuple[str, str]]] = {name: set(), other: set()}
    for j in circuit.network.projections:
        if j.target in heard:
            heard[j.target].add((j.source, j.receptor))
    # An interneuron follows cells that are corrected already, so their line would act twice.
    return lines.get(other, STRAIGHT) if heard[name] == heard[other] else STRAIGHT


def per_target(network: Network, j: Projection, factors: FloatArray) -> FloatArray:
    """Broadcast factors of target channels over the weights of a projection.

    Parameters
    ----------
    network : Network
    j : Projection
    factors : ndarray, shape (features,)

    Returns
    -------
    ndarray, shape (n_post,), (n_pairs,) or as the target's cells
        That can be multiplied with the weights.
    """
    source, target = network.ends(j)
    if isinstance(j.topology, Dense):
        return np.tile(np.repeat(factors, target.copies), target.rows * target.cols)
    if isinstance(j.topology, OneToOne):
        return np.array([factors[b // target.copies] for _, b in channel_pairs(j.topology, source, target)])
    assert isinstance(j.topology, LocalField | SharedKernel)
    return np.repeat(factors, target.copies)[slice(*window(j.topology, source, target).post_channels)]
