"""Figures of rules that learn from chance, reward, error and turnover: what each paper claims, in shape, beside its controls."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def drawn(name: str, out: Path, **changes: Any) -> dict[str, Any]:
    """Numbers of a script that has drawn its figure."""
    done: dict[str, Any] = runpy.run_path(str(ROOT / "examples" / f"{name}.py"))["main"](out, **changes)
    assert out.stat().st_size > 10_000
    return done


@pytest.mark.slow
def test_weight_distribution(tmp_path: Path) -> None:
    """Oracle: two heaps without and one with dependence on the weight; groups that split; sums over the pairs that count."""
    done = drawn("weight_distribution", tmp_path / "weights.png")
    for name in ("additive (pairs)", "mu = 0"):
        # 5/9 is an even spread.
        assert done[f"bimodality, {name}"] > 5 / 9 and done[f"near a bound, {name}"] > 0.6
    for name in ("mu = 0.1", "mu = 1", "power law"):
        assert done[f"bimodality, {name}"] < 5 / 9 and done[f"near a bound, {name}"] < 0.1
    assert min(np.abs(done["groups apart (mV), mu = 0"])) > 0.4
    assert max(np.abs(done["groups apart (mV), mu = 1"])) < 0.1
    assert len(set(np.sign(done["groups apart (mV), mu = 0"]))) == 2, "one group always wins: that is not chance"
    for scheme in ("all", "symmetric", "pre_centred", "restricted"):
        assert max(np.abs(done[f"standard errors off the sum, {scheme}"])) < 4
    assert np.isnan(done["crossing (Hz), all"]) and np.isnan(done["crossing (Hz) by the sum, all"])
    for scheme in ("symmetric", "pre_centred", "restricted"):
        assert done[f"crossing (Hz), {scheme}"] == pytest.approx(done[f"crossing (Hz) by the sum, {scheme}"], abs=1.0)


@pytest.mark.slow
def test_selectivity(tmp_path: Path) -> None:
    """Oracle: the fixed points of BCM, at the usual trace over a pattern's probability; what lasts against what is loud; Oja's rule."""
    done = drawn("selectivity", tmp_path / "selectivity.png")
    first, second, _ = done["answers in order, BCM"]
    assert first == pytest.approx(3.0, rel=0.2) and first > 3 * second
    assert done["selectivity, BCM, least"] > 0.5 > 0.2 > max(done["selectivity, BCM, before"], done["selectivity, Oja, greatest"])
    assert sum(n > 0 for n in done["cells of each pattern, BCM"]) >= 2
    lasts, oja = done["share of what lasts, latent prediction, least"], done["share of what lasts, Oja"]
    # Twice as much weight on what lasts as on the rest, in every cell and however loud the rest is.
    assert min(lasts) > 2 / 3 and (np.diff(oja) < 0).all() and oja[0] > 0.5 > oja[-1]


@pytest.mark.slow
def test_reward(tmp_path: Path) -> None:
    """Oracle: the synapse that earned reward is among the strongest hundredth, by chance it is not; surprise learns a change sooner."""
    done = drawn("reward", tmp_path / "reward.png", seeds=2)
    assert max(done["synapses above it, earned"]) <= 5 < min(done["synapses above it, at random times"])
    for earned, others in zip(done["chosen synapse (mV), earned"], done["mean of the others (mV), earned"], strict=True):
        assert earned > 1.0 > others, "it grew, and the others shrank"
    assert max(done["frames until known, surprise"]) < 0.5 * min(done["frames until known, constant"])
    assert min(done["frames until known, constant"]) < 300
    (surprise,), (constant,) = (done[f"moved after a change over moved when settled, {k}"] for k in ("surprise", "constant"))
    assert surprise > 2 * constant


@pytest.mark.slow
def test_eprop(tmp_path: Path) -> None:
    """Oracle: the time course that is wanted; silence has an error of its variance, about 1, and neither control does better."""
    done = drawn("eprop", tmp_path / "eprop.png")
    for k in range(2):
        assert done["error after, e-prop"][k] < 0.4 and done["error after, e-prop"][k] < 0.25 * done["error before, e-prop"][k]
        assert done["error after, e-prop"][k] < done["error after, input alone"][k] < 0.5
        assert done["error after, shuffled"][k] > 0.8 and done["error after, never"][k] > 0.8


@pytest.mark.slow
def test_efficient_code(tmp_path: Path) -> None:
    """Oracle: a linear reading of new signals, with the network at birth, half of the rules and Poisson spikes as controls."""
    done = drawn("efficient_code", tmp_path / "efficient.png")
    for k in range(2):
        learned = done["error, both"][k]
        assert learned < 0.25 * done["error, at birth"][k] and learned < 0.5 * done["error of chance, both"][k]
        assert learned < done["error, inhibition alone"][k] < done["error, input alone"][k]
        assert done["spread (mV), both"][k] < 0.5 * done["spread (mV), at birth"][k] < 0.5 * done["spread (mV), input alone"][k]
        assert done["balance, both"][k] > 0.98 > done["balance, at birth"][k] > done["balance, input alone"][k]


@pytest.mark.slow
def test_turnover(tmp_path: Path) -> None:
    """Oracle: where the inputs that matter are; cells keep few synapses without growth, and find nothing where there is nothing."""
    done = drawn("turnover", tmp_path / "turnover.png")
    for k in range(2):
        found, fixed, nothing = (
            done[f"weight on what matters, {kind}"][k] for kind in ("turnover", "no turnover", "turnover, nothing shared")
        )
        assert found > 0.9 > fixed and nothing < 0.4
        grew, elsewhere = (done[f"synapses that grew {where}, turnover"][k] for where in ("on what matters", "elsewhere"))
        assert grew > 4 * max(elsewhere, done["synapses that grew on what matters, no turnover"][k])
        assert done["synapses of a cell, no turnover"][k] < 3 < 6 < done["synapses of a cell, turnover"][k]
