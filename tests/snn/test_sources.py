"""Sources that spike by chance: their statistics, alike on every engine, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from snn.cells import LIF, SpikeSource
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.engines import engine
from snn.engines.layout import Layout
from snn.errors import DescriptionError, EngineError, StateError
from snn.recording import Record, Spikes
from snn.state import initial_state
from snn.synapses import Receptor
from snn.topology import OneToOne
from snn.weights import Constant

ENGINES = ("reference", "event", "torch_", "brian")
RATE_HZ, FRAME_MS = 40.0, 50.0
SHAPE = (5, 5, 2)
NOISY = Network(
    name="noisy",
    frame_ms=FRAME_MS,
    populations=(
        Population(name="noise", shape=SHAPE, cell=SpikeSource(rate_Hz=RATE_HZ)),
        Population(
            name="out",
            shape=SHAPE,
            cell=LIF(tau_mem_ms=10.0, v_threshold_mV=2.0, threshold_jitter_mV=0.2),
            receptors=(Receptor(name="fast", tau_ms=5.0),),
        ),
    ),
    projections=(
        Projection(source="noise", target="out", receptor="fast", topology=OneToOne(), weights=Constant(value_mV=8.0), delay_ms=1.0),
    ),
)


def spikes_of(name: str, n_frames: int, seed: int = 0) -> dict[str, Spikes]:
    return dict(engine(name).build(NOISY, seed=seed).run(n_frames=n_frames, record=Record(spikes=True)).spikes)


def test_spikes_by_chance_are_a_poisson_process() -> None:
    """Oracle: mean and variance of counts of a binomial, intervals of a geometric distribution; cells are independent."""
    n_frames, n_cells = 400, int(np.prod(SHAPE))
    noise = spikes_of("event", n_frames)["noise"]
    counts = np.bincount(noise.cells, minlength=n_cells)
    p, steps = RATE_HZ / 1000.0, n_frames * FRAME_MS
    error = np.sqrt(steps * p * (1 - p) / n_cells)
    assert abs(counts.mean() - steps * p) < 4 * error
    assert np.var(counts) == pytest.approx(steps * p * (1 - p), rel=0.7)
    intervals = np.concatenate([np.diff(noise.steps[noise.cells == cell]) for cell in range(n_cells)])
    assert intervals.mean() == pytest.approx(1 / p, rel=0.02)
    assert np.mean(intervals == 1) == pytest.approx(p, rel=0.1)
    raster = np.zeros((int(steps), n_cells))
    raster[noise.steps, noise.cells] = 1.0
    between = np.corrcoef(raster.T)[np.triu_indices(n_cells, 1)]
    assert np.abs(between).max() < 5 / np.sqrt(steps)


@pytest.mark.parametrize("name", ENGINES[1:])
def test_every_engine_draws_the_same_spikes(name: str) -> None:
    for population, spikes in spikes_of("reference", 6, seed=3).items():
        other = spikes_of(name, 6, seed=3)[population]
        assert len(spikes.steps) > 10
        assert np.array_equal(spikes.steps, other.steps) and np.array_equal(spikes.cells, other.cells)


def test_frames_and_seeds_differ_and_a_run_goes_on_as_if_it_had_not_stopped() -> None:
    """Oracle: the run in one piece."""
    whole = engine("event").build(NOISY, seed=1).run(n_frames=6)
    first = engine("event").build(NOISY, seed=1)
    first.run(n_frames=4)
    rest = engine("event").build(NOISY, state=first.state()).run(n_frames=2)
    counts = whole.counts["noise"]
    assert np.array_equal(rest.counts["noise"], counts[4:]) and np.array_equal(rest.counts["out"], whole.counts["out"][4:])
    assert len({frame.tobytes() for frame in counts}) == 6
    assert not np.array_equal(counts, engine("event").build(NOISY, seed=2).run(n_frames=6).counts["noise"])


def test_what_has_a_rate_takes_neither_a_raster_nor_a_channel() -> None:
    given = {"noise": np.zeros((50, 50), dtype=bool)}
    with pytest.raises(StateError, match="is not a spike source that takes a raster; got 'source with spikes by chance'"):
        engine("event").build(NOISY).run(n_frames=1, rasters=given)
    with pytest.raises(ValueError, match="a SpikeSource has either rate_Hz or a channel; got 'poisson' too"):
        Population(name="eye", shape=(4, 4, 2), cell=SpikeSource(rate_Hz=1.0), drive="poisson")
    with pytest.raises(ValueError, match="rate_Hz"):
        SpikeSource(rate_Hz=0.0)


def test_what_would_spike_in_every_step_is_refused() -> None:
    """At 25 ms a step 40 Hz are a clock; at 10 ms they are chance still."""
    with pytest.raises(DescriptionError, match=r"noise.cell.rate_Hz: is a spike in every step of 25.0 ms, which leaves nothing to chance"):
        Layout(NOISY.override("noise->out/fast.delay_ms", 25.0), 25.0)
    Layout(NOISY.override("noise->out/fast.delay_ms", 10.0), 10.0)


def test_a_batch_of_clips_has_no_chance() -> None:
    from snn.engines.torch_network import TorchNetwork

    network = NOISY.model_copy(update={"encoder": Retina()})
    module = TorchNetwork(Layout(network, 1.0), initial_state(network, dt_ms=1.0, seed=0))
    with pytest.raises(EngineError, match="noise: spikes by chance, which a batch of clips cannot; got 'rate_Hz'"):
        module.encode(np.zeros((1, 1, 5, 5)))


def test_a_source_without_a_rate_is_written_as_before() -> None:
    """Descriptions that were made before there were rates keep their digest."""
    assert SpikeSource().model_dump() == {"kind": "source"} and SpikeSource(rate_Hz=2.0).model_dump() == {"kind": "source", "rate_Hz": 2.0}
