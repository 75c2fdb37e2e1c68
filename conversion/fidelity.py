"""How faithfully spiking populations do what the units of a rate model do, on frames that neither has seen.

Both are shown the same movie, step by step, from rest. What a synapse with the time constant ``tau_ms`` makes of the spikes is
compared with what it makes of the rates:

* NRMSE: root mean square of the difference, over the root mean square of the rate model's activity;
* correlation: median of Pearson's r in time over units that do anything in the rate model; 0 where their cells are silent;
* gain and offset of the regression of the one on the other;
* lag: shift in time at which the two agree best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conversion.activity import passed, read, simulation
from conversion.circuit import DT_MS, Circuit, FloatArray, standing
from snn.engines.layout import raised_cosine
from snn.errors import MovieError, sentence
from snn.parts import RateReadout
from snn.recording import FORECAST
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.stimuli.splitting import FIRST_SCORED

TAU_MS = 20.0
TRACED = 100
"""Units of a population whose lag is measured."""
LAGS_MS = 15
SETTLED_MS = 300.0
"""Populations are compared from then on: both begin at rest, and the first frames are the strongest errors of all."""
OVER = 1.5
"""Activities above this, in units of the scale, count as beyond the calibrated range."""


@dataclass(frozen=True)
class Row:
    """One population.

    Attributes
    ----------
    population : str
    nrmse, correlation, gain, offset : float
        As the module says; the offset in units of the scale.
    lag_ms : float
        Positive where the spikes come later.
    rate_Hz : float
        Mean rate of a cell.
    beyond : float
        Share of activities beyond the calibrated range.
    """

    population: str
    nrmse: float
    correlation: float
    gain: float
    offset: float
    lag_ms: float
    rate_Hz: float
    beyond: float


@dataclass(frozen=True, eq=False)
class Fidelity:
    """A comparison of a rate model and its spiking form.

    Attributes
    ----------
    rows : tuple of Row
        Populations that stand for units of the rate model.
    mse_rates, mse_cells, mse_between : float
        Error of both forecasts against the frames, and of the one against the other; NaN without a forecast. The rate
        circuit runs at the step of the cells.
    mse_copy : float
        Error of copying the last frame.
    ssim_rates, ssim_cells : float
        Structural similarity of forecast and frame.
    spikes_per_frame, synaptic_operations_per_frame : float
        Of all cells; an operation is a spike at a synapse.
    multiply_adds_per_frame : float
        Of the rate model once a frame: weights times activities, each synapse of its circuit once.
    n_frames : int
        Frames compared.
    traces : dict of str to ndarray, shape (2, n_units, n_steps)
        Filtered activity of some units, of the rate model and of the cells.
    forecasts : ndarray, shape (3, n_frames, rows, cols)
        Frames, and what either expected them to be.
    mse_model : float
        Error of the rate model as it was trained, in longer steps, on the same frames; NaN where nobody asked.
    """

    rows: tuple[Row, ...]
    mse_rates: float
    mse_cells: float
    mse_between: float
    mse_copy: float
    ssim_rates: float
    ssim_cells: float
    spikes_per_frame: float
    synaptic_operations_per_frame: float
    multiply_adds_per_frame: float
    n_frames: int
    traces: dict[str, FloatArray] = field(default_factory=dict)
    forecasts: FloatArray = field(default_factory=lambda: np.zeros((3, 0, 1, 1)))
    mse_model: float = float("nan")

    def worst(self, beginning: str) -> float:
        """Largest NRMSE of the populations whose last name begins so.

        Parameters
        ----------
        beginning : str
            Such as ``representation``, or ``error`` for both kinds of error units.

        Returns
        -------
        float
        """
        return max(r.nrmse for r in self.rows if r.population.rpartition(".")[2].startswith(beginning))


def fidelity(
    rates: Circuit,
    cells: Circuit,
    movies: Sequence[Movie],
    *,
    tau_ms: float = TAU_MS,
    after: Callable[[int, int], None] | None = None,
    seed: int = 0,
) -> Fidelity:
    """Compare a spiking circuit with the rate circuit that it was made from.

    Parameters
    ----------
    rates, cells : Circuit
    movies : sequence of Movie
        Held-out frames; each begins at rest. Populations are compared from `SETTLED_MS` on, forecasts as always from
        frame `FIRST_SCORED`.
    tau_ms : float
        Decay of the synapse through which both are looked at.
    after : callable, optional
        Called with the frames done and their total.
    seed : int
        Of the choice of units whose lag is measured.

    Returns
    -------
    Fidelity

    Raises
    ------
    MovieError
        If no clip is longer than `SETTLED_MS`.
    """
    return _Comparison(rates, cells, tau_ms, seed).run(movies, after)


class _Sums:
    """Sums over time for one population, unit by unit; x is what was meant, y what was told."""

    def __init__(self, n_units: int) -> None:
        self.n = 0
        self.x, self.y, self.xx, self.yy, self.xy, self.missed = np.zeros((6, n_units))
        self.beyond = 0

    def add(self, x: FloatArray, y: FloatArray, high: FloatArray) -> None:
        self.n += len(x)
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.xx += np.einsum("tu,tu->u", x, x)
        self.yy += np.einsum("tu,tu->u", y, y)
        self.xy += np.einsum("tu,tu->u", x, y)
        self.missed += np.einsum("tu,tu->u", x - y, x - y)
        self.beyond += int((x > high).sum())

    def correlation(self) -> float:
        """Median over units that vary in the rate model; 0 for those whose cells do not."""
        vx, vy = self.xx - self.x**2 / self.n, self.yy - self.y**2 / self.n
        alive = vx > 1e-9 * self.xx.max(initial=1e-30)
        told = np.where(vy > 0, vy, np.inf)
        r = (self.xy - self.x * self.y / self.n)[alive] / np.sqrt(vx[alive] * told[alive])
        return float(np.median(r)) if len(r) else float("nan")

    def line(self) -> tuple[float, float]:
        n = self.n * len(self.x)
        mx, my = self.x.sum() / n, self.y.sum() / n
        variance = self.xx.sum() / n - mx**2
        slope = (self.xy.sum() / n - mx * my) / variance if variance > 0 else float("nan")
        return float(slope), float(my - slope * mx)


class _Comparison:
    def __init__(self, rates: Circuit, cells: Circuit, tau_ms: float, seed: int) -> None:
        self.rates, self.cells, self.tau_ms = rates, cells, tau_ms
        self.names = [p.name for p in standing(rates)]
        self.sums = {name: _Sums(rates.network.population(name).units.n) for name in self.names}
        self.before: dict[str, FloatArray] = {}
        self.spikes = self.operations = 0.0
        self.sent = {p.name: 0.0 for p in cells.network.populations}
        self.degree = {p.name: np.zeros(p.n) for p in cells.network.populations}
        for j in cells.network.projections:
            self.degree[j.source] += cells.network.out_degree(j)
        self.units = {}
        for name in self.names:
            n = rates.network.population(name).units.n
            self.units[name] = np.sort(stream(seed, "fidelity", name).permutation(n)[:TRACED])
        found = [r for r in rates.network.readouts if r.name == FORECAST and isinstance(r, RateReadout)]
        self.readout = found[0] if found else None
        self.traces: dict[str, list[FloatArray]] = {name: [] for name in self.names}

    def run(self, movies: Sequence[Movie], after: Callable[[int, int], None] | None) -> Fidelity:
        done, total = 0, sum(m.n_frames for m in movies)
        first = max(FIRST_SCORED, round(SETTLED_MS / self.rates.network.frame_ms))
        counted = sum(max(0, m.n_frames - first) for m in movies)
        if not counted:
            raise MovieError(sentence("fidelity", "needs longer clips", got=[m.n_frames for m in movies][:5], allowed=f"> {first} frames"))
        shown: list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = []
        for movie in movies:
            sims = [simulation(c, bin_ms=DT_MS) for c in (self.rates, self.cells)]
            self.before = {}
            for t, frame in enumerate(movie.frames):
                late = self._frame(sims, frame, counted=t >= first)
                if t >= FIRST_SCORED and late is not None:
                    shown.append((frame, *late, movie.frames[t - 1]))
                done += 1
                if after is not None:
                    after(done, total)
        return self._result(shown, counted)

    def _frame(self, sims: list[Any], frame: FloatArray, counted: bool) -> tuple[FloatArray, FloatArray] | None:
        """Show a frame to both, step by step; give both forecasts."""
        moment = Movie(frame[None], DT_MS)
        n_steps = round(self.rates.network.frame_ms / DT_MS)
        parts: list[list[dict[str, FloatArray]]] = [[], []]
        for _ in range(n_steps):
            for k, (circuit, sim) in enumerate(zip((self.rates, self.cells), sims, strict=True)):
                counts = sim.run(moment).counts
                parts[k].append(read(circuit, counts, DT_MS))
                if k and counted:
                    for name, sent in counts.items():
                        self.sent[name] += float(sent.sum())
                        self.operations += float(sent.ravel() @ self.degree[name])
        for name in self.names:
            raw = (np.stack([step[name].reshape(-1) for step in steps]) for steps in parts)
            pair = [passed(x, self.before, f"{k}/{name}", self.tau_ms) for k, x in enumerate(raw)]
            if counted:
                p = self.cells.network.population(name)
                high = OVER * np.tile(self.cells.answer(name).r_max_Hz / self.cells.per_unit_Hz[name], p.units.rows * p.units.cols)
                self.sums[name].add(pair[0], pair[1], high)
                self.traces[name].append(np.stack([x[:, self.units[name]].T for x in pair]))
        if self.readout is None:
            return None
        return self._forecast(0, parts[0]), self._forecast(1, parts[1])

    def _forecast(self, k: int, steps: list[dict[str, FloatArray]]) -> FloatArray:
        """What the readout gives, from the activities in each step of a frame."""
        r = self.readout
        assert r is not None
        told = np.stack([step[r.population][0, ..., 0] for step in steps])
        half = len(told) // 2
        late = np.asarray(np.tensordot(raised_cosine(len(told) - half, np.arange(len(told)) - half), told, axes=1), dtype=np.float64)
        return late if r.high is None else np.minimum(late, r.high)

    def _result(self, shown: list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]], n_frames: int) -> Fidelity:
        seconds = n_frames * self.rates.network.frame_ms / 1000.0
        traces = {name: np.concatenate(parts, axis=2) for name, parts in self.traces.items()}
        rows = []
        for name in self.names:
            s, p = self.sums[name], self.cells.network.population(name)
            nrmse = float(np.sqrt(s.missed.sum() / max(s.xx.sum(), 1e-30)))
            gain, offset = s.line()
            scale = float(np.mean(self.cells.answer(name).r_max_Hz / self.cells.per_unit_Hz[name]))
            lag, rate = best_lag(traces[name]), self.sent[name] / (p.n * seconds)
            rows.append(Row(name, nrmse, s.correlation(), gain, offset / scale, lag, rate, s.beyond / (s.n * len(s.x))))
        forecasts = np.array(shown).transpose(1, 0, 2, 3) if shown else np.zeros((4, 0, 1, 1))
        x, a, b, last = forecasts

        def mse(one: FloatArray, two: FloatArray) -> float:
            return float(np.mean((one - two) ** 2)) if len(one) else float("nan")

        macs = sum(float(self.rates.network.out_degree(j).sum()) for j in self.rates.network.projections)
        return Fidelity(
            tuple(rows),
            *(mse(a, x), mse(b, x), mse(a, b), mse(last, x), ssim(a, x), ssim(b, x)),
            *(sum(self.sent.values()) / n_frames, self.operations / n_frames, macs, n_frames),
            traces,
            forecasts[:3],
        )


def best_lag(traces: FloatArray, most_ms: int = LAGS_MS) -> float:
    """Shift at which traces of cells agree best with those of the rate model.

    Parameters
    ----------
    traces : ndarray, shape (2, n_units, n_steps)
        Of the rate model, and of the cells.
    most_ms : int
        Largest shift tried.

    Returns
    -------
    float
        In ms, between steps by a parabola; positive where the cells come later. NaN where nothing moves.
    """
    one, two = traces - traces.mean(axis=2, keepdims=True)
    n = one.shape[1]
    if n <= 2 * most_ms or not (one**2).sum() > 0:
        return float("nan")
    middle = slice(most_ms, n - most_ms)
    shifts = np.arange(-most_ms, most_ms + 1)
    missed = np.array([float(((one[:, middle] - two[:, most_ms + k : n - most_ms + k]) ** 2).sum()) for k in shifts])
    k = int(missed.argmin())
    if not 0 < k < len(shifts) - 1 or missed[k] == 0.0:
        return float(shifts[k])
    left, here, right = missed[k - 1 : k + 2]
    bend = left - 2 * here + right
    return float(shifts[k] + (0.5 * (left - right) / bend if bend > 0 else 0.0)) * DT_MS


def ssim(one: FloatArray, two: FloatArray) -> float:
    """Structural similarity of images with values in [0, 1], mean over images.

    Parameters
    ----------
    one, two : ndarray, shape (n, rows, cols)

    Returns
    -------
    float
        1 for equal images; NaN without images.

    References
    ----------
    Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861.
    """
    if not len(one):
        return float("nan")
    from skimage.metrics import structural_similarity

    return float(np.mean([structural_similarity(a, b, data_range=1.0) for a, b in zip(one, two, strict=True)]))
