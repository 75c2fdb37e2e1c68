"""Small numerics that need no network, or a tiny one: noise, copies, layouts, births, terms of a rule."""

from __future__ import annotations

import math
from itertools import product
from typing import Any, Literal

import numpy as np
import pytest

from snn.cells import IF, LIF, AdaptiveLIF, RateUnit, SpikeSource, rate_twin
from snn.description import ChangeReadout, Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.event_plan import Lazy, bounds, lazy_form
from snn.engines.layout import Layout, rule_problems
from snn.errors import DescriptionError, EngineError, MovieError, StateError
from snn.local import (
    MODULATOR,
    SIGN,
    Const,
    Expr,
    Rule,
    Trace,
    Update,
    W,
    evaluate,
    exp,
    maximum,
    minimum,
    post,
    post_sum,
    pre,
    render,
    signal,
    voltage,
    walk,
)
from snn.recording import Record
from snn.state import initial_state
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant, Uniform

ENGINES = ("reference", "event", "torch_")


# ---- noise from the encoder


def noisy(copies: int, rate_Hz: float) -> Network:
    name = ("one", "two")
    return Network(
        frame_ms=40.0,
        populations=tuple(Population(name=k, shape=(3, 5, 2), cell=SpikeSource(), drive="poisson", copies=copies) for k in name),
        encoder=Retina(poisson_rate_Hz=rate_Hz),
    )


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("dt_ms", [1.0, 0.5])
def test_noise_has_the_rate_of_its_pixel_and_is_its_own(kind: str, dt_ms: float) -> None:
    """Oracle: binomial counts to 5 standard errors; populations, copies, frames and seeds draw apart."""
    frames = np.zeros((30, 3, 5))
    frames[:, 0], frames[:, 1, 1:] = 1.0, 0.25
    found = [engine(kind).build(noisy(2, 400.0), dt_ms=dt_ms, seed=s).run(Movie(frames, 40.0)).counts for s in (1, 2)]
    counts = found[0]["one"].reshape(30, 3, 5, 2, 2)
    steps, p = 40.0 / dt_ms, 0.4 * dt_ms
    for light, share in ((frames, 0), (1.0 - frames, 1)):
        for level in (0.0, 0.25, 0.75, 1.0):
            mine = counts[light == level][:, share]
            if mine.size:
                error = 5 * math.sqrt(p * level * (1 - p * level) * steps / mine.size)
                assert abs(mine.mean() - steps * p * level) <= error
    assert not np.array_equal(counts[..., 0], counts[..., 1])
    assert not np.array_equal(found[0]["one"], found[0]["two"])
    assert not np.array_equal(found[0]["one"], found[1]["one"])
    assert len({row.tobytes() for row in counts}) == 30


def test_copies_get_the_current_of_their_unit() -> None:
    """Oracle: equal copies of deterministic cells, side by side; unequal pixels."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=8.0, reset_by_mV=8.0)
    network = Network(
        frame_ms=20.0,
        populations=(Population(name="cell", shape=(2, 2, 2), cell=cell, drive="regular", copies=3),),
        encoder=Retina(luminance_mV=8.0),
    )
    frames = np.array([[[0.12, 0.33], [0.62, 0.97]]])
    for kind in ENGINES:
        counts = engine(kind).build(network).run(Movie(frames, 20.0)).counts["cell"].reshape(2, 2, 2, 3)
        by_hand = np.floor(20.0 * np.stack([frames[0], 1 - frames[0]], axis=-1) + 1e-9)
        assert (counts == by_hand[..., None]).all()


def test_a_readout_averages_copies_and_begins_at_the_restart() -> None:
    """Oracle: cumulative counts by hand: mean over the second half of the frame, over copies, brighter less darker."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=4.0, reset_by_mV=4.0, v_floor_mV=0.0)
    network = Network(
        frame_ms=7.0,
        populations=(Population(name="cell", shape=(1, 1, 2), cell=cell, drive="change", copies=2),),
        encoder=Retina(luminance_mV=8.0, grey=0.5),
        readouts=(ChangeReadout(name="told", population="cell", step=0.25, offset=0.5),),
    )
    for kind in ENGINES:
        simulation = engine(kind).build(network)
        for _ in range(2):
            found = simulation.run(Movie(np.array([[[0.75]], [[0.25]], [[0.5]]]), 7.0)).readouts["told"].ravel()
            # 2 mV a step: a spike in steps 1, 3, 5 of the first frame, 7 of brighter; darker fires from step 7 on.
            up = np.array([0, 1, 1, 2, 2, 3, 3] + [3] * 14)
            down = np.array([0] * 7 + [0, 1, 1, 2, 2, 3, 3] + [3] * 7)
            late = (up - down).reshape(3, 7)[:, 3:].mean(axis=1)
            np.testing.assert_allclose(found, 0.5 + 0.25 * late, atol=1e-12)
            simulation.restart()


# ---- layout


def one(delay_ms: float = 1.0, frame_ms: float = 10.0, gain: float = 1000.0, rule: Rule | None = None) -> Network:
    cell = RateUnit(tau_mem_ms=5.0, gain_Hz_per_mV=gain, reset_by_mV=1.0) if rule is None else LIF(tau_mem_ms=5.0, v_threshold_mV=1.0)
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, 1), cell=cell, receptors=(Receptor(name="r", tau_ms=2.0),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="r", topology=Dense(), weights=Constant(value_mV=1.0), delay_ms=delay_ms, rule=rule
            ),
        ),
    )  # fmt: skip


def test_steps_that_do_not_fit_are_refused() -> None:
    """Oracle: the sentences; what lies on the border passes."""
    Layout(one(), 1.0)
    Layout(one(delay_ms=0.3, frame_ms=0.9), 0.1)
    Layout(one(gain=999.0), 1.0)
    for network, dt, words in (
        (one(), 0.0, "positive"),
        (one(), -1.0, "positive"),
        (one(delay_ms=0.25), 1.0, "shorter than one step"),
        (one(frame_ms=10.5), 1.0, "is not a whole number of steps"),
        (one(delay_ms=1.0001), 1.0, "is not a whole number of steps"),
        (one(gain=1001.0), 1.0, "sends more in a step"),
    ):
        with pytest.raises(DescriptionError, match=words):
            Layout(network, dt)


def test_inputs_that_do_not_fit_are_refused() -> None:
    """Oracle: the sentences."""
    network, eye = one(), noisy(1, 100.0)
    simulation, seeing = engine("reference").build(network), engine("reference").build(eye)
    grey = Movie(np.full((2, 3, 5), 0.5), 40.0)
    for act, error, words in (
        (lambda: simulation.run(), MovieError, "either a movie or a number"),
        (lambda: seeing.run(grey, n_frames=2), MovieError, "either a movie or a number"),
        (lambda: seeing.run(n_frames=2), MovieError, "driven by frames"),
        (lambda: seeing.run(Movie(grey.frames[:, :2], 40.0)), MovieError, "another size"),
        (lambda: seeing.run(Movie(grey.frames, 50.0)), MovieError, "frame_ms"),
        (lambda: simulation.run(n_frames=1, rasters={"in": np.zeros((9, 1), bool)}), StateError, "wrong shape"),
        (lambda: simulation.run(n_frames=1, rasters={"out": np.zeros((10, 1), bool)}), StateError, "not a spike source"),
        (lambda: seeing.run(grey, rasters={"one": np.zeros((80, 30), bool)}), StateError, "not a spike source"),
        (lambda: engine("event", precision="float16"), EngineError, "no precision"),
    ):
        with pytest.raises(error, match=words):
            act()


# ---- state


def test_no_two_populations_share_their_numbers() -> None:
    """Oracle: inequality of arrays that are drawn alike under two names; equal names and seeds give equal arrays."""
    cell = LIF(tau_mem_ms=5.0, v_threshold_mV=1.0, threshold_jitter_mV=0.5)
    receptors = (Receptor(name="r", tau_ms=2.0),)
    populations = tuple(Population(name=k, shape=(3, 3, 1), cell=cell, receptors=receptors) for k in "ab")
    joins = tuple(
        Projection(source=a, target=b, receptor="r", topology=Dense(), weights=Uniform(low_mV=0.0, high_mV=1.0), delay_ms=1.0)
        for a, b in product("ab", "ab")
    )
    network = Network(frame_ms=10.0, populations=populations, projections=joins)
    born = initial_state(network, dt_ms=1.0, seed=0)
    assert len({born.weights(j.name).tobytes() for j in joins}) == 4
    assert not np.array_equal(born.arrays["threshold/a"], born.arrays["threshold/b"])
    assert not np.array_equal(born.arrays["threshold/a"], 1.0 - 0.5 * born.weights("a->b/r")[0])
    again = initial_state(network, dt_ms=1.0, seed=0)
    assert all(np.array_equal(again.arrays[k], a) for k, a in born.arrays.items())


# ---- cells


def test_a_rate_twin_has_the_constants_of_its_cell() -> None:
    """Oracle: the docstring of the rate unit: ``gain dt reset_by = 1``, threshold 0, all else alike."""
    adaptive = AdaptiveLIF(
        tau_mem_ms=3.0, v_threshold_mV=2.0, reset_by_mV=4.0, adaptation_mV=1.5, tau_adaptation_ms=30.0, v_floor_mV=-1.0
    )  # fmt: skip
    twin = rate_twin(adaptive, dt_ms=0.5)
    assert twin == RateUnit(
        tau_mem_ms=3.0, gain_Hz_per_mV=500.0, reset_by_mV=4.0, adaptation_mV=1.5, tau_adaptation_ms=30.0, v_floor_mV=-1.0
    )  # fmt: skip
    twin = rate_twin(IF(tau_mem_ms=3.0, v_threshold_mV=2.0, reset_by_mV=2.0), dt_ms=1.0)
    assert (twin.leaky, twin.gain_Hz_per_mV, twin.adaptation_mV, twin.tau_adaptation_ms) == (False, 500.0, 0.0, None)
    assert rate_twin(LIF(tau_mem_ms=3.0, v_threshold_mV=2.0, reset_by_mV=2.0), dt_ms=1.0).leaky


# ---- terms of a rule


def test_terms_are_arithmetic() -> None:
    """Oracle: Python's own operators on numbers, evaluated and printed."""
    values = {"a": 1.7, "b": -0.6, "c": 0.25}

    def value_of(x: Any) -> Any:
        return values[x.name]

    a, b, c = pre("a"), post("b"), signal("c")

    def terms(a: Any, b: Any, c: Any, exp: Any) -> list[Any]:
        return [
            a + b, a - b, a * b, a / b, 2.0 + a, 2.0 - a, 2.0 * a, 2.0 / a, a + 2.0, a - 2.0, a * 2.0, a / 2.0, -a,
            exp(a - b) / (1.0 + c * c) - b / (a - (b - c)), exp(0.5),
        ]  # fmt: skip

    for term, number in zip(terms(a, b, c, exp), terms(1.7, -0.6, 0.25, math.exp), strict=True):
        assert evaluate(term, value_of) == pytest.approx(number, rel=1e-14)
        text = render(term, lambda x: f"({values[x.name]!r})")  # type: ignore[union-attr]
        assert eval(text, {"exp": math.exp}) == pytest.approx(number, rel=1e-14)
    inner = post_sum(a * b)
    visited = list(walk(exp(a) + inner))
    assert {type(x).__name__ for x in visited} == {"Binary", "Exp", "Symbol", "PostSum"}
    assert visited.count(a) == 2 and b in visited
    assert isinstance(terms(a, b, c, exp)[0], Expr) and Const(2.0) in list(walk(2.0 + a))


@pytest.mark.parametrize(
    "given", [{"tau_ms": 0.0}, {"tau_ms": -1.0}, {}, {"tau_ms": 1.0, "late": True}], ids=["zero", "negative", "neither", "late"]
)
def test_traces_that_mean_nothing_are_refused(given: dict[str, Any]) -> None:
    """Oracle: the docstring."""
    with pytest.raises(ValueError, match="trace 'x'"):
        Trace("x", "pre", **given)


class _Some(Rule):
    """A rule made of given terms."""

    kind: str = "some"
    up: Any = None
    down: Any = None
    traced: Any = ()

    def traces(self) -> tuple[Trace, ...]:
        return self.traced or (Trace("x", "pre", tau_ms=9.0), Trace("y", "post", tau_ms=14.0))

    def updates(self) -> tuple[Update, ...]:
        terms = (("pre_spike", self.down), ("post_spike", self.up))
        return tuple(Update(when, term) for when, term in terms if term is not None)  # type: ignore[arg-type]


def test_which_rules_can_wait() -> None:
    """Oracle: the algebra of ``w + x F``, written in several ways; whatever is not of the form, by its reason."""
    x, y = pre("x"), post("y")
    for up in (W + 0.35 * x, 0.35 * x + W, W + 0.7 * x / 2.0, (2.0 * W + x * 0.7) / 2.0, W - x * -0.35, x * (0.5 - 0.15) + W):
        found = lazy_form(_Some(up=up, down=W - y), shared=False, sign=1.0)
        assert isinstance(found, Lazy)
        assert found.trace.name == "x"
        assert evaluate(found.factor, lambda _: math.nan) == pytest.approx(0.35, rel=1e-12)
    found = lazy_form(_Some(up=W + x * (0.1 + exp(y)) * y, down=None), shared=False, sign=1.0)
    assert isinstance(found, Lazy)
    assert evaluate(found.factor, lambda _: 2.0) == pytest.approx((0.1 + math.exp(2.0)) * 2.0)
    for sign in (-1.0, 1.0):
        assert isinstance(lazy_form(_Some(up=W + SIGN * x, down=None), shared=False, sign=sign), Lazy)
    frame = (Trace("x", "pre", tau_ms=9.0, frame="sum"), Trace("y", "post", tau_ms=14.0))
    form = "not W + trace of the source"
    for up, down, traced, words in (
        (W * (1.0 + x), W - y, (), form), (W + x * x, W - y, (), form), (W + x + y, W - y, (), form), (0.5 * W + x, W, (), form),
        (W + x + 0.1, W - y, (), form), (W + y, W - y, (), form), (W + exp(x), W - y, (), form),
        (W + x * (y - 1.0), W - y, (), "either sign"), (W + x * voltage(), W - y, (), "either sign"),
        (W + MODULATOR * x, W - y, (), "modulator"), (W + x, W - y, frame, "frame"), (None, W - y, (), "nothing happens"),
        (W + x, W - y * post_sum(W), (), "sums"),
    ):  # fmt: skip
        reason = lazy_form(_Some(up=up, down=down, traced=traced), shared=False, sign=1.0)
        assert isinstance(reason, str)
        assert words in reason
    assert lazy_form(_Some(up=W + x, down=W), shared=True, sign=1.0) == "synapses share weights"


@pytest.mark.parametrize(
    ("term", "low", "high"),
    [
        (post("y") + 1.0, 1.0, math.inf), (1.0 - post("y"), -math.inf, 1.0), (2.0 / (1.0 + post("y")), 0.0, 2.0),
        (exp(0.0 - post("y")), 0.0, 1.0), (maximum(voltage(), 0.0), 0.0, math.inf), (minimum(post("y"), 3.0), 0.0, 3.0),
        (-2.0 * minimum(post("y"), 3.0), -6.0, 0.0), (1.0 / voltage(), -math.inf, math.inf), (SIGN * 2.0, -2.0, -2.0),
    ],
)  # fmt: skip
def test_bounds_of_terms(term: Expr, low: float, high: float) -> None:
    """Oracle: the least and the greatest value by hand, traces being 0 or more and the sign -1."""
    assert bounds(term, -1.0) == pytest.approx((low, high))


def test_one_to_one_keeps_the_order_of_the_law() -> None:
    """Oracle: a relay with listed pairs, by hand: what feature 0 sends comes out of features 0 and 1, of its own site."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0)
    network = Network(
        frame_ms=4.0,
        populations=(
            Population(name="in", shape=(1, 2, 2), cell=SpikeSource()),
            Population(name="out", shape=(1, 2, 2), cell=cell, receptors=(Receptor(name="push", kinetics="pulse"),)),
        ),
        projections=(
            Projection(
                source="in", target="out", receptor="push", topology=OneToOne(pairs=((1, 0), (0, 0), (0, 1))),
                weights=Constant(value_mV=1.0), delay_ms=1.0,
            ),
        ),
    )  # fmt: skip
    raster = np.zeros((4, 4), bool)
    raster[0, 0] = raster[1, 3] = True
    for kind in ENGINES:
        spikes = engine(kind).build(network).run(n_frames=1, rasters={"in": raster}, record=Record(spikes=True)).spikes["out"]
        assert list(zip(spikes.steps.tolist(), spikes.cells.tolist(), strict=True)) == [(1, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(("graded", "n"), [((), 0), (("in",), 1), (("out",), 1), (("in", "out"), 1)])
def test_rules_at_spikes_need_spikes_on_both_sides(graded: tuple[str, ...], n: int) -> None:
    """Oracle: the sentence; a rule at the end of a frame runs on graded cells."""
    rate = RateUnit(tau_mem_ms=5.0, gain_Hz_per_mV=10.0)
    cells = {name: rate if name in graded else LIF(tau_mem_ms=5.0, v_threshold_mV=1.0) for name in ("in", "out")}
    receptors = (Receptor(name="r", tau_ms=2.0),)
    for rule, wanted in ((_Additive(), n), (_AtTheEnd(), 0)):
        network = Network(
            frame_ms=10.0,
            populations=tuple(Population(name=k, shape=(1, 1, 1), cell=cell, receptors=receptors) for k, cell in cells.items()),
            projections=(
                Projection(
                    source="in", target="out", receptor="r", topology=Dense(), weights=Constant(value_mV=1.0), delay_ms=1.0,
                    rule=rule, w_max_mV=2.0,
                ),
            ),
        )  # fmt: skip
        found = rule_problems(network)
        assert len(found) == wanted
        assert all("the rule acts at" in reason for reason in found)


class _Additive(Rule):
    """A pair rule."""

    kind: Literal["additive"] = "additive"

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("x", "pre", tau_ms=9.0), Trace("y", "post", tau_ms=14.0))

    def updates(self) -> tuple[Update, ...]:
        return Update("pre_spike", W - 0.1 * post("y")), Update("post_spike", W + 0.1 * pre("x"))


class _AtTheEnd(Rule):
    """A rule at the end of a frame."""

    kind: Literal["at_the_end"] = "at_the_end"

    def traces(self) -> tuple[Trace, ...]:
        return (Trace("x", "pre", tau_ms=9.0, frame="sum"),)

    def updates(self) -> tuple[Update, ...]:
        return (Update("frame_end", W + 0.1 * pre("x")),)
