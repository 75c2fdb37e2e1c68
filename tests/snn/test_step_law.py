"""The law of a step, cell by cell and synapse by synapse, from the description alone.

Nothing here calls the engines' own propagators, edge lists or weights of a frame, so a defect that both engines share
shows. Networks are small enough to run without a compiler.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from snn.cells import IF, LIF, RateUnit, SpikeSource
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.layout import Layout
from snn.local import Trace
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.recording import Record
from snn.state import NEVER, State, initial_state
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import ROUND_OFF, Case, cases, feed_forward, random_rasters, random_walk
from snn.topology import Grid, LocalField, SharedKernel, Topology
from snn.weights import Uniform

ENGINES = ("reference", "event", "torch_")


# ---- a plain second implementation


def start(size: int, at: int, n_pre: int, n_post: int) -> int:
    """First place of the stretch of ``size`` that is centred on where ``at`` lies in a grid of ``n_post`` places."""
    centre = (at + 0.5) * n_post / n_pre if n_post >= n_pre else at // (n_pre // n_post) + 0.5
    return round(centre - size / 2)


def synapses(network: Network, j: Projection, w: np.ndarray) -> list[tuple[int, int, float]]:
    """Source cell, target cell and weight of every synapse, by asking every pair of cells."""
    pre, post, t = network.population(j.source).grid, network.population(j.target).grid, j.topology
    cells = [list(product(range(g.rows), range(g.cols), range(g.features), range(g.copies))) for g in (pre, post)]

    def number(g: Grid, r: int, c: int, f: int, k: int) -> int:
        return r * g.cols * g.features * g.copies + c * g.features * g.copies + f * g.copies + k

    found = []
    for (r, c, f, i), (y, x, q, k) in product(*cells):
        pair = number(pre, r, c, f, i), number(post, y, x, q, k)
        if t.kind == "dense":
            found.append((*pair, w[pair]))
        elif t.kind == "one_to_one":
            listed = t.pairs if t.pairs is not None else [(a, a) for a in range(pre.features)]
            # Weights lie by source channel, then target channel.
            channels = sorted((a * pre.copies + m, b * post.copies + n) for a, b in listed for m, n in np.ndindex(pre.copies, post.copies))
            if (r, c) == (y, x) and (f, q) in listed:
                found.append((*pair, w[r, c, channels.index((f * pre.copies + i, q * post.copies + k))]))
        else:
            f0, f1 = t.pre_features or (0, pre.features)
            q0, q1 = t.post_features or (0, post.features)
            a, b = y - start(t.size, r, pre.rows, post.rows), x - start(t.size, c, pre.cols, post.cols)
            if f0 <= f < f1 and q0 <= q < q1 and 0 <= a < t.size and 0 <= b < t.size:
                row, col = (r % w.shape[0], c % w.shape[1]) if t.kind == "shared" else (r, c)
                found.append((*pair, w[row, col, (f - f0) * pre.copies + i, a, b, (q - q0) * post.copies + k]))
    return found


class Plain:
    """The law of a step over dictionaries; membranes by the matrix exponential of their equation."""

    def __init__(self, network: Network, born: State) -> None:
        self.network, self.dt, self.n = network, born.dt_ms, 0
        self.v = {p.name: np.zeros(p.n) for p in network.populations}
        self.a = {p.name: np.zeros(p.n) for p in network.populations}
        self.g = {(p.name, r.name): np.zeros(p.n) for p in network.populations for r in p.receptors}
        self.last = {p.name: np.full(p.n, -(10**9)) for p in network.populations}
        self.sent: dict[str, list[np.ndarray]] = {p.name: [] for p in network.populations}
        self.threshold = {p.name: born.arrays[f"threshold/{p.name}"] for p in network.populations}
        self.wires: list[tuple[Projection, np.ndarray, np.ndarray, np.ndarray]] = []
        for j in network.projections:
            i, k, w = (np.array(x) for x in zip(*synapses(network, j, born.weights(j.name)), strict=True))
            self.wires.append((j, i, k, w))
        self.flow = {p.name: self._flow(p) for p in network.populations if not isinstance(p.cell, SpikeSource)}

    def _flow(self, p: Population) -> np.ndarray:
        """Exponential of the equations of V, adaptation, drive and receptors over a step."""
        cell: Any = p.cell
        leaky = cell.leaky if isinstance(cell, RateUnit) else not isinstance(cell, IF)
        rates = np.zeros((3 + len(p.receptors), 3 + len(p.receptors)))
        rates[0] = [-1.0 * leaky, -1.0, 1.0, *(0.0 if r.kinetics == "pulse" else 1.0 for r in p.receptors)]
        rates[0] /= cell.tau_mem_ms
        tau_a = getattr(cell, "tau_adaptation_ms", None)
        rates[1, 1] = -1.0 / tau_a if tau_a else 0.0
        for k, r in enumerate(p.receptors):
            rates[3 + k, 3 + k] = -1.0 / r.tau_ms if r.tau_ms else 0.0
        return expm(rates * self.dt)

    def step(self, currents: dict[str, np.ndarray], rasters: dict[str, np.ndarray]) -> None:
        for p in self.network.populations:
            name, cell = p.name, p.cell
            if isinstance(cell, SpikeSource):
                sent = rasters[name][self.n].astype(float) if name in rasters else np.zeros(p.n)
                self.last[name][sent > 0] = self.n
                self.sent[name].append(sent)
                continue
            v, g = self.v[name], [self.g[name, r.name] for r in p.receptors]
            pulses = sum((x for x, r in zip(g, p.receptors, strict=True) if r.kinetics == "pulse"), np.zeros(p.n))
            y = self.flow[name] @ np.stack([v + pulses, self.a[name], currents.get(name, np.zeros(p.n)), *g])
            for k, r in enumerate(p.receptors):
                self.g[name, r.name] = np.zeros(p.n) if r.kinetics == "pulse" else y[3 + k]
            held = self.n - self.last[name] < round(getattr(cell, "t_ref_ms", 0.0) / self.dt)
            v = np.where(held, v, y[0])
            if cell.v_floor_mV is not None:
                v = np.maximum(v, cell.v_floor_mV)
            if isinstance(cell, RateUnit):
                sent = cell.gain_Hz_per_mV * self.dt / 1000.0 * np.maximum(v - self.threshold[name], 0.0)
                v = v - cell.reset_by_mV * sent
            else:
                sent = ((v >= self.threshold[name]) & ~held).astype(float)
                v = np.where(sent > 0, cell.v_reset_mV if cell.reset_by_mV is None else v - cell.reset_by_mV, v)
            self.v[name], self.a[name] = v, y[1] + getattr(cell, "adaptation_mV", 0.0) * sent
            self.last[name][sent > 0] = self.n
            self.sent[name].append(sent)
        for j, i, k, w in self.wires:
            m = self.n - round(j.delay_ms / self.dt) + 1
            if m >= 0:
                sign = -1.0 if self.network.population(j.source).sign == "inhibitory" else 1.0
                np.add.at(self.g[j.target, j.receptor], k, sign * w * self.sent[j.source][m][i])
        self.n += 1


def plain(case: Case, born: State, n_frames: int) -> Plain:
    steps = round(case.network.frame_ms / case.dt_ms)
    found, before = Plain(case.network, born), None
    for t in range(n_frames):
        currents = {}
        for p in case.network.populations:
            if p.drive and case.movie is not None:
                encoder = case.network.encoder or Retina()
                values = encoder.encode(case.movie.frames[t : t + 1], before, p.drive)
                currents[p.name] = np.array([x for x in values.ravel() for _ in range(p.copies)])
        before = None if case.movie is None else case.movie.frames[t]
        for _ in range(steps):
            found.step(currents, case.rasters)
    return found


def parts() -> Network:
    """Local fields of some source features on all target features, the mirror case, and a finer source."""
    cell = LIF(tau_mem_ms=8.0, v_threshold_mV=1.5, reset_by_mV=1.5, threshold_jitter_mV=0.4)
    receptors = (Receptor(name="fast", tau_ms=5.0), Receptor(name="push", kinetics="pulse"))
    even = Uniform(low_mV=0.1, high_mV=0.6)
    topologies: tuple[tuple[str, Topology], ...] = (
        ("in", LocalField(size=3, pre_features=(1, 2))),
        ("in", LocalField(size=3, post_features=(1, 3))),
        ("in", SharedKernel(size=3, pre_features=(0, 2))),
        ("wide", LocalField(size=1, pre_features=(2, 3))),
        ("wide", SharedKernel(size=1)),
    )
    return Network(
        name="parts",
        frame_ms=20.0,
        populations=(
            Population(name="in", shape=(3, 4, 3), cell=SpikeSource()),
            Population(name="wide", shape=(3, 8, 3), cell=SpikeSource(), sign="inhibitory"),
            Population(name="out", shape=(3, 4, 3), cell=cell, receptors=receptors),
        ),
        projections=tuple(
            Projection(source=a, target="out", receptor=("fast", "push")[i % 2], topology=t, weights=even, delay_ms=1.0 + i, label=f"{i}")
            for i, (a, t) in enumerate(topologies)
        ),
    )


SPEC = PredNetSpec(rows=4, cols=4, field=3, initial_forecast_mV=0.05)
SMALL = {c.name: c for c in cases() if c.name in ("refractory", "adaptive", "fields", "mixed", "gated")}
SMALL["circuit"] = Case("circuit", prednet(SPEC), 3, movie=random_walk(3, 4, 4, seed=1))
SMALL["rates"] = Case("rates", rate_network(prednet(SPEC)), 3, movie=random_walk(3, 4, 4, seed=2))
SMALL["parts"] = Case("parts", parts(), 3, rasters=random_rasters(parts(), 3))
FRAMES = {"parts": 3, "refractory": 5, "adaptive": 4, "fields": 2, "mixed": 3, "gated": 2, "circuit": 3, "rates": 3}
DONE: dict[str, tuple[State, Plain]] = {}


def done(name: str) -> tuple[State, Plain]:
    if name not in DONE:
        case = SMALL[name]
        born = initial_state(case.network, dt_ms=case.dt_ms, seed=5)
        DONE[name] = born, plain(case, born, FRAMES[name])
    return DONE[name]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("kind", ENGINES)
def test_the_law_of_a_step(kind: str, name: str) -> None:
    """Oracle: the plain implementation above, spike for spike; membranes, currents and adaptation to round-off."""
    case, n = SMALL[name], FRAMES[name]
    _, law = done(name)
    simulation = engine(kind).build(case.network, dt_ms=case.dt_ms, seed=5)
    steps = round(case.network.frame_ms / case.dt_ms)
    recording = simulation.run(
        None if case.movie is None else Movie(case.movie.frames[:n], case.movie.frame_ms),
        n_frames=n if case.movie is None else None,
        rasters={key: r[: n * steps] for key, r in case.rasters.items()},
        record=Record(spikes=True),
    )
    arrays = simulation.state().arrays
    for p in case.network.populations:
        sent = np.array(law.sent[p.name])
        if not p.graded:
            when, who = np.nonzero(sent)
            assert recording.spikes[p.name].steps.tolist() == when.tolist(), p.name
            assert recording.spikes[p.name].cells.tolist() == who.tolist(), p.name
        counts = recording.counts[p.name].reshape(n, -1)
        np.testing.assert_allclose(counts, sent.reshape(n, steps, -1).sum(axis=1), rtol=0, atol=1e-9, err_msg=p.name)
        np.testing.assert_allclose(arrays[f"v/{p.name}"], law.v[p.name], rtol=0, atol=ROUND_OFF, err_msg=p.name)
        np.testing.assert_allclose(arrays[f"adaptation/{p.name}"], law.a[p.name], rtol=0, atol=ROUND_OFF, err_msg=p.name)
        for r in p.receptors:
            np.testing.assert_allclose(arrays[f"g/{p.name}/{r.name}"], law.g[p.name, r.name], rtol=0, atol=ROUND_OFF, err_msg=r.name)
        depth = arrays[f"flight/{p.name}"].shape[0]
        np.testing.assert_allclose(arrays[f"flight/{p.name}"], sent[-depth:], rtol=0, atol=1e-9)
    for r in case.network.readouts:
        p = case.network.population(r.population)
        told = np.cumsum(np.array(law.sent[p.name]), axis=0).reshape(n, steps, *p.shape[:2], 2, -1)
        late = told[:, steps // 2 :].mean(axis=1)
        np.testing.assert_allclose(recording.readouts[r.name], r.offset + r.step * (late[:, ..., 0, :] - late[:, ..., 1, :]), atol=1e-9)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("name", ["refractory", "rates"])
def test_a_run_in_pieces(kind: str, name: str) -> None:
    """Oracle: the plain implementation, which runs in one piece; each piece goes on from the state before it."""
    case = SMALL[name]
    born, law = done(name)
    steps, state, told = round(case.network.frame_ms / case.dt_ms), born, {r.name: [] for r in case.network.readouts}
    for t in range(FRAMES[name]):
        simulation = engine(kind).build(case.network, state=state, dt_ms=case.dt_ms)
        found = simulation.run(
            None if case.movie is None else Movie(case.movie.frames[t : t + 1], case.movie.frame_ms),
            n_frames=1 if case.movie is None else None,
            rasters={key: r[t * steps : (t + 1) * steps] for key, r in case.rasters.items()},
            record=Record(spikes=True),
        )
        state = simulation.state()
        for r in case.network.readouts:
            told[r.name].append(found.readouts[r.name])
        for p in case.network.populations:
            here = np.array(law.sent[p.name][t * steps : (t + 1) * steps])
            np.testing.assert_allclose(found.counts[p.name].ravel(), here.sum(axis=0), rtol=0, atol=1e-9)
            assert p.graded or found.spikes[p.name].steps.tolist() == np.nonzero(here)[0].tolist()
    assert state.step == FRAMES[name] * steps
    for p in case.network.populations:
        np.testing.assert_allclose(state.arrays[f"v/{p.name}"], law.v[p.name], rtol=0, atol=ROUND_OFF)
        if not p.graded:
            assert state.arrays[f"last/{p.name}"].tolist() == law.last[p.name].tolist()
    for r in case.network.readouts:
        p = case.network.population(r.population)
        by_hand = np.cumsum(np.array(law.sent[p.name]), axis=0).reshape(FRAMES[name], steps, *p.shape[:2], 2, -1)
        late = by_hand[:, steps // 2 :].mean(axis=1)
        expected = r.offset + r.step * (late[:, ..., 0, :] - late[:, ..., 1, :])
        np.testing.assert_allclose(np.concatenate(told[r.name]), expected, atol=1e-9)


@pytest.mark.parametrize("kind", ENGINES)
def test_many_spikes_are_all_listed(kind: str) -> None:
    """Oracle: one spike of every cell in every step, more than there is room for at first; the next frame goes on."""
    network = Network(frame_ms=200.0, populations=(Population(name="in", shape=(1, 1, 30), cell=SpikeSource()),))
    simulation = engine(kind).build(network)
    for _ in range(2):
        spikes = simulation.run(n_frames=1, rasters={"in": np.ones((200, 30), bool)}, record=Record(spikes=True)).spikes["in"]
        assert spikes.steps.tolist() == np.repeat(np.arange(200), 30).tolist()
        assert spikes.cells.tolist() == np.tile(np.arange(30), 200).tolist()
    assert simulation.state().arrays["total/in"].tolist() == [400.0] * 30


def test_single_precision_is_close() -> None:
    """Oracle: the plain implementation; before rounding has moved a spike, membranes differ by less than 1e-4 mV."""
    network = feed_forward().override("frame_ms", 20.0)
    case = Case("one", network, 1, rasters=random_rasters(network, 1))
    law = plain(case, initial_state(network, dt_ms=1.0, seed=5), 1)
    simulation = engine("event", precision="float32").build(network, seed=5)
    recording = simulation.run(n_frames=1, rasters=case.rasters, record=Record(spikes=True))
    for p in network.populations:
        assert recording.spikes[p.name].steps.tolist() == np.nonzero(np.array(law.sent[p.name]))[0].tolist()
        assert np.abs(np.asarray(simulation.state().arrays[f"v/{p.name}"], dtype=float) - law.v[p.name]).max() < 1e-4


# ---- what a circuit is for


@pytest.mark.parametrize("kind", ENGINES)
def test_a_forecast_without_learning_is_the_last_frame(kind: str) -> None:
    """Oracle: persistence: the estimate is the frame, the forecast the frame before, each to half a step of its coder."""
    spec = PredNetSpec(rows=4, cols=4, field=3, initial_forecast_mV=0.0)
    rng = np.random.default_rng(0)
    frames = 0.45 + np.array([0.0, 0.2, -0.25, 0.1, 0.3])[:, None, None] * rng.choice([-1.0, 1.0], (1, 4, 4))
    found = engine(kind).build(prednet(spec), seed=1).run(Movie(frames)).readouts
    estimate, forecast = found["level0.estimate"][..., 0], found["level0.forecast"][..., 0]
    assert np.abs(estimate - frames).max() < 0.55 * spec.target_step
    assert np.abs(forecast[0] - 0.45).max() < 0.55 * spec.forecast_step
    assert np.abs(forecast[1:] - frames[:-1]).max() < 0.55 * (spec.target_step + spec.forecast_step)
    assert np.abs(forecast[1:] - frames[1:]).min() > 0.1


@pytest.mark.parametrize("kind", ENGINES)
def test_a_restart_forgets_the_clip_before(kind: str) -> None:
    """Oracle: the first showing of the same clip on the same weights, number for number."""
    case = SMALL["circuit"]
    simulation, found = engine(kind).build(case.network, seed=5), []
    for _ in range(2):
        found.append(simulation.run(case.movie))
        simulation.run(Movie(1.0 - case.movie.frames[:1]) if case.movie else None)
        simulation.restart()
    for name, counts in found[0].counts.items():
        assert np.array_equal(counts, found[1].counts[name]), name
    for name, values in found[0].readouts.items():
        assert np.array_equal(values, found[1].readouts[name]), name


# ---- layout and birth


def test_what_a_layout_counts() -> None:
    """Oracle: loops over steps and pairs of cells."""
    case = SMALL["fields"]
    layout = Layout(case.network, 1.0)
    starts, total = {}, 0
    for p in case.network.populations:
        starts[p.name], total = total, total + p.n
    assert layout.offsets == starts
    degree = np.zeros(total)
    born, _ = done("fields")
    for j in case.network.projections:
        for i, _, _ in synapses(case.network, j, born.weights(j.name)):
            degree[starts[j.source] + i] += 1
    assert layout.out_degree.tolist() == degree.tolist()
    for steps in (1, 2, 7, 20):
        layout = Layout(case.network.override("frame_ms", float(steps)), 1.0)
        assert layout.frame_steps == steps
        for s in range(steps):
            after = [u >= s for u in range(steps // 2, steps)]
            assert layout.late_weight[s] == pytest.approx(sum(after) / len(after))
        late, whole = (Trace("x", "pre", frame="mean", late=late) for late in (True, False))
        assert layout.counted_steps(late) == (steps // 2, pytest.approx(1.0 / len(range(steps // 2, steps))))
        assert layout.counted_steps(whole) == (0, pytest.approx(1.0 / steps))
        assert layout.counted_steps(Trace("x", "pre", frame="sum", late=True)) == (steps // 2, 1.0)
    assert Layout(case.network, 0.5).trace_decay(4.0) == pytest.approx(math.exp(-0.125), rel=1e-14)


def test_a_state_is_born_as_described() -> None:
    """Oracle: the description: thresholds within the jitter below the nominal one, nothing sent, no spike ever."""
    case = SMALL["refractory"]
    born, _ = done("refractory")
    for p in case.network.populations:
        nominal, jitter = getattr(p.cell, "v_threshold_mV", 0.0), getattr(p.cell, "threshold_jitter_mV", 0.0)
        drawn = born.arrays[f"threshold/{p.name}"]
        assert (drawn <= nominal).all() and (drawn >= nominal - jitter).all()
        assert len(np.unique(drawn)) == (p.n if jitter else 1)
        assert (born.arrays[f"last/{p.name}"] == NEVER).all()
        assert not any(born.arrays[f"{key}/{p.name}"].any() for key in ("v", "adaptation", "total", "flight"))
        delays = [round(j.delay_ms / case.dt_ms) for j in case.network.projections if j.source == p.name]
        assert born.arrays[f"flight/{p.name}"].shape == (max(delays, default=1), p.n)
    weights = [born.weights(f"in->out/fast#d{d}") for d in range(1, 8)]
    assert len({w.tobytes() for w in weights}) == 7
    sizes = {(t.name, t.side): born_of.arrays[f"trace/{j.name}/{t.name}"].shape[0] for j, t, born_of in traced()}
    assert sizes == {("x", "pre"): 18, ("deficit", "signal"): 18}


def traced() -> list[tuple[Projection, Trace, State]]:
    network = SMALL["gated"].network
    born, _ = done("gated")
    return [(j, t, born) for j in network.projections if j.rule for t in j.rule.traces() if t.tau_ms]
