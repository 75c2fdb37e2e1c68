"""The torch engine where no other engine can speak for it: batches, gradients, projection, delivery.

That single clips run as on the reference engine is checked in ``tests/contracts``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snn.cells import LIF, RateUnit, SpikeSource
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.layout import Layout
from snn.engines.torch_delivery import Route
from snn.engines.torch_network import TorchNetwork
from snn.errors import EngineError, StateError
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.state import initial_state
from snn.synapses import Receptor
from snn.testing import SINGLE, cases, check_single, random_walk
from snn.topology import Dense, Grid, LocalField, OneToOne, SharedKernel, Topology, edges, weight_shape
from snn.weights import Normal, Uniform

SPIKING = prednet(PredNetSpec(rows=8, cols=8, initial_forecast_mV=0.05))
CIRCUITS = {"spikes": SPIKING, "rates": rate_network(SPIKING)}
CASES = {case.name: case for case in cases()}
Told = dict[str, Tensor]


def built(network: Network, *, dtype: torch.dtype = torch.float64, seed: int = 5, **more: Any) -> TorchNetwork:
    return TorchNetwork(Layout(network, 1.0), initial_state(network, dt_ms=1.0, seed=seed), dtype=dtype, **more)


# ---- batches


@pytest.mark.parametrize("kind", CIRCUITS)
def test_a_batch_is_its_clips_one_by_one(kind: str) -> None:
    """Oracle: the reference engine on each clip: spikes exactly, graded values and readouts to round-off."""
    network, movies = CIRCUITS[kind], [random_walk(4, 8, 8, seed=seed) for seed in (1, 2, 3)]
    forecast_paths = [j for j in network.projections if j.target == "level0.prediction" and "representation" in j.source]
    born = initial_state(network, dt_ms=1.0, seed=5)
    assert forecast_paths and all((born.weights(j.name) > 0).any() for j in forecast_paths)
    module = built(network)
    currents = module.encode(np.array([m.frames for m in movies]))
    motion, frames, totals = module.at_rest(3), [], []
    with torch.no_grad():
        prepared = module.prepared()
        for t in range(4):
            totals.append(motion.total)
            motion, sums = module.frame(motion, {name: x[:, t] for name, x in currents.items()}, {}, prepared)
            frames.append(sums)
    for i, movie in enumerate(movies):
        found = engine("reference").build(network, seed=5).run(movie)
        for p in network.populations:
            counts = np.array([sums.counts[p.name][i].numpy() for sums in frames]).reshape(found.counts[p.name].shape)
            if p.graded:
                np.testing.assert_allclose(counts, found.counts[p.name], rtol=0, atol=1e-9, err_msg=p.name)
            else:
                assert np.array_equal(counts, found.counts[p.name]), p.name
            assert motion.total[p.name][i].numpy() == pytest.approx(found.counts[p.name].sum(axis=0).ravel(), abs=1e-9)
        for r in network.readouts:
            p = network.population(r.population)
            told = np.array([(a[p.name] + b.late[p.name])[i].numpy() for a, b in zip(totals, frames, strict=True)])
            told = told.reshape(4, *p.shape[:2], 2, -1, p.copies).mean(axis=-1)
            np.testing.assert_allclose(r.offset + r.step * (told[..., 0, :] - told[..., 1, :]), found.readouts[r.name], atol=1e-9)


def test_frame_sums_are_sums_of_steps() -> None:
    """Oracle: the steps of the frame, and for each the share of the second half that comes after it."""
    module, movie = built(SPIKING), random_walk(1, 8, 8)
    currents = {name: x[:, 0] for name, x in module.encode(movie.frames[None]).items()}
    with torch.no_grad():
        _, sums = module.frame(module.at_rest(1), currents, {}, module.prepared(), keep_steps=True)
        _, bare = module.frame(module.at_rest(1), currents, {}, module.prepared())
    assert bare.sent == [] and len(sums.sent) == 50
    for p in SPIKING.populations:
        sent = np.array([step[p.name][0].numpy() for step in sums.sent])
        after = np.array([sum(u >= s for u in range(25, 50)) / 25 for s in range(50)])
        np.testing.assert_array_equal(sums.counts[p.name][0].numpy(), sent.sum(axis=0))
        np.testing.assert_allclose(sums.late[p.name][0].numpy(), after @ sent, atol=1e-12)
    assert sum(float(x.sum()) for x in sums.counts.values()) > 100


def test_what_a_retina_sends() -> None:
    """Oracle: the encoder, cell by cell; nothing was shown before a clip."""
    cell = LIF(tau_mem_ms=5.0, v_threshold_mV=1.0)
    network = Network(
        populations=(
            Population(name="change", shape=(3, 4, 2), cell=cell, drive="change", copies=2),
            Population(name="transient", shape=(3, 4, 2), cell=cell, drive="transient"),
            Population(name="other", shape=(3, 4, 2), cell=cell),
        ),
        encoder=Retina(),
    )
    clips = np.array([random_walk(4, 3, 4, seed=seed).frames for seed in (1, 2)])
    found = built(network).encode(clips)
    assert set(found) == {"change", "transient"}
    for i, clip in enumerate(clips):
        for name, copies in (("change", 2), ("transient", 1)):
            values = Retina().encode(clip, None, name)
            for t, cells in enumerate(found[name][i].numpy()):
                assert cells.tolist() == [x for x in values[t].ravel() for _ in range(copies)]


# ---- delivery

PAIRS = ((0, 1), (2, 1), (0, 0), (1, 0))
ROUTES: dict[str, tuple[Topology, Grid, Grid]] = {
    "local": (LocalField(size=3), Grid(4, 5, 2), Grid(4, 5, 3)),
    "local, as wide as the grid": (LocalField(size=5), Grid(5, 5, 1), Grid(5, 5, 2)),
    "local, one site": (LocalField(size=1), Grid(3, 4, 2, 2), Grid(3, 4, 1, 3)),
    "local, slices": (LocalField(size=3, pre_features=(1, 3), post_features=(1, 2)), Grid(3, 4, 4, 2), Grid(3, 4, 3, 2)),
    "local, finer": (LocalField(size=4), Grid(2, 3, 2), Grid(4, 6, 1)),
    "local, finer by three": (LocalField(size=5), Grid(2, 2, 1), Grid(6, 6, 2)),
    "local, coarser": (LocalField(size=3), Grid(6, 8, 2), Grid(3, 4, 1)),
    "local, coarser in columns only": (LocalField(size=1, post_features=(0, 1)), Grid(3, 8, 1), Grid(3, 4, 2)),
    "local, finer rows and coarser columns": (LocalField(size=3, post_features=(0, 1)), Grid(2, 8, 1), Grid(6, 4, 2)),
    "shared, finer rows and coarser columns": (SharedKernel(size=3), Grid(2, 8, 1), Grid(6, 4, 2)),
    "shared": (SharedKernel(size=3), Grid(4, 5, 2, 2), Grid(4, 5, 3)),
    "shared, slices": (SharedKernel(size=3, pre_features=(0, 2), post_features=(1, 3)), Grid(3, 4, 3), Grid(3, 4, 3, 2)),
    "shared, finer": (SharedKernel(size=2), Grid(2, 3, 2), Grid(4, 6, 1)),
    "shared, phases": (SharedKernel(size=3), Grid(6, 8, 2), Grid(3, 4, 2)),
    "shared, other phases": (SharedKernel(size=1, pre_features=(1, 2)), Grid(9, 4, 2), Grid(3, 4, 1, 2)),
    "one to one": (OneToOne(), Grid(3, 4, 2), Grid(3, 4, 2)),
    "one to one, copies": (OneToOne(), Grid(2, 3, 2, 3), Grid(2, 3, 2, 2)),
    "one to one, swapped": (OneToOne(pairs=((0, 1), (1, 0))), Grid(2, 3, 2), Grid(2, 3, 2)),
    "one to one, pairs": (OneToOne(pairs=PAIRS), Grid(2, 3, 3), Grid(2, 3, 2)),
    "one to one, pairs and copies": (OneToOne(pairs=PAIRS), Grid(2, 3, 3, 2), Grid(2, 3, 4)),
    "one to one, some": (OneToOne(pairs=((1, 0),)), Grid(2, 3, 2), Grid(2, 3, 3)),
    "one to one, none": (OneToOne(pairs=()), Grid(2, 3, 2), Grid(2, 3, 2)),
    "dense": (Dense(), Grid(2, 3, 2), Grid(3, 1, 2, 2)),
}


@pytest.mark.parametrize("name", ROUTES)
def test_delivery(name: str) -> None:
    """Oracle: every synapse of the list by itself, for three clips; places without a synapse hold weights that must not count."""
    topology, pre, post = ROUTES[name]
    rng = np.random.default_rng(0)
    weights, sent = rng.normal(size=weight_shape(topology, pre, post)), rng.normal(size=(3, pre.n))
    listed, expected = edges(topology, pre, post), np.zeros((3, post.n))
    for a, b, w in zip(listed.pre, listed.post, listed.weight, strict=True):
        expected[:, b] += weights.ravel()[w] * sent[:, a]
    route = Route(topology, pre, post, torch.device("cpu"))
    found = route.deliver(torch.from_numpy(sent), route.prepare(torch.from_numpy(weights)))
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)
    assert name.endswith("none") or np.abs(expected).max() > 0.1


# ---- learning


def bounded() -> Network:
    """An excitatory, an inhibitory and a mixed source; bounds on some of the weights, one projection twice."""
    cell, fast = LIF(tau_mem_ms=5.0, v_threshold_mV=2.0, threshold_jitter_mV=0.5), (Receptor(name="fast", tau_ms=3.0),)
    even, signed = Uniform(low_mV=0.2, high_mV=0.9), Normal(scale_mV=0.5)

    def joined(source: str, label: str, w_max_mV: float | None, weights: Any = even) -> Projection:
        return Projection(
            source=source, target="out", receptor="fast", topology=Dense(), weights=weights, label=label, w_max_mV=w_max_mV, delay_ms=1.0
        )

    return Network(
        populations=(
            Population(name="in", shape=(2, 2, 2), cell=SpikeSource()),
            Population(name="off", shape=(2, 2, 2), cell=SpikeSource(), sign="inhibitory"),
            Population(name="free", shape=(2, 2, 2), cell=SpikeSource(), sign="mixed"),
            Population(name="out", shape=(2, 2, 2), cell=cell, receptors=fast),
            Population(name="rate", shape=(2, 2, 2), cell=RateUnit(tau_mem_ms=4.0, gain_Hz_per_mV=10.0), receptors=fast),
        ),
        projections=(
            joined("in", "a", 0.5),
            joined("in", "b", None),
            joined("off", "c", 0.4),
            joined("free", "d", 0.3, signed),
            joined("in", "rests", 0.5),
        ),
    )


def test_projection_keeps_the_law_of_dale() -> None:
    """Oracle: each weight clipped by hand to 0 and its bound; mixed sources, and what does not learn, are left alone."""
    module = built(bounded())
    names = [j.name for j in module.network.projections]
    module.learn(names[:4], ["out", "rate"], ["out"])
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p += torch.randn(p.shape, generator=generator, dtype=p.dtype)
        module.thresholds[0][:4] = -torch.arange(4.0)
        module.thresholds[1][:4] = -1.0
        for tau in module.tau_mem_ms:
            tau.fill_(-3.0)
    before = [w.detach().clone() for w in module.weights]
    thresholds = [x.detach().clone() for x in module.thresholds]
    module.project_()
    for w, old, bound in zip(module.weights, before, (0.5, np.inf, 0.4, None, None), strict=True):
        assert bool((old < 0).any()) and bool((old > 0.5).any())
        expected = old if bound is None else torch.from_numpy(np.clip(old.numpy(), 0.0, bound))
        assert torch.equal(w.detach(), expected)
    assert torch.equal(module.thresholds[0].detach(), torch.from_numpy(np.maximum(thresholds[0].numpy(), 1e-3 * 2.0)))
    assert torch.equal(module.thresholds[1].detach(), thresholds[1])
    assert [float(tau.detach()) for tau in module.tau_mem_ms] == [0.1, -3.0]


def test_what_learns_is_what_was_chosen() -> None:
    """Oracle: the names; without any, the projections that have a rule, each choice in place of the one before."""
    module = built(CASES["pairing"].network)
    assert not any(p.requires_grad for p in module.parameters())

    def chosen() -> tuple[list[bool], ...]:
        return tuple([p.requires_grad for p in group] for group in (module.weights, module.thresholds, module.tau_mem_ms))

    ruled = [j.rule is not None for j in module.network.projections]
    assert any(ruled)
    module.learn()
    assert chosen() == (ruled, [False], [False])
    module.learn(["off->out/fast"], ["out"])
    assert chosen() == ([j.name == "off->out/fast" for j in module.network.projections], [True], [False])
    module.learn([], time_constants=["out"])
    assert chosen() == ([False] * len(ruled), [False], [True])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"weights": ["of->out/fast"]}, r"torch.learn: there is nothing called 'of->out/fast' to learn; did you mean 'off->out/fast'\?"),
        ({"thresholds": ["oot"]}, r"nothing called 'oot' to learn; did you mean 'out'\?"),
        ({"time_constants": ["in"]}, r"nothing called 'in' to learn; known: out"),
    ],
)
def test_an_unknown_name_is_refused(wrong: dict[str, Any], words: str) -> None:
    """Oracle: the sentence with the nearest name; a source has no membrane."""
    with pytest.raises(StateError, match=words):
        built(CASES["pairing"].network).learn(**wrong)


# ---- precision and device


def test_single_precision() -> None:
    """Oracle: the reference engine in float64, open loop, by the tolerance SINGLE."""
    assert check_single(engine("torch_", precision="float32"), n_frames=20) >= SINGLE.same_step


def test_a_batch_in_single_precision() -> None:
    """Oracle: the same batch in float64; single precision is what a network is trained in when nothing is said."""
    clips = np.array([random_walk(2, 8, 8, seed=seed).frames for seed in (1, 2)])
    told = []
    for more in ({}, {"dtype": torch.float64}):
        network = CIRCUITS["rates"]
        module = TorchNetwork(Layout(network, 1.0), initial_state(network, dt_ms=1.0, seed=5), **more)
        motion, currents = module.at_rest(2), module.encode(clips)
        with torch.no_grad():
            for t in range(2):
                motion, sums = module.frame(motion, {name: x[:, t] for name, x in currents.items()}, {}, module.prepared())
        told.append(sums.counts)
        assert {array.dtype for array in module.dump().values()} == {np.dtype(np.float64)}
    for name, counts in told[0].items():
        assert counts.dtype == torch.float32 and told[1][name].dtype == torch.float64
        np.testing.assert_allclose(counts.numpy(), told[1][name].numpy(), rtol=1e-3, atol=1e-2, err_msg=name)
    assert not np.array_equal(told[0]["level0.prediction"].numpy(), told[1]["level0.prediction"].numpy())


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the sentence."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for device in ("cuda", "cuda:1"):
        with pytest.raises(EngineError, match=rf"engine.device: this machine has no CUDA device .*got '{device}'; allowed: cpu"):
            engine("torch_", device=device)
    with pytest.raises(EngineError, match=r"engine.device"):
        engine("torch_", device="nowhere")


@pytest.mark.parametrize("precision", ["float46", "half", ""])
def test_an_unknown_precision_is_refused(precision: str) -> None:
    """Oracle: the sentence, with what there is."""
    with pytest.raises(EngineError, match=rf"engine.precision: there is no precision '{precision}'; .*float64"):
        engine("torch_", precision=precision)


def test_random_drive_is_refused_in_a_batch() -> None:
    """Oracle: the sentence; such a source would otherwise be silent."""
    eye = Population(name="eye", shape=(4, 4, 2), cell=SpikeSource(), drive="poisson")
    network = Network(name="random", frame_ms=50.0, populations=(eye,), encoder=Retina())
    module = TorchNetwork(Layout(network, 1.0), initial_state(network, dt_ms=1.0, seed=0))
    with pytest.raises(EngineError, match=r"eye: spikes by chance, which a batch of clips cannot; got 'poisson'"):
        module.encode(np.zeros((1, 2, 4, 4)))
