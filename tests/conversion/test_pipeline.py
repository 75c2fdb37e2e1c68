"""Conversion from beginning to end, on a network of two levels drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from torch import nn

from conversion import pipeline
from conversion.activity import simulation, watch
from conversion.circuit import Circuit
from conversion.closed_loop import beside
from conversion.fidelity import Fidelity, fidelity
from conversion.pipeline import Converted, convert, largest_difference, trimmed
from conversion.rate_prednet import RatePredNet
from conversion.rate_spec import RatePredNetSpec
from conversion.recipe import BASELINES, Recipe
from conversion.scaling import percentiles, settling_frames
from conversion.timed_prednet import TimedPredNet
from conversion.trace import trace
from snn.cells import IF, LIF
from snn.constraints import violations
from snn.engines import engine
from snn.errors import ConversionError
from snn.recording import FORECAST, Record
from snn.stimuli.movie import Movie

Makes = Callable[..., TimedPredNet]
Circuits = Callable[..., Circuit]
Shows = Callable[..., Movie]
FRAMES = 12
"""Of calibration."""


class Workshop:
    """Converts the same network by any recipe, and compares it on frames that it was not calibrated on, once each."""

    def __init__(self, model: TimedPredNet, walk: Shows) -> None:
        self.model, self.walk = model, walk
        self.made: dict[Recipe, Converted] = {}
        self.found: dict[Recipe, Fidelity] = {}

    def convert(self, **more: object) -> Converted:
        recipe = Recipe(**{"calibration_frames": FRAMES, "copies": 4, **more})
        if recipe not in self.made:
            self.made[recipe] = convert(self.model, recipe, [self.walk(FRAMES, 2)])
        return self.made[recipe]

    def compare(self, **more: object) -> Fidelity:
        made = self.convert(**more)
        recipe = Recipe(**made.manifest["recipe"])
        if recipe not in self.found:
            self.found[recipe] = fidelity(made.rates, made.circuit, [self.walk(9, 3)])
        return self.found[recipe]


@pytest.fixture(scope="module")
def workshop(tiny: Makes, walk: Shows) -> Workshop:
    return Workshop(tiny(), walk)


def mean_nrmse(found: Fidelity) -> float:
    return float(np.mean([r.nrmse for r in found.rows]))


def test_errors_fall_with_copies_that_differ(workshop: Workshop) -> None:
    """Oracle: the rate model on frames of another seed: with four times the copies less than half is missed; copies that
    are alike miss the same whatever their number, and more.
    """
    few, many, alike_few, alike_many = (
        mean_nrmse(workshop.compare(copies=n, copies_differ=differ)) for n, differ in ((4, True), (16, True), (1, False), (4, False))
    )
    assert many < few / 2
    assert alike_many == pytest.approx(alike_few, rel=0.02) and alike_many > 3 * many


def test_the_ledger(workshop: Workshop) -> None:
    """Oracle: the recipe: every step in its order, none of which changed a rate that it should not; the constraints that
    are still broken, which end with copies that share weights.
    """
    made = workshop.convert(copies=16)
    assert [e.step for e in made.ledger] == ["trace", "scale", "unshare", "dale", "populate", "open_loop"]
    by_step = {e.step: e for e in made.ledger}
    for step in ("scale", "unshare", "dale"):
        assert by_step[step].difference is not None and by_step[step].difference <= 1e-6
    n = len(made.rates.network.populations)
    assert set(by_step["trace"].violations) == {"dale", "inhibition", "unshared", "spikes"}
    assert by_step["trace"].violations["dale"] == by_step["trace"].violations["spikes"] == n
    assert set(by_step["unshare"].violations) == {"dale", "inhibition", "spikes"}
    assert set(by_step["dale"].violations) == {"spikes"}
    last = made.ledger[-1].violations
    assert last == {"unshared_copies": len(made.network.projections)}
    found = {v.constraint for v in violations(made.network, made.state)} - {"local_plasticity"}
    assert found == {"unshared_copies"}
    assert [e.cells for e in made.ledger[-2:]] == [made.network.n_neurons] * 2
    assert made.ledger[-1].stored_weights == sum(made.circuit.weights(j.name).size for j in made.network.projections)
    assert all(e.seconds >= 0 for e in made.ledger) and by_step["dale"].numbers["dale_share"] == 1.0
    assert by_step["dale"].numbers["growth_after_per_s"] <= by_step["dale"].numbers["growth_before_per_s"] / 2


def test_what_came_out(workshop: Workshop) -> None:
    """Oracle: the recipe, the scales measured anew, and the description of the network."""
    made = workshop.convert(copies=16, r_max_Hz=80.0)
    assert Recipe(**made.manifest["recipe"]) == Recipe(copies=16, r_max_Hz=80.0, calibration_frames=FRAMES)
    scales = percentiles(made.rates, [workshop.walk(FRAMES, 2)], 95.0, headroom=1000.0 / 80.0)
    for name, x in scales.items():
        told = np.array(made.manifest["scales"][name])
        alike = name in ("level0.error_pos", "level0.error_neg", "level0.prediction")
        np.testing.assert_allclose(told, np.full_like(x, x.max()) if alike else x, rtol=1e-6)
        np.testing.assert_allclose(made.circuit.per_unit_Hz[name], 80.0 / told, rtol=1e-9)
    assert made.manifest["dale"] == 1.0 and made.manifest["size"]["cells"] == made.network.n_neurons
    for j in made.network.projections:
        w = made.circuit.arrays[f"weights/{j.name}"]
        assert w.dtype == np.float32 and (w >= 0).all()
    assert {p.copies for p in made.network.populations} == {16}
    assert all(isinstance(p.cell, IF) and p.cell.tau_mem_ms == 12.5 for p in made.network.populations)
    again = convert(workshop.model, Recipe(**made.manifest["recipe"]), [workshop.walk(FRAMES, 2)])
    assert again.network == made.network
    assert all(again.circuit.arrays[k].tobytes() == a.tobytes() for k, a in made.circuit.arrays.items())


@pytest.mark.parametrize("kind", ["reference", "torch_", pytest.param("brian", marks=pytest.mark.slow)])
def test_every_engine_runs_what_came_out(kind: str, workshop: Workshop, walk: Shows) -> None:
    """Oracle: the event engine, spike for spike."""
    made, movie = workshop.convert(copies=2), walk(2, 5)
    one, two = (engine(name).build(made.network, state=made.state).run(movie, record=Record(spikes=True)) for name in ("event", kind))
    for p in made.network.populations:
        assert one.spikes[p.name].steps.tolist() == two.spikes[p.name].steps.tolist(), p.name
        assert one.spikes[p.name].cells.tolist() == two.spikes[p.name].cells.tolist(), p.name
    assert sum(len(s.steps) for s in one.spikes.values()) > 1000
    np.testing.assert_allclose(one.readouts[FORECAST], two.readouts[FORECAST], rtol=0, atol=1e-12)


@pytest.mark.parametrize("route", ["relay", "feedforward_inhibition", "parisien"])
def test_other_routes(route: str, workshop: Workshop) -> None:
    """Oracle: the rate model; the further synapse costs little, and no constraint."""
    made = workshop.convert(copies=16, route=route)
    assert set(made.ledger[-1].violations) == {"unshared_copies"}
    assert {p.sign for p in made.network.populations} == {"excitatory", "inhibitory"}
    assert mean_nrmse(workshop.compare(copies=16, route=route)) < 0.25


@pytest.mark.slow
def test_leaky_cells(workshop: Workshop) -> None:
    """Oracle: the rate model; straightened leaky cells miss it by less than cells at rheobase with one gain."""
    straight = workshop.compare(copies=16, neuron="lif")
    bent = workshop.compare(copies=16, neuron="lif_rheobase", calibrate=())
    assert mean_nrmse(straight) < 0.2 < mean_nrmse(bent)
    made = workshop.convert(copies=16, neuron="lif")
    assert all(isinstance(p.cell, LIF) and p.biased for p in made.network.populations)
    assert made.circuit.answers.keys() == {p.name for p in made.network.populations}


def test_the_loop_is_in_the_ledger(workshop: Workshop) -> None:
    """Oracle: its own errors: what is kept is no worse than what the pass before gave."""
    made = workshop.convert(copies=4, calibrate=("teacher_forced", "closed_loop"))
    assert [e.step for e in made.ledger][-2:] == ["teacher_forced", "closed_loop"]
    errors = made.ledger[-1].numbers
    need = settling_frames(made.rates.network)
    movie = workshop.walk(FRAMES, 2)
    shown = [movie.part(0, min(FRAMES, need + max(2, FRAMES // 6)))]
    assert beside(made.rates, made.circuit, shown).mean_nrmse() == pytest.approx(min(errors.values()), rel=1e-3)


def test_sites_that_share_kernels(workshop: Workshop) -> None:
    """Oracle: the spikes of sites with weights of their own that are the same; with a spread, factors of sites."""
    shared, own = workshop.convert(unshare=False), workshop.convert()
    movie = workshop.walk(4, 7)
    counts = [simulation(x.circuit).run(movie).counts for x in (shared, own)]
    assert all((counts[0][name] == counts[1][name]).all() for name in counts[1])
    assert set(shared.ledger[-1].violations) == {"unshared", "unshared_copies"}
    assert shared.ledger[-1].stored_weights < own.ledger[-1].stored_weights / 5
    spread = workshop.convert(unshare=False, spread=0.2)
    assert spread.ledger[-1].step == "spread_out"
    factors = {k: a for k, a in spread.circuit.arrays.items() if k.startswith("factor/")}
    assert factors and np.log(np.concatenate(list(factors.values()))).std() == pytest.approx(0.2, rel=0.1)
    explicit = workshop.convert(spread=0.2)
    assert explicit.ledger[2].step == "unshare" and explicit.ledger[2].difference is None
    assert mean_nrmse(workshop.compare(spread=0.2)) > mean_nrmse(workshop.compare())


def test_pools_of_copies(workshop: Workshop) -> None:
    """Oracle: the recipe; a quarter of the pairs of copies costs little."""
    made = workshop.convert(copies=16, fan_in=4)
    assert all((p.copies, p.pools) == (16, 4) for p in made.network.populations)
    assert made.manifest["size"]["synapses"] * 4 == workshop.convert(copies=16).manifest["size"]["synapses"]
    assert mean_nrmse(workshop.compare(copies=16, fan_in=4)) < mean_nrmse(workshop.compare(copies=4))


@pytest.mark.parametrize("name", BASELINES)
def test_what_others_do(name: str, workshop: Workshop) -> None:
    """Oracle: the rate model: each misses more than copies that differ do."""
    chosen = {**BASELINES[name].model_dump(), "calibration_frames": FRAMES}
    assert mean_nrmse(workshop.compare(**chosen)) > 2 * mean_nrmse(workshop.compare(copies=16))


# ---- refusals


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cell": "convlstm"}, r"model\.cells \(convlstm\): multiplies its memory with gates"),
        ({"cell": "sublstm"}, r"model\.cells \(sublstm\): multiplies its memory with a forget gate"),
        ({"cell": "leaky", "pooling": "max"}, r"model\.pooling \(max\): takes a maximum over cells"),
        ({"cell": "leaky", "pooling": "average"}, r"model\.timing: is missing: it runs frame by frame"),
    ],
)
def test_operations_without_a_form_in_spikes(more: dict[str, str], words: str, walk: Shows) -> None:
    """Oracle: the sentence, which names the operation and what to do."""
    model = RatePredNet(RatePredNetSpec(rows=8, cols=8, channels=(1, 3), **more))  # type: ignore[arg-type]
    with pytest.raises(ConversionError, match=words + ".*distil"):
        convert(model, Recipe(), [walk()])


def test_other_refusals(tiny: Makes, walk: Shows) -> None:
    """Oracle: the sentences."""
    with pytest.raises(ConversionError, match=r"model \(Linear\): cannot be traced"):
        convert(nn.Linear(2, 2), Recipe(), [walk()])
    with pytest.raises(ConversionError, match="calibration clips: there are none"):
        convert(tiny(), Recipe(), [])
    with pytest.raises(ConversionError, match="is shorter than the memory of the circuit; got 3"):
        convert(tiny(), Recipe(), [walk(3)])
    model = tiny()
    model.predict[1].bias.data[1] = -9.0
    with pytest.raises(ConversionError, match=r"level1\.prediction: has dead channels.*got \[1\]"):
        convert(model, Recipe(copies=1, calibration_frames=6), [walk(6)])
    with pytest.raises(ValueError, match="fan_in must divide the 4 copies; got 3"):
        Recipe(copies=4, fan_in=3)
    for more, words in (
        ({"gain": 2.0}, "gain belongs to neuron 'lif_rheobase'; got 2.0 with neuron 'if'"),
        ({"neuron": "lif", "tau_rest_ms": None}, "tau_rest_ms belongs to neuron 'if'"),
        ({"tau_mem_ms": 5.0}, "tau_mem_ms belongs to neurons that leak"),
        ({"match_lag": False}, "match_lag belongs to routes with interneurons; got False with neuron 'if' and route 'twin'"),
    ):
        with pytest.raises(ValueError, match=words):
            Recipe(**more)
    for wrong in ({"copies": 0}, {"r_max_Hz": 5000.0}, {"percentile": 10.0}, {"route": "none"}, {"tau_ei_ms": 0.0}, {"spread": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Recipe(**wrong)


def test_dead_channels_can_be_kept(tiny: Makes, walk: Shows) -> None:
    """Oracle: their cells stay silent, and nothing else is wrong."""
    model = tiny()
    model.predict[1].bias.data[1] = -9.0
    made = convert(model, Recipe(copies=2, calibration_frames=6, dead="keep", calibrate=()), [walk(6)])
    counts = simulation(made.circuit).run(walk(6)).counts
    silent = counts["level1.prediction"].reshape(6, 4, 4, 3, 2).sum(axis=(0, 1, 2, 4)) == 0
    assert silent.tolist() == [False, True, False]


# ---- its parts


def test_a_step_that_changes_rates_is_found(handmade: Circuits, walk: Shows) -> None:
    """Oracle: activities of three frames, compared by hand: over the largest of a population where that is above 1."""
    circuit, movie = handmade(), walk(5, size=4)
    assert largest_difference(circuit, circuit, movie) == 0.0
    strong = {f"weights/{j.name}": circuit.weights(j.name) * 4.0 for j in circuit.network.projections if j.target == "whole"}
    for factor in (1.0, 4.0):
        one = circuit if factor == 1.0 else circuit.with_arrays(strong)
        name = "weights/second->whole/fast"
        other = one.with_arrays({name: np.asarray(one.arrays[name]) * 1.01})
        shown = [list(watch(c, movie.part(0, 3))) for c in (one, other)]
        missed = [np.abs(a["whole"] - b["whole"]).max() / max(1.0, a["whole"].max()) for a, b in zip(*shown, strict=True)]
        assert largest_difference(one, other, movie) == pytest.approx(max(missed), rel=1e-9) and max(missed) > 1e-3
    assert max(m["whole"].max() for m in shown[0]) > 1.0


def test_delayed_weights_are_checked_in_large_circuits_too(tiny: Makes, walk: Shows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: weights that act only a frame later, scrambled; and a weight that is no number."""
    circuit = trace(tiny())
    late = [j.name for j in circuit.network.projections if j.delay_ms >= circuit.network.frame_ms]
    assert late
    wrong = circuit.with_arrays({f"weights/{name}": 0.5 - 3.0 * circuit.weights(name) for name in late})
    broken = circuit.with_arrays({f"weights/{late[0]}": circuit.weights(late[0]) * np.nan})
    for most in (100_000, 0):
        monkeypatch.setattr(pipeline, "CHECKED_UNITS", most)
        assert largest_difference(circuit, wrong, walk(4)) > 0.1
        assert not largest_difference(circuit, broken, walk(4)) <= pipeline.EXACT


def test_frames_of_calibration(walk: Shows) -> None:
    """Oracle: by hand: the beginning of as many clips as it needs; all frames where there are fewer."""
    clips = [walk(6, seed) for seed in (1, 2, 3)]
    assert [m.n_frames for m in trimmed(clips, 100)] == [6, 6, 6]
    assert [m.n_frames for m in trimmed(clips, 4)] == [4]
    assert [m.n_frames for m in trimmed(clips, 6)] == [6]
    assert [m.n_frames for m in trimmed(clips, 12)] == [6, 6]
    assert trimmed(clips, 12)[1].frames.tobytes() == clips[1].frames.tobytes()
