"""The rungs of the ladder: each changes exactly one thing of the one with which it is compared."""

from __future__ import annotations

from typing import Any

import pytest

from comparisons.backprop_job import BackpropJob
from comparisons.ladder import ALL, BASES, CUMULATIVE, DESIGNS, LADDERS, LEFT_OUT, SINGLE, Scale, frames_learned, ladder
from comparisons.learning import Job
from comparisons.sweeps.conversion import Conversion
from comparisons.sweeps.plan import SweptJob
from conversion.timed_prednet import rate_model
from snn.errors import DescriptionError

SCALE = Scale(size=16)


def flat(job: SweptJob) -> dict[str, Any]:
    """All settings of a job, defaults too, by dotted path."""
    found: dict[str, Any] = {}

    def walk(item: Any, path: str) -> None:
        if hasattr(type(item), "model_fields"):
            for name in type(item).model_fields:
                walk(getattr(item, name), f"{path}.{name}" if path else name)
        else:
            found[path] = item

    walk(job, "")
    return found


def changed(one: SweptJob, other: SweptJob) -> dict[str, Any]:
    """Settings of the second that differ from those of the first."""
    a, b = flat(one), flat(other)
    return {path: b.get(path) for path in a.keys() | b.keys() if a.get(path) != b.get(path)}


EXACTLY: dict[tuple[str, str], dict[str, Any]] = {
    ("prednet", "average"): {"model.pooling": "average"},
    ("average", "leaky"): {"model.cell": "leaky"},
    ("spikes", "unshared"): {"recipe.unshare": True, "recipe.spread": 0.1},
    ("local", "local-rates"): {"cells": "rate"},
    ("local", "local-shared"): {"ablations": ("shared",)},
    ("local", "local-signed"): {"ablations": ("signed",)},
    ("local", "local-one-threshold"): {"ablations": ("jitter_off",)},
    ("local", "local-16-bit"): {"weight_bits": 16},
    ("local", "local-8-bit"): {"weight_bits": 8},
    ("local", "local-4-bit"): {"weight_bits": 4},
    ("local", "local-no-lag-match"): {"ablations": ("lag_match_off",)},
    ("local", "local-no-feedback"): {"ablations": ("feedback_cut",)},
    ("local", "local-no-inhibition"): {"ablations": ("inhibition_cut",)},
    ("local", "local-no-context"): {"ablations": ("context_cut",)},
    ("local", "local-no-transients"): {"ablations": ("transient_cut",)},
    ("local", "local-no-persistence"): {"ablations": ("persistence_cut",)},
    ("prednet", "prednet-leaky"): {"model.cell": "leaky"},
    ("prednet", "prednet-subtractive"): {"model.cell": "sublstm"},
    ("prednet", "prednet-unshared"): {"model.shared": False},
    ("leaky", "leaky-dale"): {"model.dale": True},
    ("leaky-dale", "leaky-half-inhibitory"): {"model.inhibitory_share": 0.5},
    ("spikes", "spikes-four-cells"): {"recipe.copies": 4},
    ("hidden", "hidden-random-feedback"): {"ablations": ("feedback_random",)},
    ("local", "local-noise"): {"ablations": ("noise",)},
    ("prednet", "prednet-one-level"): {"model.channels": (1,), "model.r_channels": (8,)},
    ("prednet", "prednet-no-feedback"): {"model.cut": ("feedback",)},
    ("prednet", "prednet-no-recurrence"): {"model.cut": ("recurrence",)},
    ("prednet", "prednet-merged-errors"): {"model.cut": ("error_sign",)},
    ("prednet", "prednet-no-penalty"): {"model.loss": "direct"},
}
"""By hand: what a rung changes, and nothing else."""


@pytest.mark.parametrize(("after", "rung"), EXACTLY)
def test_a_rung_changes_exactly_one_thing(after: str, rung: str) -> None:
    assert changed(ALL[after].job(SCALE), ALL[rung].job(SCALE)) == EXACTLY[after, rung]


def test_milliseconds_are_a_timing_and_nothing_else() -> None:
    found = changed(CUMULATIVE["leaky"].job(SCALE), CUMULATIVE["milliseconds"].job(SCALE))
    assert {path.rpartition(".")[0] or path for path in found} <= {"model.timing"} and found["model.timing.step_ms"] == 10.0


def test_what_is_converted_is_the_rung_before() -> None:
    made = CUMULATIVE["spikes"].job(SCALE)
    assert isinstance(made, Conversion) and made.rate == CUMULATIVE["milliseconds"].job(SCALE)


def test_the_local_rule_is_a_teacher_and_nothing_else() -> None:
    """The circuit under backprop and under its rule is one network, of the same frames."""
    one, other = (CUMULATIVE[name].job(SCALE) for name in ("circuit", "local"))
    assert not isinstance(one, Conversion) and not isinstance(other, Conversion)
    assert one.network() == other.network()  # type: ignore[union-attr]
    assert one.source == other.source
    assert frames_learned(one) == frames_learned(other) == 12_000


def test_every_comparison_is_held() -> None:
    """Each rung that is compared with another is in the table above or has a test of its own; the circuit is another network."""
    own = {("leaky", "milliseconds"), ("milliseconds", "spikes"), ("unshared", "circuit"), ("circuit", "local"), ("local", "circuit")}
    every = ladder("full", DESIGNS).comparisons()
    compared = {(c.after, c.rung) for design in every.values() for c in design if c.after}
    assert compared == set(EXACTLY) | own
    # What the quick ladder leaves out lies between two rungs of the whole one.
    chain = [c.rung for c in every["cumulative"]]
    for c in ladder("quick").comparisons()["cumulative"][1:]:
        between = chain[chain.index(c.after) + 1 : chain.index(c.rung) + 1]
        assert c.changes == "; ".join(CUMULATIVE[name].changes for name in between)


def test_rungs_left_out_are_said_by_the_next() -> None:
    asked = ladder("quick").comparisons()["cumulative"]
    assert [(c.rung, c.after) for c in asked][:2] == [("prednet", ""), ("leaky", "prednet")]
    assert asked[1].changes == f"{CUMULATIVE['average'].changes}; {CUMULATIVE['leaky'].changes}"
    assert len(asked) == 6


def test_one_network_of_two_designs_is_made_once_and_whole_seeds_come_first() -> None:
    asked = ladder("full", DESIGNS, seeds=2)
    points = asked.points()
    names = {*CUMULATIVE, *LEFT_OUT, *SINGLE, *BASES}
    assert len(points) == 2 * len(names) == len({p.digest for p in points})
    assert [p.job.seed for p in points] == [0] * len(names) + [1] * len(names)
    kinds = [isinstance(p.job, Conversion) for p in points if p.job.seed == 0]
    assert kinds == sorted(kinds), "what is converted comes last, so that nobody waits for it"
    assert next(p.settings["rung"] for p in points if p.job.seed == 1) == "milliseconds", "and what it is made from first"


def test_every_rung_can_be_built() -> None:
    """Circuits as descriptions; rate networks, of what is converted too, as models."""
    for rung in ALL.values():
        job = rung.job(Scale(size=16, channels=(1, 2), r_channels=(2, 2)))
        if isinstance(job, Job | BackpropJob):
            assert job.network().populations
        else:
            spec = (job.rate if isinstance(job, Conversion) else job).model
            assert rate_model(spec, 0).n_parameters > 0


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(DescriptionError, match=r"ladder: there is no design 'cumulativ'; did you mean 'cumulative'"):
        ladder("quick", ("cumulativ",))
    with pytest.raises(DescriptionError, match=r"ladder: there is no phenomenon 'on-off'; did you mean 'on_off'"):
        ladder("quick", phenomena=("on-off",))
    with pytest.raises(DescriptionError, match=r"ladder: there is no ladder 'quik'; did you mean 'quick'"):
        ladder("quik")  # type: ignore[arg-type]
    with pytest.raises(DescriptionError, match=r"ladder.seeds: is the number of seeds; got 0"):
        ladder("quick", seeds=0)


def test_every_rung_has_an_estimate() -> None:
    for name in LADDERS:
        own = ladder(name)
        assert all(own.minutes[rung].make > 0 and own.minutes[rung].ask > 0 for rung in own.rungs())
