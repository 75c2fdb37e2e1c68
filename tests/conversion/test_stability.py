"""How fast disturbances of a rate circuit die out, against the eigenvalues of the map of its step."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conversion.circuit import ZERO, Circuit, per_spike, rate_cell
from conversion.dale import route_dale
from conversion.pipeline import convert
from conversion.recipe import Recipe
from conversion.stability import growth_rate, refuse_unstable
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.errors import ConversionError
from snn.stimuli.movie import Movie
from snn.synapses import Receptor
from snn.topology import OneToOne

TAU_MS = 20.0


def loop(weight: float, delay_ms: float = 1.0, tau_ms: float = TAU_MS) -> Circuit:
    """One unit that excites (or inhibits) itself, and is active enough to be linear."""
    p = Population(
        name="unit",
        shape=(1, 1, 1),
        cell=rate_cell(100.0),
        drive="luminance",
        sign="mixed",
        receptors=(Receptor(name="fast", tau_ms=tau_ms),),
    )
    j = Projection(source="unit", target="unit", receptor="fast", topology=OneToOne(), weights=ZERO, delay_ms=delay_ms)
    network = Network(frame_ms=20.0, populations=(p,), projections=(j,), encoder=Retina(luminance_mV=1.0))
    return Circuit(network, {f"weights/{j.name}": np.full((1, 1, 1), weight * per_spike(100.0, tau_ms))}, {"unit": np.array([100.0])})


def eigenvalue(weight: float, delay: int, tau_ms: float = TAU_MS) -> float:
    """Largest size of an eigenvalue of ``s <- keep s + (1 - keep) w s_before``, where the synapse's kernel is exact.

    A current ``g`` drives the unit for a step with the mean ``g tau (1 - exp(-1 / tau))``, which is sent; it comes back
    ``delay`` steps later: ``g(n + 1) = keep g(n) + w (1 - keep) g(n + 1 - delay)``.
    """
    keep = math.exp(-1.0 / tau_ms)
    companion = np.zeros((delay, delay))
    companion[0, 0] = keep
    companion[0, delay - 1] += weight * (1.0 - keep)
    companion[1:, :-1] += np.eye(delay - 1)
    return float(np.abs(np.linalg.eigvals(companion)).max())


def lit(n_frames: int) -> Movie:
    return Movie(np.full((n_frames, 1, 1), 0.5), 20.0)


@pytest.mark.parametrize(("weight", "delay"), [(0.5, 1), (0.9, 1), (1.05, 1), (-0.6, 1), (0.8, 10), (0.9, 40), (3.0, 1), (20.0, 1)])
def test_growth_of_a_loop(weight: float, delay: int) -> None:
    """Oracle: logarithm of the largest eigenvalue of the map of a step, per second."""
    meant = 1000.0 * math.log(eigenvalue(weight, delay))
    assert meant == pytest.approx(1000.0 / TAU_MS * (weight - 1.0), rel=0.05) or delay > 1 or weight > 2
    assert growth_rate(loop(weight, float(delay)), lit(24)) == pytest.approx(meant, rel=0.02, abs=0.3)


def test_growth_beyond_all_numbers() -> None:
    """Oracle: a loop that multiplies its activity by 10^13 in a frame leaves the range of numbers; it is not stable."""
    assert growth_rate(loop(30.0), lit(40)) == math.inf


def test_growth_does_not_depend_on_the_first_disturbance() -> None:
    """Oracle: another seed."""
    found = [growth_rate(loop(0.8, 5.0), lit(12), seed=seed) for seed in (0, 1)]
    assert found[0] == pytest.approx(found[1], rel=1e-3) and found[0] == growth_rate(loop(0.8, 5.0), lit(12))


def test_nothing_is_left_of_a_disturbance_where_nothing_goes_on() -> None:
    """Oracle: a circuit without synapses forgets it within a frame."""
    p = Population(name="unit", shape=(1, 1, 1), cell=rate_cell(100.0), drive="luminance")
    network = Network(frame_ms=20.0, populations=(p,), encoder=Retina(luminance_mV=1.0))
    assert growth_rate(Circuit(network, {}, {"unit": np.array([100.0])}), lit(6)) == -math.inf


def test_too_few_frames_are_refused() -> None:
    """Oracle: the sentence."""
    with pytest.raises(ConversionError, match="stability: needs three frames or more; got 2"):
        growth_rate(loop(0.5), lit(2))


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (-10.0, -10.0, False),
        (-10.0, -5.1, False),
        (-10.0, -4.9, True),
        (-10.0, 3.0, True),
        (2.0, 2.5, False),
        (2.0, 3.5, True),
        (-math.inf, -math.inf, False),
        (-math.inf, -2000.0, False),
        (-10.0, math.inf, True),
        (-10.0, math.nan, True),
        (math.inf, math.inf, True),
    ],
)
def test_how_much_of_the_margin_may_be_lost(before: float, after: float, refused: bool) -> None:
    """Oracle: half of it, by hand; both margins are named."""
    if not refused:
        refuse_unstable(before, after, "route 'relay'")
        return
    with pytest.raises(ConversionError, match=rf"route 'relay': loses stability: .*{before:.3g} per second, now grow by {after:.3g}"):
        refuse_unstable(before, after, "route 'relay'")


def balanced() -> Circuit:
    """Two units that excite and inhibit each other so strongly that they are stable only if inhibition is quick."""
    receptors = (Receptor(name="fast", tau_ms=5.0),)

    def cells(name: str, **more: object) -> Population:
        return Population(name=name, shape=(2, 2, 1), cell=rate_cell(100.0), sign="mixed", receptors=receptors, **more)  # type: ignore[arg-type]

    pairs = {("a", "a"): 2.0, ("a", "b"): 3.0, ("b", "a"): -2.0, ("b", "b"): -1.0}
    projections = tuple(
        Projection(source=s, target=t, receptor="fast", topology=OneToOne(), weights=ZERO, delay_ms=1.0, label=f"{s}{t}") for s, t in pairs
    )
    network = Network(
        frame_ms=20.0,
        populations=(cells("a", drive="luminance"), cells("b", biased=True)),
        projections=projections,
        encoder=Retina(luminance_mV=1.0),
    )
    arrays = {f"weights/{j.name}": np.full((2, 2, 1), w * per_spike(100.0, 5.0)) for j, w in zip(projections, pairs.values(), strict=True)}
    return Circuit(network, {**arrays, "bias/b": np.full(4, 0.1)}, {"a": np.array([100.0]), "b": np.array([100.0])})


def test_a_route_that_destabilises_is_refused() -> None:
    """Oracle: growth rates of both circuits, by hand; a twin keeps the margin, a slow relay of inhibition alone loses it."""
    rng = np.random.default_rng(0)
    movie, circuit = Movie(0.4 + 0.2 * rng.random((24, 2, 2)), 20.0), balanced()
    before = growth_rate(circuit, movie)
    slow = growth_rate(route_dale(circuit, "relay", tau_ei_ms=15.0, match_lag=False), movie)
    assert before < 0 < slow
    assert growth_rate(route_dale(circuit, "twin"), movie) == pytest.approx(before, rel=0.15)
    recipe = Recipe(copies=2, route="relay", tau_ei_ms=15.0, match_lag=False, calibrate=(), calibration_frames=24)
    with pytest.raises(
        ConversionError, match=r"route 'relay': loses stability: .*, which grew by -\d.* per second, now grow by \d.*; use the route 'twin'"
    ):
        convert(circuit, recipe, [movie])
    assert convert(circuit, recipe.model_copy(update={"route": "twin"}), [movie]).network.name == "network"
