"""Each ablation changes what its name says and nothing else; what it lifts is read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from comparisons.ablations import ABLATIONS, AblationName, ablated, level_of
from comparisons.backprop_job import BackpropJob
from comparisons.forecasters import CircuitForecaster
from comparisons.learning import Job
from comparisons.movies import Source
from comparisons.rate_job import RateJob
from comparisons.recipes import RecipeName
from comparisons.sweeps.plan import Sweep
from comparisons.sweeps.table import tabulate
from conversion.rate_spec import RatePredNetSpec
from plasticity.training import Plan
from snn.constraints import violations
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec
from snn.recording import Record
from snn.state import initial_state
from snn.stimuli.movie import Movie

SOURCE = Source(frames="photographs", size=16, n_movies=2)


RECIPE_OF: dict[AblationName, RecipeName] = {"feedback_random": "hidden"}
"""Where it is not the hierarchy that an ablation needs."""


def whole_of(name: AblationName) -> Network:
    if name == "feedback_top_cut":
        return Job(source=SOURCE.model_copy(update={"size": 24}), levels=3).network()
    recipe = RECIPE_OF.get(name, "hierarchical")
    return whole(recipe, 1 if recipe == "hidden" else 2)


def whole(recipe: RecipeName = "hierarchical", levels: int = 2) -> Network:
    return Job(source=SOURCE, recipe=recipe, levels=levels).network()


def differing(one: Any, other: Any) -> set[str]:
    """Fields in which two parts of one name differ."""
    return {name for name in type(one).model_fields if getattr(one, name) != getattr(other, name)}


def gone(network: Network, name: AblationName) -> list[Projection]:
    kept = {j.name for j in ablated(network, name).projections}
    return [j for j in network.projections if j.name not in kept]


Told = Callable[[Projection], bool]
CUTS: dict[AblationName, Told] = {
    "feedback_cut": lambda j: level_of(j.source) > level_of(j.target),
    "feedback_top_cut": lambda j: j.name.startswith("level2") and "->level1" in j.name,
    "persistence_cut": lambda j: ".target" in j.source and j.target.endswith((".branch", ".prediction")) and j.rule is None,
    "inhibition_cut": lambda j: j.rule is not None and "_inh" in j.source,
    "lateral_cut": lambda j: j.name == "level0.selector_inh->level0.selector/rival",
    "transient_cut": lambda j: j.source == "level0.target_transient",
    "error_inhibition_cut": lambda j: "_inh->" in j.name and j.target.split(".")[1].removeprefix("branch_") in ("error_pos", "error_neg"),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_takes_away_these_projections_and_changes_no_other(name: AblationName) -> None:
    """Oracle: a list of the projections by their names, written without the code of the cuts; everything else is equal."""
    network = whole_of(name)
    cut = ablated(network, name)
    assert gone(network, name) == [j for j in network.projections if CUTS[name](j)] != []
    assert cut.populations == network.populations
    assert list(cut.projections) == [j for j in network.projections if not CUTS[name](j)]
    assert cut.model_copy(update={"projections": network.projections}) == network


EDITS: dict[AblationName, tuple[str, str]] = {
    "shared": ("projections", "topology"),
    "context_cut": ("projections", "topology"),
    "jitter_off": ("populations", "cell"),
    "feedback_random": ("projections", "rule signals"),
    "lag_match_off": ("projections", "delay_ms"),
    "adaptation_off": ("populations", "cell"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_one_thing(name: AblationName) -> None:
    """Oracle: everything but that field of those parts is equal (a rule goes with what it reads); and some part has changed in it."""
    network, (parts, fields) = whole_of(name), EDITS[name]
    edited = ablated(network, name)
    before: tuple[Population | Projection, ...] = getattr(network, parts)
    after: tuple[Population | Projection, ...] = getattr(edited, parts)
    assert [p.name for p in before] == [p.name for p in after]
    changes = [differing(b, a) for b, a in zip(before, after, strict=True)]
    assert set(fields.split()) in changes and all(c in (set(fields.split()), set()) for c in changes)
    assert edited.model_copy(update={parts: before}) == network


def test_every_ablation_is_tested() -> None:
    assert set(CUTS) | set(EDITS) | {"signed", "noise"} == set(ABLATIONS)


def test_feedback_of_the_top_alone() -> None:
    """Oracle: the levels in the names, of a circuit of three."""
    network = whole_of("feedback_top_cut")
    from_top = [j.name for j in network.projections if "level2" in j.source and "level1" in j.target]
    assert [j.name for j in gone(network, "feedback_top_cut")] == from_top != []
    assert len(gone(network, "feedback_cut")) > len(from_top)


def test_cells_that_do_not_adapt_keep_all_else() -> None:
    """Oracle: one field, by hand; change cells do adapt before."""
    network = whole("plain")
    for before, after in zip(network.populations, ablated(network, "adaptation_off").populations, strict=True):
        if before.name.endswith((".target", ".prediction")):
            assert before.cell.adaptation_mV > 0 == after.cell.adaptation_mV  # type: ignore[union-attr]
        assert differing(before.cell, after.cell) <= {"adaptation_mV"}


@pytest.mark.parametrize("recipe", ["plain", "hierarchical"])
def test_noise_moves_a_forecast_cell_by_one_of_its_steps(recipe: RecipeName) -> None:
    """Oracle: the current that the drawn spikes bring, filtered by hand; the network without them is as it was."""
    network = whole(recipe)
    noisy = ablated(network, "noise")
    names = [p.name for p in noisy.populations if p not in network.populations]
    assert names and all(".background" in name for name in names)
    assert noisy.populations[: len(network.populations)] == network.populations
    assert noisy.projections[: len(network.projections)] == network.projections
    added = noisy.projections[len(network.projections) :]
    assert {j.source for j in added} == set(names) and len(added) == len(names)
    assert all(j.rule is None for j in added)
    alone = Network(
        name="background",
        frame_ms=network.frame_ms,
        populations=tuple(p for p in noisy.populations if p.name in names),
        projections=(),
    )
    n_frames = 30
    told = engine("event").build(alone, seed=0).run(n_frames=n_frames, record=Record(spikes=True)).spikes
    target = noisy.population(added[0].target)
    step_mV, tau_ms = target.cell.adaptation_mV, next(r.tau_ms for r in target.receptors if r.name == added[0].receptor)  # type: ignore[union-attr]
    assert tau_ms is not None
    current = np.zeros((round(n_frames * network.frame_ms), target.n))
    for j in added:
        if j.target == target.name:
            weight = getattr(j.weights, "value_mV") * (-1.0 if j.source.endswith("_inh") else 1.0)  # noqa: B009
            np.add.at(current, (told[j.source].steps, told[j.source].cells), weight)
    for t in range(1, len(current)):
        current[t] += current[t - 1] * np.exp(-1.0 / tau_ms)
    late = current[200:]
    assert np.std(late) == pytest.approx(step_mV, rel=0.05)
    assert abs(late.mean()) < 0.05 * step_mV


def test_noise_is_the_same_whatever_else_is_edited_and_is_told_once() -> None:
    """Oracle: the sources and their synapses, beside edits that take learned inhibition away, before and after them."""

    def background(*names: AblationName) -> list[Any]:
        network = Job(source=SOURCE, ablations=names).network()
        populations = [p for p in network.populations if ".background" in p.name]
        return [*populations, *(j for j in network.projections if ".background" in j.source)]

    alone, refused = background("noise"), "would change nothing: it needs forecast cells that adapt, and no noise"
    assert len(alone) == 4
    for other in ("signed", "inhibition_cut"):
        assert background(other, "noise") == background("noise", other) == alone
    for names in (("noise", "noise"), ("adaptation_off", "noise")):
        with pytest.raises(DescriptionError, match=refused):
            background(*names)  # type: ignore[arg-type]


def test_noise_is_no_cost_of_the_forecast_and_blurs_it() -> None:
    """Oracle: spikes and synapses of all but the sources, counted here; an untrained circuit forecasts grey of grey, but for noise."""
    grey = Movie(np.full((12, 8, 8), 0.45), 50.0, name="grey")
    job = Job(source=SOURCE.model_copy(update={"size": 8}), ablations=("noise",))
    simulation, again = (job.simulation(job.network()) for _ in range(2))
    shown, counts = CircuitForecaster(again).show(grey), simulation.run(grey).counts
    own = [p for p in simulation.network.populations if p.background_Hz is None]
    assert set(shown.spikes) == {p.name for p in own} == set(CircuitForecaster(simulation).cells)
    offsets, reached = simulation.layout.offsets, simulation.layout.out_degree
    events = sum(float(counts[p.name].sum(axis=0).ravel() @ reached[offsets[p.name] : offsets[p.name] + p.n]) for p in own)
    assert 0 < events == shown.synaptic_events
    quiet = job.model_copy(update={"ablations": ()})
    silent = CircuitForecaster(quiet.simulation(quiet.network())).show(grey)
    step = PredNetSpec(rows=8, cols=8).forecast_step
    assert silent.forecast[5:].std() < 0.1 * step < 0.3 * step < shown.forecast[5:].std() < step


def test_what_spikes_by_chance_is_not_trained_by_backprop() -> None:
    with pytest.raises(DescriptionError, match="background_exc: spikes by chance, with which nothing is trained by backprop; leave it out"):
        Sweep(run=BackpropJob(source=SOURCE), ablations=("none", "noise")).points()


@pytest.mark.parametrize("recipe", ["hierarchical", "plain"])
def test_a_signed_synapse_stands_for_a_pair(recipe: RecipeName) -> None:
    """Oracle: by name, each learned pair has lost its inhibitory half and nothing else; signs and first weights of its source changed."""
    network = whole(recipe)
    edited = ablated(network, "signed")
    lost = gone(network, "signed")
    assert lost == [j for j in network.projections if j.rule is not None and "_inh->" in j.name] != []
    sources = {j.source.removesuffix("_inh") for j in lost}
    for before, after in zip(network.populations, edited.populations, strict=True):
        assert differing(before, after) == ({"sign"} if before.name in sources else set())
    for after in edited.projections:
        before_ = network.projection(after.name)
        assert differing(before_, after) <= ({"weights"} if before_.source in sources and before_.rule is not None else set())
    assert edited.model_copy(update={"projections": network.projections, "populations": network.populations}) == network


def test_a_signed_synapse_begins_as_the_pair_does() -> None:
    """Oracle: the weights that are drawn: spread of the difference of a pair, and that of the synapse in its place."""
    network = whole("hierarchical")
    pair, one = (initial_state(n, dt_ms=1.0, seed=0) for n in (network, ablated(network, "signed")))
    name = "level0.representation->level0.branch/dendrite_exc"
    partner = "level0.representation_inh->level0.branch/dendrite_inh"
    spread = np.std(pair.weights(name) - pair.weights(partner))
    assert spread > 0 and np.std(one.weights(name)) == pytest.approx(spread, rel=0.01)
    assert abs(one.weights(name).mean()) < 0.02 * spread


@pytest.mark.parametrize("name", ["shared", "context_cut"])
def test_only_what_learns_is_edited(name: AblationName) -> None:
    network = whole()
    changed = [b for b, a in zip(network.projections, ablated(network, name).projections, strict=True) if a != b]
    assert changed and all(j.rule is not None for j in changed)
    if name == "shared":
        assert len(changed) == sum(j.rule is not None for j in network.projections)


def test_random_feedback_is_what_it_was_at_birth() -> None:
    """Oracle: the names of the projections onto credit cells; their weights at birth are those of the whole circuit."""
    network = whole_of("feedback_random")
    edited = ablated(network, "feedback_random")
    fixed = [a.name for b, a in zip(network.projections, edited.projections, strict=True) if a != b]
    assert fixed == [j.name for j in network.projections if ".credit_" in j.target]
    before, after = (initial_state(n, dt_ms=1.0, seed=3) for n in (network, edited))
    assert all(np.array_equal(before.weights(name), after.weights(name)) for name in fixed)


def test_excitation_that_does_not_wait_arrives_with_the_spike_and_inhibition_after() -> None:
    """Oracle: delays by hand; what crosses a frame keeps its delay, so that no forecast hears of its own frame."""
    network = whole("plain")
    edited = {j.name: j.delay_ms for j in ablated(network, "lag_match_off").projections}
    for name in ("level0.target->level0.error_pos/persistent_exc", "level0.prediction->level0.error_neg/persistent_exc"):
        assert network.projection(name).delay_ms == 2.0 and edited[name] == 1.0
    long = [j for j in network.projections if j.delay_ms > 10]
    assert long and all(edited[j.name] == j.delay_ms for j in long)
    alone = [j for j in network.projections if j.source == "level1.target" and j.target == "level1.target"]
    assert alone and all(edited[j.name] == j.delay_ms for j in alone)


def test_fields_keep_their_extent_when_they_are_shared() -> None:
    network = whole("plain")
    for one, other in zip(network.projections, ablated(network, "shared").projections, strict=True):
        if one != other:
            assert one.topology.kind == "local" and other.topology.kind == "shared"
            assert one.topology.size == other.topology.size  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ABLATIONS)
def test_what_is_lifted_is_read_back(name: AblationName) -> None:
    """Oracle: `snn.constraints`, before and after; an inhibitory population that reaches nothing is what a cut of it leaves."""
    network = whole_of(name)
    new = {v.constraint for v in set(violations(ablated(network, name))) - set(violations(network))}
    allowed = ({ABLATIONS[name].constraint} - {""}) | ({"inhibition"} if "inhibition_cut" in name or name == "signed" else set())
    assert new == allowed


@pytest.mark.parametrize(
    ("name", "recipe", "words"),
    [
        ("feedback_cut", "plain", "two levels or more"),
        ("lateral_cut", "plain", "gated branches"),
        ("feedback_top_cut", "plain", "three levels or more"),
    ],
)
def test_what_is_not_there_cannot_be_cut(name: AblationName, recipe: RecipeName, words: str) -> None:
    with pytest.raises(DescriptionError, match=f"ablations.{name}: would change nothing: it needs {words}"):
        ablated(whole(recipe, levels=2 if name == "feedback_top_cut" else 1), name)
    twice = ablated(whole(), "shared")
    with pytest.raises(DescriptionError, match="would change nothing"):
        ablated(twice, "shared")


def test_a_job_with_an_ablation_is_another_job() -> None:
    """Its settings survive being written; one without has the settings that it had before there were any."""
    job = Job(source=SOURCE)
    cut = Job(source=SOURCE, ablations=("transient_cut", "shared"))
    assert Job(**cut.model_dump(mode="json")) == cut != job and "ablations" not in job.model_dump(mode="json")
    assert cut.network() == ablated(ablated(job.network(), "transient_cut"), "shared")


def test_a_sweep_over_ablations() -> None:
    sweep = Sweep(run=Job(source=SOURCE), ablations=("none", "shared", "shared+transient_cut"), seeds=(0, 1))
    points = sweep.points()
    assert sweep.n_runs == len(points) == 6
    assert [p.ablation for p in points[::2]] == ["none", "shared", "shared+transient_cut"]
    assert [p.job.ablations for p in points[::2] if isinstance(p.job, Job)] == [(), ("shared",), ("shared", "transient_cut")]
    assert len({p.digest for p in points}) == 6
    assert list(tabulate(points, {})["ablation"]) == ["none"] * 2 + ["shared"] * 2 + ["shared+transient_cut"] * 2


def test_bad_ablations_are_refused() -> None:
    with pytest.raises(DescriptionError, match=r"there is no ablation 'shaerd'; did you mean 'shared'"):
        Sweep(run=Job(source=SOURCE), ablations=("shaerd",)).points()
    with pytest.raises(DescriptionError, match="two levels or more"):
        Sweep(run=Job(source=SOURCE), ablations=("feedback_cut",)).points()
    rate = RateJob(source=SOURCE, model=RatePredNetSpec(rows=16, cols=16))
    with pytest.raises(DescriptionError, match="the run is of a rate PredNet"):
        Sweep(run=rate, ablations=("shared",)).points()


@pytest.mark.parametrize(
    "name",
    [
        *("shared", "signed", "inhibition_cut", "context_cut", "transient_cut", "persistence_cut", "jitter_off"),
        *("noise", "adaptation_off"),
    ],
)
def test_what_is_ablated_still_runs_and_learns(name: AblationName) -> None:
    """Weights of a signed circuit go below 0 where they want to, and nowhere else. Without persistence errors begin large."""
    job = Job(source=Source(frames="photographs", size=8, n_movies=4), ablations=(name,), plan=Plan(max_rate_Hz=1000.0))
    learner = job.learner()
    learner.learn(job.source.learning(0), lambda: None)
    state = learner.simulation.state()
    plastic = [j.name for j in learner.simulation.network.projections if j.rule is not None]
    weights = [state.weights(j) for j in plastic]
    assert plastic and any(w.any() for w in weights)
    assert any((w < 0).any() for w in weights) == (name == "signed")


@pytest.mark.parametrize("name", ["shared", "transient_cut"])
def test_what_is_ablated_is_trained_by_backprop_too(name: AblationName) -> None:
    job = BackpropJob(source=Source(frames="photographs", size=8, n_movies=4), ablations=(name,))
    learner = job.learner()
    assert learner.network == job.network()
