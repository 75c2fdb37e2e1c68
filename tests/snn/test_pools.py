"""Copies that share currents, cells that return to rest, currents of one's own, and readouts of rates.

That all engines agree on pooled copies is a case of the public checker (``pooled``, ``pooled rate units``); here is what
they agree on. Nothing here calls the engines' own edge lists, propagators or weights of a frame.
"""

from __future__ import annotations

import json
import math
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn.cells import IF, LIF, RateUnit, SpikeSource
from snn.description import ChangeReadout, Network, Population, Projection, RateReadout
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.errors import EngineError
from snn.local import Rule, Trace, Update, W, pre
from snn.recording import Record
from snn.state import State, initial_state
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.testing import ROUND_OFF, random_rasters
from snn.topology import Dense, LocalField, OneToOne, SharedKernel, Topology
from snn.weights import Constant, Uniform

ENGINES = ("reference", "event", "torch_")
WITH_BRIAN = (*ENGINES, "brian")
FAST = Receptor(name="fast", tau_ms=5.0)
CELL = IF(tau_mem_ms=5.0, v_threshold_mV=1.0, reset_by_mV=1.0)
EVEN = Uniform(low_mV=0.1, high_mV=0.6)


def cells(name: str, shape: tuple[int, int, int], **more: Any) -> Population:
    return Population(**{"name": name, "shape": shape, "cell": CELL, "receptors": (FAST,), **more})


def join(source: str, target: str, topology: Topology, **more: Any) -> Projection:
    return Projection(
        **{"source": source, "target": target, "receptor": "fast", "topology": topology, "weights": EVEN, "delay_ms": 1.0, **more}
    )


# ---- who meets whom


MEETINGS: dict[str, Topology] = {
    "field": LocalField(size=3),
    "some features": LocalField(size=3, pre_features=(1, 2), post_features=(0, 2)),
    "kernel": SharedKernel(size=3),
    "pairs": OneToOne(pairs=((1, 0), (0, 2))),
    "dense": Dense(),
}


def place(t: Topology, pre: tuple[int, int, int], post: tuple[int, int, int], rows: int, cols: int, sizes: tuple[int, int]) -> int | None:
    """Number of the weight between two units of equal grids, or None where they do not meet; ``sizes`` are their features."""
    (r, c, f), (y, x, q), (n_f, n_q) = pre, post, sizes
    if t.kind == "dense":
        return ((r * cols + c) * n_f + f) * rows * cols * n_q + (y * cols + x) * n_q + q
    if t.kind == "one_to_one":
        pairs = sorted(t.pairs or ())
        return (r * cols + c) * len(pairs) + pairs.index((f, q)) if (r, c) == (y, x) and (f, q) in pairs else None
    (f0, f1), (q0, q1) = t.pre_features or (0, n_f), t.post_features or (0, n_q)
    a, b = y - r + t.size // 2, x - c + t.size // 2
    if not (f0 <= f < f1 and q0 <= q < q1 and 0 <= a < t.size and 0 <= b < t.size):
        return None
    site = r * cols + c if t.kind == "local" else 0
    return (((site * (f1 - f0) + f - f0) * t.size + a) * t.size + b) * (q1 - q0) + q - q0


@pytest.mark.parametrize("pools", [1, 2, 4])
@pytest.mark.parametrize("name", MEETINGS)
def test_edges_of_pooled_copies(name: str, pools: int) -> None:
    """Oracle: every pair of cells, asked whether its units meet and its copies are of one pool."""
    rows, cols, n_f, n_q, pre_copies, copies = 3, 4, 2, 3, 8, 4
    network = Network(
        populations=(
            Population(name="in", shape=(rows, cols, n_f), cell=SpikeSource(), copies=pre_copies),
            cells("out", (rows, cols, n_q), copies=copies, pools=pools),
        ),
        projections=(join("in", "out", MEETINGS[name]),),
    )
    (j,) = network.projections
    by_pair, by_current = [], set()
    for (r, c, f), (y, x, q) in product(product(range(rows), range(cols), range(n_f)), product(range(rows), range(cols), range(n_q))):
        w = place(j.topology, (r, c, f), (y, x, q), rows, cols, (n_f, n_q))
        if w is None:
            continue
        for i, k in np.ndindex(pre_copies, copies):
            if i % pools == k % pools:
                cell, unit = ((r * cols + c) * n_f + f) * pre_copies + i, (y * cols + x) * n_q + q
                by_pair.append((cell, unit * copies + k, w))
                by_current.add((cell, (k % pools) * rows * cols * n_q + unit, w))
    found, currents = network.edges(j), network.currents(j)
    assert sorted(zip(found.pre.tolist(), found.post.tolist(), found.weight.tolist(), strict=True)) == sorted(by_pair)
    told = list(zip(currents.pre.tolist(), currents.post.tolist(), currents.weight.tolist(), strict=True))
    assert len(told) == len(set(told)) and set(told) == by_current
    for e in (found, currents):
        assert (np.diff(e.pre) >= 0).all()
    sources = np.array([pre for pre, *_ in by_pair])
    assert network.out_degree(j).tolist() == np.bincount(sources, minlength=rows * cols * n_f * pre_copies).tolist()
    assert network.ends(j) == ((rows, cols, n_f, 1), (rows, cols, n_q, 1))
    assert int(np.prod(network.weight_shape(j.name))) == initial_state(network, dt_ms=1.0, seed=0).weights(j.name).size
    assert max(w for *_, w in by_pair) < np.prod(network.weight_shape(j.name))


def test_without_pools_copies_are_cells_like_others() -> None:
    """Oracle: the numbers of cells; a weight for each of all pairs of copies."""
    network = Network(
        populations=(cells("a", (2, 2, 1), copies=3), cells("b", (2, 2, 1), copies=2)), projections=(join("a", "b", Dense()),)
    )
    (j,) = network.projections
    assert network.weight_shape(j.name) == (12, 8) and len(network.edges(j).pre) == 12 * 8
    assert network.ends(j) == ((2, 2, 1, 3), (2, 2, 1, 2)) and network.population("b").n_currents == 8
    assert network.override("b.pools", 1).population("b").n_currents == 4
    assert network.override("b.pools", 1).weight_shape(j.name) == (4, 4)


# ---- cells


def rested(spikes: np.ndarray, w: np.ndarray, tau_rest_ms: float | None) -> tuple[list[int], float]:
    """One cell by hand, with taus of 5 ms, threshold and soft reset 1 and a floor of -1: its spikes, and where V ends."""
    v = g = 0.0
    found = []
    for n in range(len(spikes)):
        if tau_rest_ms is not None and g <= 1e-9:
            v *= math.exp(-1.0 / tau_rest_ms)
        else:
            v += g * (1.0 - math.exp(-1.0 / 5.0))  # the current that decays, integrated over the step, over tau_mem
        v = max(v, -1.0)
        if v >= 1.0:
            found.append(n)
            v -= 1.0
        g = g * math.exp(-1.0 / 5.0) + float(spikes[n] @ w)
    return found, v


@pytest.mark.parametrize("kind", WITH_BRIAN)
@pytest.mark.parametrize("tau_rest_ms", [2.0, None])
def test_a_cell_that_returns_to_rest(kind: str, tau_rest_ms: float | None) -> None:
    """Oracle: a loop written by hand: without a current above 0, V decays to rest in place of integrating it."""
    cell = IF(tau_mem_ms=5.0, v_threshold_mV=1.0, reset_by_mV=1.0, v_floor_mV=-1.0, tau_rest_ms=tau_rest_ms)
    network = Network(
        frame_ms=100.0,
        populations=(
            Population(name="plus", shape=(1, 1, 3), cell=SpikeSource()),
            Population(name="minus", shape=(1, 1, 3), cell=SpikeSource(), sign="inhibitory"),
            cells("out", (1, 1, 1), cell=cell),
        ),
        projections=(join("plus", "out", Dense(), weights=Uniform(low_mV=0.4, high_mV=0.8)), join("minus", "out", Dense())),
    )
    rasters = random_rasters(network, 3, share=0.15, seed=4)
    born = initial_state(network, dt_ms=1.0, seed=2)
    w = np.concatenate([born.weights("plus->out/fast").ravel(), -born.weights("minus->out/fast").ravel()])
    steps, v = rested(np.hstack([rasters["plus"], rasters["minus"]]).astype(float), w, tau_rest_ms)
    simulation = engine(kind).build(network, state=born)
    recording = simulation.run(n_frames=3, rasters=rasters, record=Record(spikes=True))
    assert len(steps) > 10 and recording.spikes["out"].steps.tolist() == steps
    assert simulation.state().arrays["v/out"] == pytest.approx([v], abs=ROUND_OFF)


def driven(cell: Any, gain: float = 1.0, **more: Any) -> Network:
    """Two pixels, three copies each, with a current of their own on top of the eye's."""
    p = Population(**{"name": "out", "shape": (1, 2, 1), "cell": cell, "drive": "luminance", "drive_gain": gain, "copies": 3, **more})
    return Network(frame_ms=64.0, populations=(p,), encoder=Retina(luminance_mV=1.0))


def with_bias(network: Network, bias: np.ndarray) -> State:
    born = initial_state(network, dt_ms=1.0, seed=0)
    assert born.arrays["bias/out"].tolist() == [0.0] * len(bias)
    return State({**born.arrays, "bias/out": bias}, 0, 0, 1.0, network.digest)


FRAME = np.array([[[0.25, 0.5]]])
BIAS = np.array([0.25, 0.375, 0.5, 0.5, 0.625, 0.75])
DYADIC = IF(tau_mem_ms=8.0, v_threshold_mV=1.0, reset_by_mV=1.0)


@pytest.mark.parametrize("kind", WITH_BRIAN)
@pytest.mark.parametrize("gain", [0.5, -0.5])
def test_gain_of_the_eye_and_a_current_of_ones_own(kind: str, gain: float) -> None:
    """Oracle: V after n steps is n I / tau, in numbers without rounding, so the k-th spike is in step ceil(k tau / I) - 1."""
    network = driven(DYADIC, gain, biased=True)
    simulation = engine(kind).build(network, state=with_bias(network, BIAS))
    found = simulation.run(Movie(np.repeat(FRAME, 2, axis=0), 64.0), record=Record(spikes=True)).spikes["out"]
    current = np.repeat(FRAME.ravel(), 3) * gain + BIAS
    for cell, one in enumerate(current):
        told = found.steps[found.cells == cell]
        assert told.tolist() == [math.ceil(k * 8.0 / one) - 1 for k in range(1, math.floor(128 * one / 8.0) + 1)], cell
    assert len(found.steps) > 20


@pytest.mark.parametrize("kind", WITH_BRIAN)
def test_a_leaky_cell_with_a_current_of_its_own(kind: str) -> None:
    """Oracle: V = I (1 - exp(-n / tau)) reaches the threshold after ``ceil(-tau ln(1 - 1 / I))`` steps, and begins anew."""
    network = driven(LIF(tau_mem_ms=10.0, v_threshold_mV=1.0), 2.0, biased=True)
    simulation = engine(kind).build(network, state=with_bias(network, BIAS + 0.8))
    found = simulation.run(Movie(FRAME, 64.0), record=Record(spikes=True)).spikes["out"]
    for cell, one in enumerate(np.repeat(FRAME.ravel(), 3) * 2.0 + BIAS + 0.8):
        period = math.ceil(-10.0 * math.log(1.0 - 1.0 / one))
        assert found.steps[found.cells == cell].tolist() == list(range(period - 1, 64, period)), cell


@pytest.mark.parametrize("kind", WITH_BRIAN)
def test_a_current_of_ones_own_survives(kind: str, tmp_path: Path) -> None:
    """Oracle: bytes of the array; spikes in one run; cells at rest again do what they did at first."""
    network, movie = driven(DYADIC, 0.5, biased=True), Movie(np.repeat(FRAME, 4, axis=0), 64.0)
    whole = engine(kind).build(network, state=with_bias(network, BIAS)).run(movie, record=Record(spikes=True)).spikes["out"]
    simulation = engine(kind).build(network, state=with_bias(network, BIAS))
    first = simulation.run(movie.part(0, 2), record=Record(spikes=True)).spikes["out"]
    simulation.state().save(tmp_path / "state.npz")
    loaded = State.load(tmp_path / "state.npz")
    assert loaded.arrays["bias/out"].tobytes() == BIAS.tobytes()
    other = engine(kind).build(network, state=loaded)
    second = other.run(movie.part(2, 4), record=Record(spikes=True)).spikes["out"]
    assert np.concatenate([first.steps, second.steps + 128]).tolist() == whole.steps.tolist()
    assert np.concatenate([first.cells, second.cells]).tolist() == whole.cells.tolist()
    other.restart()
    again = other.run(movie.part(0, 2), record=Record(spikes=True)).spikes["out"]
    assert (again.steps.tolist(), again.cells.tolist()) == (first.steps.tolist(), first.cells.tolist())
    assert other.state().arrays["bias/out"].tobytes() == BIAS.tobytes()


@pytest.mark.parametrize("kind", ENGINES)
def test_a_rate_unit_with_a_current_of_its_own(kind: str) -> None:
    """Oracle: a unit that sends all of V in each step sends I dt / tau; below 0 nothing."""
    unit = RateUnit(tau_mem_ms=8.0, leaky=False, gain_Hz_per_mV=1000.0, reset_by_mV=1.0, v_floor_mV=0.0)
    network = driven(unit, -1.0, biased=True)
    counts = engine(kind).build(network, state=with_bias(network, BIAS)).run(Movie(FRAME, 64.0)).counts["out"]
    current = np.repeat(-FRAME.ravel(), 3) + BIAS
    assert (current <= 0).any() and (current > 0).any()
    np.testing.assert_allclose(counts.ravel(), np.maximum(current, 0.0) * 64.0 / 8.0, rtol=1e-12)


# ---- readouts of rates


def read_network(frame_ms: float, high: float | None) -> Network:
    cell = LIF(tau_mem_ms=10.0, v_threshold_mV=1.0, t_ref_ms=2.0, threshold_jitter_mV=0.4)
    readout = RateReadout(name="level0.forecast", population="out", per_Hz=0.01, offset=-0.1, high=high)
    other = RateReadout(name="other", population="in", per_Hz=0.5)
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(2, 3, 2), cell=SpikeSource(), copies=2),
            cells("out", (2, 3, 2), cell=cell, copies=4, pools=2),
        ),
        projections=(join("in", "out", LocalField(size=1)),),
        readouts=(readout, other),
    )


def plainly_read(raster: np.ndarray, copies: int) -> np.ndarray:
    """Rate in Hz from spikes (frames, steps, cells): a mean over the second half of the steps, weighted by sin^2."""
    steps = raster.shape[1]
    late = range(steps // 2, steps)
    weight = [math.sin(math.pi * (k + 0.5) / len(late)) ** 2 for k in range(len(late))]
    told = sum(w * raster[:, s] for w, s in zip(weight, late, strict=True)) / sum(weight) * 1000.0
    return told.reshape(len(raster), 2, 3, 2, copies).mean(axis=-1)


def raster_of(recording: Any, name: str, n: int) -> np.ndarray:
    found = np.zeros((recording.n_frames * recording.frame_steps, n))
    found[recording.spikes[name].steps, recording.spikes[name].cells] = 1.0
    return found.reshape(recording.n_frames, recording.frame_steps, n)


@pytest.mark.parametrize("kind", WITH_BRIAN)
@pytest.mark.parametrize(("frame_ms", "high"), [(20.0, None), (25.0, 0.6)])
def test_readout_of_rates(kind: str, frame_ms: float, high: float | None) -> None:
    """Oracle: a plain mean of the recorded spikes, in one run, in two pieces, and after a restart."""
    network = read_network(frame_ms, high)
    rasters, steps = random_rasters(network, 4, share=0.2, seed=1), round(frame_ms)

    def checked(simulation: Simulation, first: int, stop: int) -> np.ndarray:
        part = {name: r[first * steps : stop * steps] for name, r in rasters.items()}
        found = simulation.run(n_frames=stop - first, rasters=part, record=Record(spikes=True))
        value = -0.1 + 0.01 * plainly_read(raster_of(found, "out", 48), 4)
        value = value if high is None else np.minimum(value, high)
        np.testing.assert_allclose(found.readouts["level0.forecast"], value, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.readouts["other"], 0.5 * plainly_read(raster_of(found, "in", 24), 2), rtol=0, atol=1e-12)
        return found.readouts["level0.forecast"]

    simulation = engine(kind).build(network, seed=3)
    whole = checked(simulation, 0, 4)
    assert whole.std() > 0.05 and (high is None or (whole == high).any())
    pieces = engine(kind).build(network, seed=3)
    first = checked(pieces, 0, 2)
    second = checked(engine(kind).build(network, state=pieces.state()), 2, 4)
    assert np.concatenate([first, second]).tobytes() == whole.tobytes()
    simulation.restart()
    assert checked(simulation, 0, 4).tobytes() == whole.tobytes()


@pytest.mark.parametrize("kind", ENGINES)
def test_readout_of_rate_units(kind: str) -> None:
    """Oracle: a steady rate, whatever the window."""
    unit = RateUnit(tau_mem_ms=8.0, leaky=False, gain_Hz_per_mV=1000.0, reset_by_mV=1.0, v_floor_mV=0.0)
    network = driven(unit, 0.5).model_copy(update={"readouts": (RateReadout(name="r", population="out", per_Hz=0.1, offset=2.0),)})
    read = engine(kind).build(network).run(Movie(np.repeat(FRAME, 2, axis=0), 64.0)).readouts["r"]
    np.testing.assert_allclose(read[..., 0], 2.0 + 0.1 * np.repeat(0.5 * FRAME, 2, axis=0) * 1000.0 / 8.0, rtol=1e-12)


# ---- descriptions


def older() -> Network:
    """A network of the fields that there were before pools."""
    cell = IF(tau_mem_ms=5.0, v_threshold_mV=1.0, reset_by_mV=1.0)
    return Network(
        name="older",
        frame_ms=20.0,
        populations=(
            Population(name="in", shape=(4, 4, 2), cell=cell, drive="change", copies=2),
            Population(name="out", shape=(4, 4, 2), cell=LIF(tau_mem_ms=5.0, v_threshold_mV=1.0), receptors=(FAST,)),
        ),
        projections=tuple(
            Projection(source="in", target="out", receptor="fast", topology=t, weights=Constant(value_mV=0.5), delay_ms=1.0, label=t.kind)
            for t in (LocalField(size=3), SharedKernel(size=3))
        ),
        encoder=Retina(),
        readouts=(ChangeReadout(name="level0.forecast", population="out", step=0.1),),
    )


def test_older_descriptions_keep_their_digest() -> None:
    """Oracle: the digest that this network had in the version before pools, written down."""
    assert older().digest == "e83488af19ca154ef022b02aa8fd0d4460b3030a45ff5e3439cce336b9e2148d"
    assert Network.from_json(older().to_json()) == older()


@pytest.mark.parametrize(
    ("path", "value"), [("in.drive_gain", 0.5), ("in.biased", True), ("out.pools", 1), ("in.pools", 2), ("in.cell.tau_rest_ms", 2.0)]
)
def test_new_fields_are_part_of_a_description(path: str, value: Any) -> None:
    """Oracle: SHA-256 of the written text by hand; what was written is read back, and the digest is another."""
    network = older().override(path, value)
    assert network.digest != older().digest and Network.from_json(network.to_json()) == network
    assert sha256(json.dumps(json.loads(network.to_json()), sort_keys=True).encode()).hexdigest() == network.digest
    field = path.rpartition(".")[2]
    assert field in network.to_json() and field not in older().to_json()


class Decays(Rule):
    """A rule of one weight."""

    kind: str = "decays"

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("x", "pre", tau_ms=5.0),)

    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", 0.9 * W + 0.0 * pre("x")),)


def test_what_cannot_be_is_refused() -> None:
    """Oracle: the sentences."""
    with pytest.raises(ValueError, match=r"population 'a': pools must divide the 4 copies of a unit; got 3"):
        cells("a", (2, 2, 1), copies=4, pools=3)
    for more in ({"biased": True}, {"pools": 1}):
        with pytest.raises(ValueError, match=r"population 'a': a SpikeSource has no currents, so neither biased nor pools"):
            Population(name="a", shape=(2, 2, 1), cell=SpikeSource(), **more)
    with pytest.raises(ValueError, match=r"the 3 copies of 'a' cannot be dealt out to the 2 pools of 'b'; use a multiple"):
        Network(
            populations=(cells("a", (2, 2, 1), copies=3), cells("b", (2, 2, 1), copies=2, pools=2)), projections=(join("a", "b", Dense()),)
        )
    with pytest.raises(ValueError, match="finite"):
        cells("a", (2, 2, 1), drive="luminance", drive_gain=math.inf)
    with pytest.raises(ValueError, match="greater than 0"):
        IF(tau_mem_ms=5.0, v_threshold_mV=1.0, tau_rest_ms=0.0)
    with pytest.raises(ValueError, match="tau_rest_ms"):
        LIF(tau_mem_ms=5.0, v_threshold_mV=1.0, tau_rest_ms=2.0)
    both = (RateReadout(name="r", population="a", per_Hz=1.0), ChangeReadout(name="c", population="a", step=1.0))
    with pytest.raises(ValueError, match=r"network\.readouts: spikes so far and rates cannot both be read"):
        Network(populations=(cells("a", (2, 2, 2)),), readouts=both)
    with pytest.raises(ValueError, match=r"readout 'r': no population 'b'"):
        Network(populations=(cells("a", (2, 2, 1)),), readouts=(RateReadout(name="r", population="b", per_Hz=1.0),))


@pytest.mark.parametrize("kind", WITH_BRIAN)
def test_a_weight_of_several_synapses_does_not_learn(kind: str) -> None:
    """Oracle: the reason, from every engine; with currents of their own the same cells learn."""
    network = Network(populations=(cells("a", (2, 2, 1), copies=2, pools=1),), projections=(join("a", "a", Dense(), rule=Decays()),))
    with pytest.raises(EngineError, match="a local rule on pooled copies"):
        engine(kind).build(network)
    simulation = engine(kind).build(network.override("a.pools", None))
    before = simulation.state().weights("a->a/fast")
    simulation.run(n_frames=1, learn=True)
    np.testing.assert_allclose(simulation.state().weights("a->a/fast"), 0.9 * before, rtol=1e-12)
