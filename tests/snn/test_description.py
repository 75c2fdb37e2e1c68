"""Descriptions: equality, edits, files, and every refusal in its words."""

from __future__ import annotations

import math
from typing import Any

import pytest

import plasticity
from plasticity import ErrorGated, PairSTDP
from snn.cells import IF, LIF, RateUnit, SpikeSource
from snn.description import ChangeReadout, Network, Population, Projection, Signal, Tap
from snn.encoding import Retina
from snn.engines.layout import Layout
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec, prednet
from snn.prednet_spec import Gating
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, OneToOne
from snn.weights import Constant, Normal, Uniform

CELL = LIF(tau_mem_ms=10.0, v_threshold_mV=1.0)
FAST = Receptor(name="fast", tau_ms=5.0)
SPEC = PredNetSpec(rows=8, cols=8, levels=1)


def population(**change: Any) -> Population:
    return Population(**{"name": "out", "shape": (4, 4, 2), "cell": CELL, "receptors": (FAST,), **change})


def projection(**change: Any) -> Projection:
    given = {"source": "in", "target": "out", "receptor": "fast", "topology": Dense(), "weights": Constant(value_mV=1.0), "delay_ms": 2.0}
    return Projection(**{**given, **change})


def network(out: dict[str, Any] | None = None, **change: Any) -> Network:
    return Network(
        populations=(Population(name="in", shape=(4, 4, 2), cell=SpikeSource()), population(**(out or {}))),
        projections=(projection(**change),),
    )


def test_equal_descriptions_are_equal_hash_alike_and_have_one_digest() -> None:
    """Oracle: two constructions; every single edit moves all three."""
    one, two = prednet(SPEC, ErrorGated()), prednet(SPEC, ErrorGated())
    assert one == two
    assert hash(one) == hash(two)
    assert one.digest == two.digest
    edits = {
        "frame_ms": 40.0,
        "encoder.grey": 0.5,
        "level0.error_pos.cell.tau_mem_ms": 2.0,
        "level0.representation->level0.prediction/dendrite_exc.rule.eta": 0.1,
        "level0.representation->level0.prediction/dendrite_exc.w_max_mV": 1.0,
        "level0.forecast.offset": 0.1,
        "name": "other",
    }
    found = [one.override(path, value) for path, value in edits.items()]
    assert len({n.digest for n in (one, *found)}) == len({*found, one}) == len(edits) + 1


def test_an_override_changes_one_field_and_can_be_undone() -> None:
    """Oracle: the original."""
    one = prednet(SPEC)
    two = one.override("level0.error_pos.cell.tau_mem_ms", 5.0)
    assert two.population("level0.error_pos").cell.tau_mem_ms == 5.0  # type: ignore[union-attr]
    assert one.population("level0.error_pos").cell.tau_mem_ms == 1.0  # type: ignore[union-attr]
    assert two.override("level0.error_pos.cell.tau_mem_ms", 1.0) == one
    assert one.override("level0.error_pos.cell", {"kind": "lif", "tau_mem_ms": 3.0, "v_threshold_mV": 2.0}).population(
        "level0.error_pos"
    ).cell == LIF(tau_mem_ms=3.0, v_threshold_mV=2.0)


def test_a_longer_name_wins_over_its_beginning() -> None:
    """Oracle: the population meant; ``a.b`` is a name of its own beside ``a``."""
    both = Network(populations=(population(name="a"), population(name="a.cell")))
    assert both.override("a.cell.cell.tau_mem_ms", 3.0).population("a.cell").cell == CELL.model_copy(update={"tau_mem_ms": 3.0})


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("out.cell.tau_mem_m", 5.0, r"out.cell.tau_mem_m: there is no field 'tau_mem_m'; did you mean 'tau_mem_ms'\?"),
        ("out.cell.tau_mem_ms", -5.0, r"out.cell.tau_mem_ms: refused: .*greater than 0.*got -5.0"),
        ("out.cell.tau_mem_ms", 0.0, "greater than 0"),
        ("out.cell.tau_mem_ms", math.nan, "refused"),
        ("out.cell.tau_mem_ms", math.inf, "refused"),
        ("out.shape", (0, 4, 1), "refused"),
        ("ot.cell.tau_mem_ms", 5.0, "ot.cell.tau_mem_ms: names no population, projection or field of the network"),
        ("frame_mss", 5.0, r"did you mean 'frame_ms'\?"),
        ("frame_ms", -1.0, "frame_ms: refused: .*greater than 0"),
        ("in->out/fast.delay_ms", 0.0, "in->out/fast.delay_ms: refused"),
        ("in->out/fast.receptor", "fas", r"has no receptor 'fas'; did you mean 'fast'\?"),
        ("in->out/fast.weights.value_mV", -1.0, "weights are magnitudes >= 0, the sign belongs to 'in'"),
        ("out.cell.tau_mem_ms.x", 1.0, "there is no field 'x'"),
    ],
)
def test_an_edit_is_refused_in_words(path: str, value: Any, words: str) -> None:
    """Oracle: the sentence: where, what is wrong, what was got, what to do; on one line."""
    with pytest.raises(DescriptionError, match=words) as caught:
        network().override(path, value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("out", "change", "words"),
    [
        ({}, {"source": "inn"}, r"no population 'inn'; did you mean 'in'\?"),
        ({}, {"target": "nowhere"}, "no population 'nowhere'"),
        ({}, {"receptor": "slow"}, "'out' has no receptor 'slow'; known: fast"),
        ({}, {"weights": Normal(scale_mV=1.0)}, "to lift Dale's law set its sign to 'mixed'"),
        ({}, {"weights": Uniform(low_mV=-0.1, high_mV=1.0)}, "to lift Dale's law"),
        ({}, {"topology": LocalField(size=5)}, "the field of 5 is larger than the 4 rows of the target"),
        ({"shape": (3, 4, 2)}, {"topology": LocalField(size=3)}, "do not divide each other"),
        ({"shape": (4, 4, 1)}, {"topology": OneToOne()}, "needs equal features"),
        ({}, {"rule": ErrorGated()}, r"the rule reads the signals \['deficit', 'excess'\]; got \[\]"),
        ({}, {"signals": (Signal(name="e", taps=(Tap(population="in"),)),)}, r"the rule reads the signals \[\]; got \['e'\]"),
        (
            {},
            {"rule": ErrorGated(), "signals": tuple(Signal(name=s, taps=(Tap(population="i"),)) for s in ("excess", "deficit"))},
            "no population 'i'",
        ),
        ({}, {"w_max_mV": -1.0}, "w_max_mV"),
        ({}, {"delays": 1.0}, "delays"),
        ({"receptors": (FAST, FAST)}, {}, "two receptors have one name"),
        ({"name": "in"}, {}, "the name 'in' is used twice"),
        ({"name": "1out"}, {}, "pattern"),
        ({"drive": "chnge"}, {}, r"unknown channel 'chnge'; did you mean 'change'\?"),
        ({"drive": "change", "shape": (4, 4, 3)}, {}, "channel 'change' has 2 features; got 3"),
        ({"drive": "poisson"}, {}, "needs a SpikeSource"),
        ({"drive": "change"}, {}, r"a population has a drive but there is no encoder; add encoder=Retina\(\)"),
        ({"cell": SpikeSource()}, {}, "a SpikeSource has no receptors"),
        ({"cell": {"kind": "lif", "tau_mem_ms": -1.0, "v_threshold_mV": 1.0}}, {}, "tau_mem_ms"),
        ({"cell": {"kind": "lif", "tau_mem_ms": 1.0, "v_threshold_mV": 1.0, "tau": 1.0}}, {}, "tau"),
    ],
)
def test_a_network_is_refused_in_words(out: dict[str, Any], change: dict[str, Any], words: str) -> None:
    """Oracle: the sentence."""
    with pytest.raises(ValueError, match=words):
        network(out, **change)


def test_receptors_and_readouts_are_checked() -> None:
    """Oracle: the sentences."""
    for wrong in ({"kinetics": "pulse", "tau_ms": 1.0}, {"kinetics": "exponential"}, {"kinetics": "integrating", "tau_ms": 2.0}):
        with pytest.raises(ValueError, match="tau_ms is needed for 'exponential' and 'gate' and for no other"):
            Receptor(name="r", **wrong)
    with pytest.raises(ValueError, match=r"no population 'ot'; did you mean 'out'\?"):
        Network(populations=(population(),), readouts=(ChangeReadout(name="f", population="ot", step=1.0),))
    with pytest.raises(ValueError, match="needs an even number of features"):
        Network(populations=(population(shape=(4, 4, 3)),), readouts=(ChangeReadout(name="f", population="out", step=1.0),))
    with pytest.raises(ValueError, match="driven populations have different sizes"):
        Network(
            populations=(population(drive="change"), population(name="b", shape=(2, 2, 2), drive="change")),
            encoder=Retina(),
        )


def test_looking_up_a_misspelt_name() -> None:
    """Oracle: the near miss."""
    with pytest.raises(DescriptionError, match=r"there is no population 'outt'; did you mean 'out'\?"):
        network().population("outt")
    with pytest.raises(DescriptionError, match=r"did you mean 'in->out/fast'\?"):
        network().projection("in->out/fst")


def test_a_label_tells_parallel_projections_apart() -> None:
    """Oracle: the name rule."""
    pair = (projection(), projection(label="b"))
    populations = network().populations
    assert [j.name for j in Network(populations=populations, projections=pair).projections] == ["in->out/fast", "in->out/fast#b"]
    with pytest.raises(ValueError, match="give each its own name or label"):
        Network(populations=populations, projections=(projection(), projection()))


@pytest.mark.parametrize(
    ("change", "dt_ms", "words"),
    [
        ({"delay_ms": 0.4}, 1.0, "in->out/fast.delay_ms: is shorter than one step of 1.0 ms; got 0.4; allowed: >= 1.0; use a longer delay"),
        ({"delay_ms": 1.5}, 1.0, "in->out/fast.delay_ms: is not a whole number of steps of 1.0 ms; got 1.5; use a multiple of dt_ms"),
        ({}, 0.3, "is not a whole number of steps of 0.3 ms"),
        ({}, 0.0, "dt_ms: must be a positive time"),
        ({}, -1.0, "dt_ms: must be a positive time"),
    ],
)
def test_times_are_whole_steps(change: dict[str, Any], dt_ms: float, words: str) -> None:
    """Oracle: the sentence; nothing is rounded in silence."""
    with pytest.raises(DescriptionError, match=words):
        Layout(network(**change), dt_ms)


def test_a_rate_unit_cannot_send_more_than_it_holds() -> None:
    """Oracle: ``gain dt reset_by <= 1``."""
    rates = network({"cell": RateUnit(tau_mem_ms=5.0, gain_Hz_per_mV=600.0, reset_by_mV=2.0)})
    with pytest.raises(DescriptionError, match="sends more in a step than V holds"):
        Layout(rates, 1.0)
    assert Layout(rates, 0.5).frame_steps == 100


@pytest.mark.parametrize(
    "made",
    [
        network(),
        network(rule=PairSTDP(a_plus_mV=0.1, a_minus_mV=0.2), w_max_mV=3.0, label="x"),
        prednet(SPEC, ErrorGated(eta=0.1)),
        prednet(PredNetSpec(rows=12, cols=12, levels=2), ErrorGated()),
        Network(populations=(population(cell=IF(tau_mem_ms=1.0, v_threshold_mV=1.0), copies=3, sign="mixed"),)),
    ],
    ids=["plain", "pair", "one level", "two levels", "mixed"],
)
def test_a_description_survives_a_file(made: Network) -> None:
    """Oracle: itself."""
    again = Network.from_json(made.to_json(), plasticity.RULES)
    assert again == made
    assert again.digest == made.digest
    assert [type(j.rule) for j in again.projections] == [type(j.rule) for j in made.projections]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (("pair_stdp", "pair_stpd"), r"unknown rule 'pair_stpd'; did you mean 'pair_stdp'\?"),
        (('"frame_ms"', '"frame"'), "description: cannot be read"),
        (('"a_plus_mV": 0.1', '"a_plus_mV": -0.1'), "description: cannot be read"),
        (('"delay_ms": 2.0', '"delay_ms": "soon"'), "description: cannot be read"),
        (("{", "["), "description: cannot be read"),
    ],
)
def test_a_damaged_description_is_refused(edit: tuple[str, str], words: str) -> None:
    """Oracle: the sentence; the error is ours."""
    text = network(rule=PairSTDP(a_plus_mV=0.1, a_minus_mV=0.2)).to_json()
    with pytest.raises(DescriptionError, match=words):
        Network.from_json(text.replace(*edit, 1), plasticity.RULES)


NO_DESCRIPTIONS = ("", "null", "3", "[]", '"x"', "{}", '{"projections": 3}', '{"projections": [3]}', '{"projections": null}')


@pytest.mark.parametrize("text", NO_DESCRIPTIONS)
def test_what_is_no_description_is_refused(text: str) -> None:
    """Oracle: DescriptionError, whatever the text."""
    with pytest.raises(DescriptionError):
        Network.from_json(text, plasticity.RULES)


def test_descriptions_are_frozen() -> None:
    """Oracle: pydantic's refusal."""
    with pytest.raises(ValueError, match="frozen"):
        network().frame_ms = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 10, "levels": 3}, "cannot be halved for level 2|cannot be halved"),
        ({"rows": 8, "cols": 8, "levels": 2}, "is larger than the 4 pixels of level 1"),
        ({"field": 4}, "cannot be centred"),
        ({"contrast": False, "transient": False}, "there is nothing to forecast from; switch one on"),
        ({"target_step": 0.0}, "target_step"),
        ({"branches": 0}, "branches"),
        ({"branches": 2, "gating": Gating(pool_px=3)}, "even"),
    ],
)
def test_a_circuit_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    """Oracle: the sentence."""
    with pytest.raises(ValueError, match=words):
        prednet(PredNetSpec(**{"rows": 16, "cols": 16, **change}))
