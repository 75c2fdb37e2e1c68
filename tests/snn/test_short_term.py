"""Short-term depression and facilitation: closed forms, bounds, known effects, files, states and gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.cells import IF, RateUnit, SpikeSource
from snn.description import Network, Population, Projection
from snn.engines import engine
from snn.engines.plain_release import release_law
from snn.engines.torch_release import Left, all_left, use
from snn.errors import DescriptionError, StateError
from snn.seeding import stream
from snn.short_term import ShortTerm
from snn.state import NEVER, State
from snn.synapses import Receptor
from snn.topology import Dense, OneToOne
from snn.weights import Constant

NEVER_mV = 1e9
W_mV = 1.7
# Depressing and facilitating synapses of Tsodyks, Uziel & Markram (2000), and two extremes.
KINDS = {
    "depressing": ShortTerm(utilisation=0.5, recovery_ms=800.0),
    "facilitating": ShortTerm(utilisation=0.04, recovery_ms=100.0, facilitation_ms=1000.0),
    "both": ShortTerm(utilisation=0.3, recovery_ms=130.0, facilitation_ms=90.0),
    "empties": ShortTerm(utilisation=1.0, recovery_ms=40.0, facilitation_ms=30.0),
}


def network(short: ShortTerm | None, n: int = 1, frame_ms: float = 1.0, **more: Any) -> Network:
    """Sources, each with one cell that never fires; what was delivered in a step waits in its pulse receptor."""
    cell = IF(tau_mem_ms=1.0, v_threshold_mV=NEVER_mV, reset_by_mV=NEVER_mV)
    given_ = {"topology": OneToOne(), "weights": Constant(value_mV=W_mV), "delay_ms": 1.0, **more}
    return Network(
        frame_ms=frame_ms,
        populations=(
            Population(name="in", shape=(1, 1, n), cell=SpikeSource()),
            Population(name="out", shape=(1, 1, n), cell=cell, receptors=(Receptor(name="push", kinetics="pulse"),)),
        ),
        projections=(Projection(source="in", target="out", receptor="push", short_term=short, **given_),),
    )


def delivered(short: ShortTerm, gaps: list[int], name: str = "reference", dt_ms: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of the weight that each spike delivers, a number of steps after the one before, and the u and x that it found."""
    frame = math.gcd(*gaps)
    described = network(short, frame_ms=frame * dt_ms, delay_ms=dt_ms)
    chosen = engine(name, target="numpy") if name == "brian" else engine(name)
    simulation, found = chosen.build(described, dt_ms=dt_ms), []
    for gap in gaps:
        raster = np.zeros((gap, 1), bool)
        raster[-1] = True
        simulation.run(n_frames=gap // frame, rasters={"in": raster})
        arrays = simulation.state().arrays
        found.append([float(np.ravel(arrays[key])[0]) for key in ("g/out/push", "utilised/in->out/push", "resources/in->out/push")])
    amounts, u, x = np.array(found).T
    return amounts / W_mV, u, x


def forgotten(short: ShortTerm, step: int) -> int:
    """Spikes of a regular train after which what was before counts less than 1e-14."""
    left = (1.0 - short.utilisation) * math.exp(-step / max(short.recovery_ms, short.facilitation_ms))
    return 5 + math.ceil(33.0 / -math.log(left)) if left else 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in ("reference", "event", "torch_") for kind in KINDS]
    + [pytest.param("brian", kind, marks=pytest.mark.slow) for kind in ("depressing", "both", "empties")],
)
def test_a_regular_train(name: str, kind: str) -> None:
    """Oracle: the closed form of the steady u and x, within 1e-12; the paper's equations for the first two spikes."""
    short, step = KINDS[kind], 25
    amounts, u, x = delivered(short, [step] * forgotten(short, step), name)
    steady_u, steady_x = short.steady(1000.0 / step)
    assert amounts[0] == u[0] == short.utilisation and x[0] == 1.0
    kept = math.exp(-step / short.facilitation_ms) if short.facilitation_ms else 0.0
    second_u = short.utilisation * (1.0 + (1.0 - short.utilisation) * kept)
    second_x = 1.0 - short.utilisation * math.exp(-step / short.recovery_ms)
    assert amounts[1] == pytest.approx(second_u * second_x, rel=1e-12)
    assert u[-1] == pytest.approx(float(steady_u), rel=1e-12)
    assert x[-1] == pytest.approx(float(steady_x), rel=1e-12)
    assert amounts[-1] == pytest.approx(float(steady_u * steady_x), rel=1e-12)


def test_the_step_does_not_matter() -> None:
    """Oracle: the same times at a step ten times smaller; what passes between spikes is a closed form."""
    gaps = (stream(1, "short term").random(200) * 60 + 1).astype(int).tolist()
    coarse, fine = (delivered(KINDS["both"], [g * k for g in gaps], dt_ms=1.0 / k)[0] for k in (1, 10))
    assert np.ptp(coarse) > 0.2
    np.testing.assert_allclose(coarse, fine, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    utilisation=st.floats(1e-6, 1.0),
    recovery_ms=st.floats(1e-3, 1e12),
    facilitation_ms=st.one_of(st.just(0.0), st.floats(1e-3, 1e12)),
    gaps=st.lists(st.sampled_from((1, 2, 3, 7, 30)), min_size=1, max_size=12),
)
@pytest.mark.parametrize("name", ["reference", "event"])
def test_no_spike_delivers_more_than_its_weight(
    name: str, utilisation: float, recovery_ms: float, facilitation_ms: float, gaps: list[int]
) -> None:
    """Property: u, x and the amount stay within [0, 1] to the last digit, whatever the constants and the train."""
    short = ShortTerm(utilisation=utilisation, recovery_ms=recovery_ms, facilitation_ms=facilitation_ms)
    amounts, u, x = delivered(short, gaps, name)
    assert ((u >= 0) & (u <= 1) & (x >= 0) & (x <= 1)).all()
    assert ((amounts >= 0) & (amounts <= 1)).all()
    assert (u >= utilisation).all()


# ---- known effects


def test_a_depressing_synapse_has_a_limiting_frequency() -> None:
    """Oracle: Tsodyks & Markram (1997): far above 1 / (U recovery) a spike delivers as 1 / rate, all spikes together 1 / recovery."""
    short = KINDS["depressing"]
    assert short.limiting_Hz == pytest.approx(2.5)
    amount = {hz: delivered(short, [round(1000 / hz)] * forgotten(short, round(1000 / hz)), "event")[0][-1] for hz in (1, 100, 200)}
    assert amount[200] / amount[100] == pytest.approx(0.5, abs=0.01)
    assert [amount[hz] * hz * 0.8 for hz in (100, 200)] == pytest.approx([1.0, 1.0], abs=0.02)
    assert amount[1] * 1 * 0.8 < 0.35


def test_a_facilitating_synapse_delivers_most_at_a_rate_between() -> None:
    """Oracle: Tsodyks, Pawelzik & Markram (1998): 1 / sqrt(U facilitation recovery) is 15.8 Hz; within a tenth, as it is for small U."""
    short, steps = KINDS["facilitating"], np.arange(20, 200, 2)
    assert short.peak_Hz == pytest.approx(15.811, abs=1e-3) and KINDS["depressing"].peak_Hz == math.inf
    amount = np.array([delivered(short, [int(n)] * forgotten(short, int(n)), "event")[0][-1] for n in steps[::15]])
    closed = np.prod(short.steady(1000.0 / steps), axis=0)
    np.testing.assert_allclose(amount, closed[::15], rtol=1e-12)
    peak_Hz = 1000.0 / steps[closed.argmax()]
    assert peak_Hz == pytest.approx(short.peak_Hz, rel=0.1)
    assert closed.max() > 1.5 * max(closed[0], closed[-1])


def test_a_step_of_the_rate_is_told_and_then_forgotten() -> None:
    """Oracle: the mean over random trains, by its linear recursion: a step from 10 to 50 Hz is told five times as loud, then not at all."""
    short, n, p = ShortTerm(utilisation=0.5, recovery_ms=300.0), 3000, np.repeat([0.01, 0.05], 1500)
    rng = stream(4, "short term")
    described = network(short, n, topology=OneToOne())
    simulation = engine("event").build(described)
    flow, expected, x, decay = np.zeros(3000), np.zeros(3000), 1.0, math.exp(-1.0 / 300.0)
    for s in range(3000):
        simulation.run(n_frames=1, rasters={"in": rng.random((1, n)) < p[s]})
        flow[s] = float(np.asarray(simulation.backend.built.arrays.g).mean()) / W_mV  # type: ignore[attr-defined]
        expected[s] = p[s] * 0.5 * x
        x = 1.0 + (x * (1.0 - 0.5 * p[s]) - 1.0) * decay
    before, first, after = (np.s_[1000:1500], np.s_[1500:1510], np.s_[2500:3000])
    for span in (before, first, after):
        error = math.sqrt(expected[span].mean() / (n * len(expected[span])))
        assert abs(flow[span].mean() - expected[span].mean()) < 4 * error
    assert flow[first].mean() / flow[before].mean() == pytest.approx(4.6, abs=0.4)
    assert flow[after].mean() / flow[before].mean() == pytest.approx(1.47, abs=0.1)


# ---- description, files, states


def test_a_description_survives_a_file_and_older_ones_keep_their_digest() -> None:
    """Oracle: the text; a projection without it is written as before there was any."""
    short = KINDS["both"]
    plain, changed = network(None), network(short)
    assert "short_term" not in plain.to_json()
    assert Network.from_json(plain.to_json()) == plain
    again = Network.from_json(changed.to_json())
    assert again == changed and again.digest == changed.digest != plain.digest
    assert again.projections[0].short_term == short
    assert plain.override("in->out/push.short_term", short) == changed
    edited = changed.override("in->out/push.short_term.utilisation", 0.9)
    assert edited.projections[0].short_term == short.model_copy(update={"utilisation": 0.9})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("utilisation", 0.0, r"utilisation: .*greater than 0; got 0\.0"),
        ("utilisation", 1.01, r"utilisation: .*less than or equal to 1; got 1\.01"),
        ("utilisation", math.nan, "utilisation: "),
        ("recovery_ms", 0.0, r"recovery_ms: .*greater than 0; got 0\.0"),
        ("recovery_ms", math.inf, "recovery_ms: .*finite"),
        ("facilitation_ms", -1.0, r"facilitation_ms: .*greater than or equal to 0; got -1\.0"),
        ("tau_rec", 1.0, r"there is no field 'tau_rec'"),
    ],
)
def test_constants_are_refused_in_words(field: str, value: float, words: str) -> None:
    """Oracle: the sentence, from an edit and from a file."""
    with pytest.raises(DescriptionError, match=words):
        network(KINDS["both"]).override(f"in->out/push.short_term.{field}", value)
    data = KINDS["both"].model_dump() | {field: value}
    with pytest.raises(ValueError, match=words.split(":")[0]):
        ShortTerm(**data)


def test_graded_values_use_no_resources() -> None:
    unit = Population(name="in", shape=(1, 1, 1), cell=RateUnit(tau_mem_ms=5.0, gain_Hz_per_mV=10.0))
    described = network(KINDS["both"])
    with pytest.raises(ValueError, match="short_term is used up by single spikes, and 'in', a rate unit, sends none"):
        Network(populations=(unit, described.populations[1]), projections=described.projections)


@pytest.mark.parametrize("name", ["reference", "event", "torch_"])
def test_resources_belong_to_the_state(name: str, tmp_path: Any) -> None:
    """Oracle: a run that was not cut, to the byte; a clip begins with all of them; a state without them is refused."""
    described = network(KINDS["both"], 5, frame_ms=10.0, delay_ms=4.0)
    rasters = {"in": stream(2, "short term").random((200, 5)) < 0.1}
    whole, cut = (engine(name).build(described) for _ in range(2))
    whole.run(n_frames=20, rasters=rasters)
    cut.run(n_frames=9, rasters={"in": rasters["in"][:90]})
    cut.state().save(tmp_path / "state.npz")
    cut = engine(name).build(described, state=State.load(tmp_path / "state.npz"))
    cut.run(n_frames=11, rasters={"in": rasters["in"][90:]})
    one, two = whole.state().arrays, cut.state().arrays
    assert set(one) == set(two) and all(np.array_equal(one[k], two[k]) for k in one)
    assert (one["resources/in->out/push"] < 1).all() and (one["utilised/in->out/push"] > 0).all()
    whole.restart()
    fresh = whole.state().arrays
    assert (fresh["resources/in->out/push"] == 1).all() and (fresh["utilised/in->out/push"] == 0).all()
    assert (fresh["arrived/in->out/push"] == NEVER).all()
    state = whole.state()
    lacking = State({k: a for k, a in state.arrays.items() if k != "resources/in->out/push"}, state.step, state.seed, state.dt_ms)
    with pytest.raises(StateError, match=r"resources/in->out/push.*does not fit the network"):
        engine(name).build(described, state=lacking)


def test_each_projection_has_resources_of_its_own_and_all_synapses_of_a_cell_share_them() -> None:
    """Oracle: the closed form for each; a dense projection delivers the same share at every target."""
    one = network(KINDS["depressing"], 3, topology=Dense())
    two = one.projections[0].model_copy(update={"short_term": KINDS["facilitating"], "label": "other", "delay_ms": 3.0})
    both = one.model_copy(update={"projections": (*one.projections, two)})
    for name in ("reference", "event", "torch_"):
        simulation, raster = engine(name).build(both), np.zeros((43, 3), bool)
        raster[[0, 40], 1] = True
        seen = []
        for s in range(43):
            simulation.run(n_frames=1, rasters={"in": raster[s : s + 1]})
            seen.append(np.asarray(simulation.state().arrays["g/out/push"], dtype=np.float64) / W_mV)
        second = 0.04 * (1 + 0.96 * math.exp(-0.04)) * (1 - 0.04 * math.exp(-0.4))
        expected = {0: 0.5, 2: 0.04, 40: 0.5 * (1 - 0.5 * math.exp(-0.05)), 42: second}
        for s in range(43):
            np.testing.assert_allclose(seen[s], expected.get(s, 0.0), rtol=1e-12, atol=1e-15)


# ---- gradients


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_resources(kind: str) -> None:
    """Oracle: finite differences over ten steps, with values between 0 and 1 sent; and spikes give what they give without a gradient."""
    law = release_law(KINDS[kind], 5.0)

    def chain(sent: torch.Tensor) -> torch.Tensor:
        left, found = all_left(2, 3, torch.float64, sent.device), []
        for n in range(10):
            amounts, left = use(law, sent[n], left, 7 + n)
            found.append(amounts)
        return torch.stack(found)

    drawn = stream(3, "short term").random((10, 2, 3))
    assert torch.autograd.gradcheck(chain, (torch.tensor(drawn, requires_grad=True),))
    spikes = torch.tensor((drawn < 0.5).astype(np.float64))
    plain, with_gradient = chain(spikes), chain(spikes.clone().requires_grad_())
    torch.testing.assert_close(plain, with_gradient.detach(), rtol=1e-12, atol=1e-15)
    assert plain.max() == KINDS[kind].utilisation or KINDS[kind].facilitation_ms


def test_detached_resources_end_the_graph() -> None:
    sent = torch.full((1, 2), 0.5, dtype=torch.float64, requires_grad=True)
    _, left = use(release_law(KINDS["both"], 1.0), sent, all_left(1, 2, torch.float64, sent.device), 0)
    assert left.x.requires_grad and isinstance(left.detached(), Left)
    assert not any(t.requires_grad for t in left.detached())
