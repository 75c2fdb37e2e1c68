"""What a diagnosis says of a circuit. Oracles: closed forms of made states, a plain loop over synapses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from comparisons.advice import advise
from comparisons.diagnosing import as_json, diagnosis_table
from comparisons.diagnostics import Activity, Diagnosis, Gates, diagnose, entropies, measure_activity, summary_columns, summary_row
from comparisons.route_diagnostics import Balance, Pair, Route, alignments, balance, learned_pairs, pair, route
from plasticity import Compose, ErrorGated, SymmetricFeedback, SymmetricForecast
from plasticity.predictive import GatedDelta
from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection, Signal, Tap
from snn.prednet import PredNetSpec, prednet
from snn.recording import Recording
from snn.state import State, initial_state
from snn.synapses import Receptor
from snn.testing import cases
from snn.topology import Dense
from snn.weights import Uniform

SIZE, K = 8, 2
SPEC = PredNetSpec(rows=SIZE, cols=SIZE, w_max_mV=5.0)
PLAIN = prednet(SPEC, ErrorGated(quantum_mV=SPEC.error_quantum_mV))
GATED = prednet(SPEC.model_copy(update={"branches": K}), GatedDelta(quantum_mV=SPEC.error_quantum_mV))
NETWORKS = {case.name: case.network for case in cases()}
UP = "level0.representation->level0.prediction/dendrite_exc"
DOWN = "level0.representation_inh->level0.prediction/dendrite_inh"


def recording(network: Network, n_frames: int, **spikes: float) -> Recording:
    """Every cell of a population sends so many spikes in every frame; 0 where nothing is said."""
    counts = {p.name: np.full((n_frames, *p.shape), spikes.get(p.name.partition(".")[2], 0.0)) for p in network.populations}
    return Recording(n_frames, 50, 1.0, counts, {}, {})


def with_weights(network: Network, **values: float | np.ndarray) -> State:
    """The state at birth, but for the weights that are given by receptor."""
    born = initial_state(network, dt_ms=1.0, seed=0)
    arrays = dict(born.arrays)
    for j in network.projections:
        if j.receptor in values:
            arrays[f"weights/{j.name}"] = np.broadcast_to(values[j.receptor], network.weight_shape(j.name)).copy()
    return replace(born, arrays=arrays)


def n_synapses(network: Network, name: str) -> int:
    return int(network.out_degree(network.projection(name)).sum())


# ---- activity


def test_rates_and_spikes_a_pixel_a_frame() -> None:
    """Two target cells, two of contrast and two of transient at each pixel: (6 * 2 + 2 * 14 + 2 * 0) / 8 spikes of each."""
    first = recording(PLAIN, 6, target=2.0, target_contrast=1.0, error_pos=3.0)
    second = recording(PLAIN, 2, target=14.0, target_contrast=1.0, error_pos=3.0)
    found = measure_activity(PLAIN, iter([first, second]))
    assert found.n_frames == 8 and found.gates == {}
    assert found.rates_Hz["level0.target"] == pytest.approx((6 * 2 + 2 * 14) / 8 / 0.05)
    assert found.rates_Hz["level0.error_pos"] == pytest.approx(3 / 0.05)
    assert found.rates_Hz["level0.error_neg"] == 0.0
    assert set(found.rates_Hz) == {p.name for p in PLAIN.populations}
    assert found.input_spikes == pytest.approx(2 * 5.0 + 2 * 1.0)
    assert found.all_spikes == pytest.approx(found.input_spikes + 3.0)


def test_without_inputs_there_is_nothing_a_pixel() -> None:
    network = NETWORKS["gated"]
    found = measure_activity(network, [recording(network, 2)])
    assert math.isnan(found.input_spikes) and math.isnan(found.all_spikes)


def test_entropy_of_gates() -> None:
    """Half of the sites share 1 : 1 : 2, a quarter is won by one alone, a quarter is silent and does not count."""
    shown = recording(GATED, 4)
    selector = shown.counts["level0.selector"]
    selector[:, :4] = [1.0, 1.0, 2.0]
    selector[:, 4:6] = [0.0, 1.0, 0.0]
    found = measure_activity(GATED, [shown]).gates["level0.selector"]
    mixed = math.log(4) - 0.5 * math.log(2)
    assert found.entropy_nats == pytest.approx((2 * mixed + 1 * 0.0) / 3)
    assert found.shares == pytest.approx((2 / 9, 3 / 9, 4 / 9))


def test_bounds_of_entropy() -> None:
    assert entropies(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 7.0, 0.0, 0.0], [2.0, 0.0, 2.0, 0.0]])) == pytest.approx(
        [math.log(4), 0.0, math.log(2)]
    )
    assert entropies(np.zeros((0, 3))).shape == (0,)
    silent = measure_activity(GATED, [recording(GATED, 2)]).gates["level0.selector"]
    assert math.isnan(silent.entropy_nats) and all(math.isnan(x) for x in silent.shares) and len(silent.shares) == K + 1


@pytest.mark.parametrize("network", [PLAIN, GATED])
def test_a_row_of_the_diary_has_the_columns_of_the_network(network: Network) -> None:
    row = summary_row(measure_activity(network, [recording(network, 3, error_neg=1.0, branch_error_pos=2.0, selector=1.0)]))
    assert list(row) == summary_columns(network)
    assert row["level0.error_neg_Hz"] == pytest.approx(20.0) and row["level0.error_pos_Hz"] == 0.0
    if network is GATED:
        assert row["level0.branch_error_pos_Hz"] == pytest.approx(40.0)
        assert row["level0.entropy_nats"] == pytest.approx(math.log(K + 1))
        assert row["level0.share_copying"] == row["level0.share_branch1"] == pytest.approx(1 / (K + 1))


# ---- weights


def test_routes() -> None:
    """Weights of 3 onto one sign of change and of the bound onto the other; places beyond the border do not count."""
    weights = np.full(PLAIN.weight_shape(UP), 3.0)
    changed = with_weights(PLAIN, dendrite_exc=weights, dendrite_inh=0.0)
    n, cells = n_synapses(PLAIN, UP), PLAIN.population("level0.prediction").n
    assert n < weights.size
    assert route(PLAIN, changed, PLAIN.projection(UP)) == Route(pytest.approx(3.0 * n / cells), 0.0, 0.0, None)
    born = with_weights(PLAIN, dendrite_exc=2.5)
    assert route(PLAIN, changed, PLAIN.projection(UP), born).change_mV == pytest.approx(0.5 * math.sqrt(n))
    assert route(PLAIN, changed, PLAIN.projection(DOWN), born) == Route(0.0, 1.0, 0.0, 0.0)
    places = np.unique(PLAIN.edges(PLAIN.projection(UP)).weight)
    weights.ravel()[places[: n // 4]] = 5.0
    weights.ravel()[places[n // 4 : n // 2]] = 0.0
    found = route(PLAIN, with_weights(PLAIN, dendrite_exc=weights), PLAIN.projection(UP))
    assert (found.at_max, found.at_zero) == pytest.approx((0.25, 0.25), abs=1 / n)


def test_a_weight_in_single_precision_is_at_the_bound() -> None:
    """0.7 is a little less in float32."""
    network, rounded = PLAIN.override(f"{UP}.w_max_mV", 0.7), float(np.float32(0.7))
    assert rounded < 0.7
    assert route(network, with_weights(network, dendrite_exc=rounded), network.projection(UP)).at_max == 1.0


def test_a_route_without_a_bound_is_never_at_it() -> None:
    network = PLAIN.override(f"{UP}.w_max_mV", None)
    assert math.isnan(route(network, with_weights(network, dendrite_exc=9.0), network.projection(UP)).at_max)


@pytest.mark.parametrize(("network", "target"), [(PLAIN, "prediction"), (GATED, "branch")])
def test_overlap_of_a_pair(network: Network, target: str) -> None:
    """Everywhere 3 and 1: a third. Where no source does both: 0. Where nothing was learned: unknown."""
    ((a, b),) = learned_pairs(network)
    assert (a.receptor, b.receptor, a.target, b.target) == ("dendrite_exc", "dendrite_inh", f"level0.{target}", f"level0.{target}")
    n, cells = n_synapses(network, a.name), network.population(a.target).n
    found = pair(network, with_weights(network, dendrite_exc=3.0, dendrite_inh=1.0), a, b)
    assert (found.excitatory, found.inhibitory) == (a.name, b.name)
    assert found.overlap == pytest.approx(1 / 3)
    assert found.total_mV == pytest.approx(4.0 * n / cells)
    odd = np.indices(network.weight_shape(a.name)).sum(axis=0) % 2
    assert pair(network, with_weights(network, dendrite_exc=3.0 * odd, dendrite_inh=2.0 - 2.0 * odd), a, b).overlap == 0.0
    assert math.isnan(pair(network, with_weights(network, dendrite_exc=0.0, dendrite_inh=0.0), a, b).overlap)


def test_routes_of_other_receptors_or_fields_are_no_pair() -> None:
    assert learned_pairs(PLAIN.override(f"{DOWN}.receptor", "persistent_inh")) == []
    assert learned_pairs(PLAIN.override(f"{DOWN}.topology.size", 3)) == []


def test_balance_of_what_is_learned() -> None:
    """Both in proportion to a cell's synapses, of which cells at the border have fewer: ratio 3, correlation 1."""
    found = balance(PLAIN, with_weights(PLAIN, dendrite_exc=3.0, dendrite_inh=1.0))
    mean = n_synapses(PLAIN, UP) / PLAIN.population("level0.prediction").n
    learned = found["level0.prediction (exponential)"]
    assert (learned.excitatory_mV, learned.inhibitory_mV, learned.ratio) == pytest.approx((3 * mean, mean, 3.0))
    assert learned.correlation == pytest.approx(1.0)
    # Every cell has the same: one step of target more, one less, and one of its forecast each.
    theta, theta_p = (step * SPEC.retina.luminance_mV for step in (SPEC.target_step, SPEC.forecast_step))
    fixed = found["level0.error_pos (integrating)"]
    assert (fixed.excitatory_mV, fixed.inhibitory_mV) == pytest.approx((theta + theta_p, theta + theta_p))
    assert math.isnan(fixed.correlation)
    assert math.isnan(found["level0.representation (pulse)"].ratio)


@pytest.mark.parametrize("name", ["pooled", "mixed", "fields", "gated"])
def test_balance_of_any_network(name: str) -> None:
    """Oracle: a plain loop over all synapses."""
    network = NETWORKS[name]
    state = initial_state(network, dt_ms=1.0, seed=1)
    sums: dict[str, np.ndarray] = {}
    for j in network.projections:
        source, target = network.population(j.source), network.population(j.target)
        kinetics = {r.name: r.kinetics for r in target.receptors}[j.receptor]
        per = source.copies if target.pools is not None else 1
        edges = network.edges(j)
        for pre, post, place in zip(edges.pre, edges.post, edges.weight, strict=True):
            w = float(state.weights(j.name).ravel()[place])
            if j.spread:
                w *= float(state.arrays[f"factor/{j.name}"][pre // per])
            w *= -1 if source.sign == "inhibitory" else 1
            sums.setdefault(f"{target.name} ({kinetics})", np.zeros((target.n, 2)))[post, int(w < 0)] += abs(w)
    found = balance(network, state)
    assert {k for k in found if "gate" not in k} == set(sums)
    for key, each in sums.items():
        assert (found[key].excitatory_mV, found[key].inhibitory_mV) == pytest.approx(tuple(each.mean(axis=0)))
        if np.ptp(each, axis=0).min() > 1e-6:
            assert found[key].correlation == pytest.approx(np.corrcoef(each.T)[0, 1])


def test_gates_are_no_currents() -> None:
    assert not any("(gate)" in name for name in balance(GATED, with_weights(GATED)))


def mirrored(composed: bool) -> Network:
    """Two sources and one that reads them, with synapses there and back that learn to be alike."""
    cell, fast = LIF(tau_mem_ms=8.0, v_threshold_mV=3.0), (Receptor(name="fast", tau_ms=4.0),)
    learned = {"receptor": "fast", "topology": Dense(), "weights": Uniform(low_mV=0.0, high_mV=1.0), "delay_ms": 1.0}
    taps = tuple(Signal(name=name, taps=(Tap(population="error"),)) for name in ("excess", "deficit"))
    forward = SymmetricForecast()
    return Network(
        frame_ms=20.0,
        populations=(
            Population(name="r", shape=(1, 1, 2), cell=cell, receptors=fast),
            Population(name="p", shape=(1, 1, 1), cell=cell, receptors=fast),
            Population(name="error", shape=(1, 1, 1), cell=SpikeSource()),
            Population(name="many", shape=(1, 1, 3), cell=SpikeSource()),
        ),
        projections=(
            Projection(source="r", target="p", rule=Compose(rules=(forward,)) if composed else forward, signals=taps, **learned),
            Projection(source="error", target="r", rule=SymmetricFeedback(), **learned),
            Projection(source="many", target="r", rule=SymmetricFeedback(), **learned),
        ),
    )


@pytest.mark.parametrize("composed", [False, True])
def test_alignment_of_routes_that_mirror_each_other(composed: bool) -> None:
    """Weights (1, 0) there and (1, 1) back are 45 degrees apart; what leads back from other cells is no partner."""
    network = mirrored(composed)
    there, back = network.projections[0].name, network.projections[1].name
    state = initial_state(network, dt_ms=1.0, seed=0)
    shapes = {name: network.weight_shape(name) for name in (there, back)}
    given = {f"weights/{there}": np.reshape([1.0, 0.0], shapes[there]), f"weights/{back}": np.ones(shapes[back])}
    state = replace(state, arrays={**state.arrays, **given})
    assert alignments(network, state) == {f"{there} and {back}": pytest.approx(45.0)}
    assert alignments(PLAIN, with_weights(PLAIN)) == {}


# ---- advice

NORMAL = Diagnosis(
    Activity(10, {"level0.error_pos": 30.0, "level0.representation": 6.0}, 2.6, 14.0, {"level0.selector": Gates(0.6, (0.3, 0.3, 0.4))}),
    {UP: Route(18.0, 0.01, 0.0, 60.0), DOWN: Route(18.0, 0.01, 0.0, None)},
    (Pair(UP, DOWN, 36.0, 0.4),),
    {"level0.prediction (exponential)": Balance(18.0, 18.0, 1.0, 0.5)},
    {"a and b": 10.0},
)


def active(**changes: object) -> Diagnosis:
    return replace(NORMAL, activity=replace(NORMAL.activity, **changes))


def routed(**changes: object) -> Diagnosis:
    return replace(NORMAL, routes={**NORMAL.routes, UP: replace(NORMAL.routes[UP], **changes)})


def gated(entropy: float, *shares: float) -> Diagnosis:
    return active(gates={"level0.selector": Gates(entropy, shares)})


NAN = float("nan")
UNUSUAL: dict[str, tuple[Diagnosis, tuple[str, str], str]] = {
    "no input": (active(input_spikes=0.05), ("spikes", "inputs"), "hardly anything reaches"),
    "floods": (active(input_spikes=11.0), ("spikes", "inputs"), "flooded"),
    "no errors": (active(rates_Hz={"level0.error_pos": 0.05}), ("rate", "level0.error_pos"), "error threshold is too high"),
    "errors of a branch": (active(rates_Hz={"level0.branch_error_neg": 0.0}), ("rate", "level0.branch_error_neg"), "silent"),
    "many errors": (active(rates_Hz={"level0.error_neg": 151.0}), ("rate", "level0.error_neg"), "far off"),
    "no representation": (active(rates_Hz={"level0.representation": 0.0}), ("rate", "level0.representation"), "what drives it"),
    "all at 0": (routed(at_zero=1.0), ("route", UP), "nothing is learned: all weights are 0"),
    "unchanged": (routed(change_mV=0.0), ("route", UP), "no weight has changed"),
    "at the bound": (routed(at_max=0.06), ("route", UP), "6% of the weights are at w_max: raise w_max_mV or lower eta"),
    "nearly all at 0": (routed(at_zero=0.96), ("route", UP), "96% of the weights are 0"),
    "overlap": (replace(NORMAL, pairs=(Pair(UP, DOWN, 36.0, 0.81),)), ("pair", UP), "raise decay"),
    "excitation only": (routed(per_cell_mV=55.0), ("pair", UP), "excitation is more than 3 times"),
    "inhibition only": (routed(per_cell_mV=5.9), ("pair", UP), "inhibition is more than 3 times"),
    "all alike": (gated(0.91 * math.log(3), 0.3, 0.3, 0.4), ("gates", "level0.selector"), "entropy near log(3)"),
    "silent gates": (gated(NAN, NAN, NAN, NAN), ("gates", "level0.selector"), "selectors are silent"),
    "an unheard branch": (gated(0.5, 0.06, 0.5, 0.44), ("gates", "level0.selector branch0"), "hardly ever heard"),
    "unaligned": (replace(NORMAL, alignment_deg={"a and b": 50.0}), ("alignment", "a and b"), "does not mirror"),
}


def test_nothing_is_said_of_what_is_usual() -> None:
    assert advise(NORMAL) == {}
    assert "\n0 of these numbers" in diagnosis_table(PLAIN, NORMAL) and "^ " not in diagnosis_table(PLAIN, NORMAL)
    assert advise(active(input_spikes=NAN, gates={})) == {}
    assert "gates: none (one branch)" in diagnosis_table(PLAIN, active(gates={}))


@pytest.mark.parametrize("case", UNUSUAL)
def test_what_is_unusual_is_said_once_below_its_row(case: str) -> None:
    found, where, words = UNUSUAL[case]
    advice = advise(found)
    assert list(advice) == [where] and words in advice[where]
    lines = diagnosis_table(PLAIN, found).splitlines()
    below = next(i for i, line in enumerate(lines) if line == f"    ^ {advice[where]}")
    assert lines[below - 1].strip().startswith(where[1].rpartition(" ")[2] if where[0] == "gates" else where[1])
    assert as_json(found)["advice"] == [{"section": where[0], "where": where[1], "text": advice[where]}]


def test_copying_that_always_wins() -> None:
    """Then no branch is heard either, which is said of each."""
    assert [row for _, row in advise(gated(0.1, 0.01, 0.02, 0.97))] == [f"level0.selector {x}" for x in ("branch0", "branch1", "copying")]


def test_a_gated_circuit_is_diagnosed_from_its_recordings() -> None:
    state = with_weights(GATED, dendrite_exc=1.0, dendrite_inh=1.0)
    found = diagnose(GATED, state, [recording(GATED, 2, selector=1.0)], state)
    text = diagnosis_table(GATED, found)
    assert "entropy 1.10 of at most 1.10 nats" in text and "^ entropy near log(3)" in text and "^ W+ and W- overlap" in text
    assert text.count("33.3 %") == K + 1
