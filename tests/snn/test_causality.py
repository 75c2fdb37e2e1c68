"""Nothing of frame t can reach the forecast of frame t, whatever is learned: the property the score stands on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparisons.recipes import RECIPES
from plasticity import ApicalError, ErrorGated, GatedDelta, VogelsRate
from plasticity.balance import inhibition_of_errors, with_rule
from snn.description import Network
from snn.engines import engine
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.stimuli.movie import Movie
from snn.testing import random_walk

FRAMES = 4
NETWORKS: dict[str, Network] = {}
for _levels, _side in ((1, 6), (2, 12)):
    _spiking = prednet(PredNetSpec(rows=_side, cols=_side, levels=_levels, initial_forecast_mV=0.3), ErrorGated(eta=1.0))
    NETWORKS[f"{_levels}, spiking"] = _spiking
    NETWORKS[f"{_levels}, rate"] = rate_network(_spiking)

_gated = prednet(PredNetSpec(rows=6, cols=6, branches=3, initial_forecast_mV=0.3), GatedDelta(eta=1.0))
_rules = RECIPES["hidden"].model_copy(update={"input_power": 20.0})
_learned = PredNetSpec(rows=6, cols=6, hidden=3, initial_forecast_mV=0.3)
_hidden = prednet(_learned, *_rules.rules(_learned), hidden_rules=_rules.hidden_rules(_learned))
NETWORKS |= {"1, hidden": _hidden, "1, hidden rate": rate_network(_hidden)}
NETWORKS |= {"1, gated": _gated, "1, gated rate": rate_network(_gated)}

_dendrites = prednet(PredNetSpec(rows=6, cols=6, apical_ms=10.0, initial_forecast_mV=0.3), ApicalError())
NETWORKS["1, dendrites"] = _dendrites

_unequal = prednet(PredNetSpec(rows=6, cols=6, mismatch=0.3, initial_forecast_mV=0.3), ErrorGated(eta=1.0))
NETWORKS["1, balancing"] = with_rule(_unequal, inhibition_of_errors(_unequal), VogelsRate(eta_mV=0.2))

CHANGES = st.tuples(
    st.integers(0, FRAMES - 1), st.integers(0, 10**6), st.sampled_from(["one pixel", "all", "black", "later too"]), st.booleans()
)


def changed(movie: Movie, t: int, seed: int, kind: str) -> Movie:
    """The movie with frame t (and with ``later too`` those after it) replaced in part or whole."""
    rng, frames = np.random.default_rng(seed), movie.frames.copy()
    row, col = rng.integers(0, movie.size[0]), rng.integers(0, movie.size[1])
    if kind == "one pixel":
        frames[t, row, col] = 1.0 - frames[t, row, col]
    elif kind == "black":
        frames[t] = 0.0
    else:
        frames[t : t + 1 if kind == "all" else None] = rng.random(frames[t : t + 1 if kind == "all" else None].shape)
    return Movie(frames, movie.frame_ms)


def forecasts(name: str, network: Network, movie: Movie, *, learn: bool) -> dict[str, np.ndarray]:
    found = engine(name).build(network, seed=1).run(movie, learn=learn)
    return {**found.readouts, **found.counts}


def check(name: str, network: Network, t: int, seed: int, kind: str, *, learn: bool) -> None:
    movie = random_walk(FRAMES, *(network.frame_size or (0, 0)), seed=seed)
    one, two = (forecasts(name, network, m, learn=learn) for m in (movie, changed(movie, t, seed, kind)))
    for key in ("level0.forecast", "level0.prediction"):
        assert np.array_equal(one[key][: t + 1], two[key][: t + 1]), f"frame {t} reaches {key}"
    if t < FRAMES - 1:
        assert not np.array_equal(one["level0.forecast"], two["level0.forecast"]), "the change was not even seen later"


@pytest.mark.parametrize("circuit", NETWORKS)
@settings(deadline=None, max_examples=8)
@given(CHANGES)
def test_no_peeking_event(circuit: str, change: tuple[int, int, str, bool]) -> None:
    """Oracle: the forecast of the unchanged movie, exactly, up to and with the changed frame."""
    t, seed, kind, learn = change
    check("event", NETWORKS[circuit], t, seed, kind, learn=learn)


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("circuit", [c for c in NETWORKS if c.startswith("1")])
def test_no_peeking_reference(circuit: str, learn: bool) -> None:
    """Oracle: as above, on the reference engine, at the second and third frame."""
    check("reference", NETWORKS[circuit], 1 + learn, 7, "later too", learn=learn)


@pytest.mark.slow
@pytest.mark.parametrize("circuit", [c for c in NETWORKS if c.startswith("2")])
def test_no_peeking_reference_two_levels(circuit: str) -> None:
    """Oracle: as above."""
    check("reference", NETWORKS[circuit], 2, 7, "later too", learn=True)


@pytest.mark.slow
@pytest.mark.parametrize("learn", [False, True])
def test_no_peeking_brian(learn: bool) -> None:
    """Oracle: as above, on Brian2."""
    check("brian", NETWORKS["1, spiking"], 2, 7, "later too", learn=learn)
