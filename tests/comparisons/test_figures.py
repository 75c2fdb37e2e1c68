"""Figures: that they are all there and not blank, and that what they show is what was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from comparisons.figure_curve import draw_curve, running_ratio
from comparisons.figure_frames import ANIMATION_BYTES, draw_animation, draw_strip, error_spikes, limit
from comparisons.figure_pixel import draw_pixel, liveliest_pixel, trace
from comparisons.figure_raster import MOST_CELLS, draw_raster, sampled_cells
from comparisons.figure_style import luminance_range, shown_frames
from comparisons.figure_weights import fan_in, feature_names, forecast_routes
from comparisons.figures import draw_run, save_recording
from plasticity import ErrorGated
from plasticity.training import Curve, Progress
from snn.engines import engine
from snn.engines.driver import Simulation
from snn.prednet import PredNetSpec, prednet, rate_network
from snn.recording import Record, Recording
from snn.stimuli.movie import Movie
from snn.topology import Grid, LocalField, SharedKernel, edges, weight_shape

PICTURES = ("learning_curve.png", "strip.png", "raster.png", "pixel.png", "weights.png")
N_FRAMES = 7
NOISE = Movie(np.random.default_rng(0).random((N_FRAMES, 8, 8)), name="noise")
CURVE = Curve([Progress(i + 1, 200, 1.0 / (i + 1), 0.5, 4) for i in range(150)])


def tiny(cells: str = "spiking", levels: int = 1, field: int = 3) -> Simulation:
    """An untrained circuit of 8 x 8 pixels with weights."""
    spec = PredNetSpec(rows=8, cols=8, levels=levels, field=field, initial_forecast_mV=0.5)
    network = prednet(spec, ErrorGated(eta=1.0, quantum_mV=spec.error_quantum_mV))
    return engine("reference").build(rate_network(network) if cells == "rate" else network, dt_ms=1.0, seed=1)


@pytest.fixture(scope="module")
def spiking() -> tuple[Simulation, Recording]:
    """A recording of the circuit on noise."""
    simulation = tiny()
    return simulation, simulation.run(NOISE, record=Record(spikes=True))


@pytest.fixture(scope="module", params=[("spiking", 1, 3, N_FRAMES), ("spiking", 2, 3, 5), ("rate", 1, 5, 5)], ids=str)
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder with figures, and the number of frames that were shown."""
    cells, levels, field, n_frames = request.param
    folder = tmp_path_factory.mktemp("run")
    draw_run(folder, tiny(cells, levels, field), NOISE.part(0, n_frames), CURVE)
    return folder, n_frames


def test_all_files_are_there_and_no_other(drawn: tuple[Path, int]) -> None:
    folder, _ = drawn
    assert sorted(p.name for p in folder.iterdir()) == ["figures", "recording.npz"]
    assert sorted(p.name for p in (folder / "figures").iterdir()) == sorted([*PICTURES, "animation.gif"])


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_large_and_not_blank(drawn: tuple[Path, int], name: str) -> None:
    with Image.open(drawn[0] / "figures" / name) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert 500 < pixels.shape[0] < 3000
    assert 700 < pixels.shape[1] < 2000
    assert pixels.std(axis=(0, 1)).min() > 10
    inked = (pixels < 200).any(axis=2)
    assert inked[:, : inked.shape[1] // 2].any()
    assert inked[:, inked.shape[1] // 2 :].any()
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edge == 255).all(), "something is cut off at the edge"


def test_animation_has_every_frame_at_its_time(drawn: tuple[Path, int]) -> None:
    path = drawn[0] / "figures" / "animation.gif"
    assert path.stat().st_size < ANIMATION_BYTES
    with Image.open(path) as animation:
        assert animation.n_frames == drawn[1]
        for t in range(drawn[1]):
            animation.seek(t)
            assert animation.info["duration"] == NOISE.frame_ms
            assert np.asarray(animation.convert("L"), dtype=float).std() > 10


@pytest.mark.parametrize("movie", [Movie(np.full((6, 8, 8), 0.3), name="still"), NOISE.part(0, 1)], ids=["still", "one frame"])
def test_odd_clips_can_be_drawn(tmp_path: Path, movie: Movie) -> None:
    simulation = tiny()
    recording = simulation.run(movie, record=Record(spikes=True))
    draw_strip(tmp_path / "strip.png", recording, movie)
    draw_raster(tmp_path / "raster.png", simulation.network, recording, movie)
    draw_pixel(tmp_path / "pixel.png", simulation.network, recording, movie)
    draw_animation(tmp_path / "animation.gif", recording, movie)
    with Image.open(tmp_path / "animation.gif") as animation:
        assert getattr(animation, "n_frames", 1) == movie.n_frames


def test_an_empty_curve_can_be_drawn(tmp_path: Path) -> None:
    draw_curve(tmp_path / "curve.png", Curve())
    assert (tmp_path / "curve.png").is_file()


def test_drawing_starts_anew_and_changes_no_weight(tmp_path: Path, spiking: tuple[Simulation, Recording]) -> None:
    simulation = tiny()
    before = simulation.state()
    simulation.run(NOISE.part(2, 5))
    draw_run(tmp_path, simulation, NOISE, CURVE)
    after = simulation.state()
    for j in simulation.network.projections:
        assert np.array_equal(before.weights(j.name), after.weights(j.name))
    with np.load(tmp_path / "recording.npz") as file:
        for name, spikes in spiking[1].spikes.items():
            assert np.array_equal(file[f"spikes/{name}/steps"], spikes.steps)
            assert np.array_equal(file[f"spikes/{name}/cells"], spikes.cells)


def test_recording_keeps_every_spike_and_readout(tmp_path: Path, spiking: tuple[Simulation, Recording]) -> None:
    simulation, recording = spiking
    save_recording(tmp_path / "recording.npz", simulation.network, recording, NOISE)
    with np.load(tmp_path / "recording.npz", allow_pickle=False) as file:
        for name, counts in recording.counts.items():
            assert len(file[f"spikes/{name}/steps"]) == len(file[f"spikes/{name}/cells"]) == counts.sum()
            frame = file[f"spikes/{name}/steps"] // file["frame_steps"]
            again = np.zeros((N_FRAMES, counts[0].size))
            np.add.at(again, (frame, file[f"spikes/{name}/cells"]), 1)
            assert np.array_equal(again, counts.reshape(N_FRAMES, -1))
        for name, values in recording.readouts.items():
            assert np.array_equal(file[f"readouts/{name}"], values)
        assert np.array_equal(file["frames"], NOISE.frames)
        assert file["dt_ms"] == recording.dt_ms


def test_recording_of_rate_units_keeps_counts(tmp_path: Path) -> None:
    simulation = tiny("rate")
    recording = simulation.run(NOISE, record=Record(spikes=True))
    save_recording(tmp_path / "recording.npz", simulation.network, recording, NOISE)
    with np.load(tmp_path / "recording.npz", allow_pickle=False) as file:
        assert not [name for name in file.files if name.startswith("spikes/")]
        assert np.array_equal(file["counts/level0.error_pos"], recording.counts["level0.error_pos"])


@pytest.mark.parametrize("name", ["level0.estimate", "level0.forecast"])
def test_trace_of_a_pixel_has_the_readout_as_mean_over_late_steps(spiking: tuple[Simulation, Recording], name: str) -> None:
    simulation, recording = spiking
    values = trace(simulation.network, recording, name, (3, 5)).reshape(N_FRAMES, -1)
    late = values[:, recording.frame_steps // 2 :].mean(axis=1)
    assert np.ptp(late) > 0
    assert np.allclose(late, recording.readouts[name][:, 3, 5, 0])


TOPOLOGIES = [
    (LocalField(size=3), Grid(6, 7, 2), Grid(6, 7, 3)),
    (LocalField(size=5), Grid(6, 7, 2), Grid(6, 7, 2)),
    (LocalField(size=4), Grid(4, 3, 2), Grid(8, 6, 2)),
    (LocalField(size=1), Grid(8, 6, 2), Grid(4, 3, 1)),
    (LocalField(size=3), Grid(8, 6, 1), Grid(4, 3, 2)),
    (SharedKernel(size=3), Grid(6, 6, 2), Grid(6, 6, 2)),
    (SharedKernel(size=3), Grid(8, 8, 2), Grid(4, 4, 2)),
    (LocalField(size=3, pre_features=(1, 3), post_features=(1, 2)), Grid(5, 5, 3), Grid(5, 5, 2)),
]


@pytest.mark.parametrize(("topology", "pre", "post"), TOPOLOGIES)
def test_fan_in_is_that_of_the_list_of_edges(topology: LocalField | SharedKernel, pre: Grid, post: Grid) -> None:
    weights = np.random.default_rng(0).random(weight_shape(topology, pre, post)) + 0.1
    found = edges(topology, pre, post)
    first, stop = topology.pre_features or (0, pre.features)
    channels = range(*(topology.post_features or (0, post.features)))
    for row, col, channel in np.ndindex(post.rows, post.cols, post.features):
        if channel not in channels:
            continue
        field, (top, left) = fan_in(weights, topology, pre, post, (row, col, channel))
        wanted = np.zeros((pre.rows, pre.cols, pre.features))
        mine = found.post == (row * post.cols + col) * post.features + channel
        wanted.ravel()[found.pre[mine]] = weights.ravel()[found.weight[mine]]
        shown = np.zeros_like(wanted)
        shown[top : top + field.shape[1], left : left + field.shape[2], first:stop] = np.moveaxis(field, 0, -1)
        assert np.array_equal(shown, wanted)


def test_routes_and_features_of_the_circuit() -> None:
    network = tiny(levels=2).network
    routes = {(j.source, excites) for j, excites in forecast_routes(network)}
    sources = ("level0.representation", "level1.representation")
    assert routes == {(s, True) for s in sources} | {(f"{s}_inh", False) for s in sources}
    assert feature_names(network) == ["contrast\non", "contrast\noff", "transient\non", "transient\noff"]


def test_error_spikes_are_those_of_the_two_populations(spiking: tuple[Simulation, Recording]) -> None:
    recording = spiking[1]
    found = error_spikes(recording)
    assert found.shape == NOISE.frames.shape
    assert found.sum() == len(recording.spikes["level0.error_pos"].steps) - len(recording.spikes["level0.error_neg"].steps)


def test_liveliest_pixel_is_inside() -> None:
    frames = np.zeros((4, 8, 9))
    frames[::2, 0, 0] = 1.0
    frames[::2, 5, 3] = 0.5
    assert liveliest_pixel(frames) == (5, 3)
    assert liveliest_pixel(frames[:, :1, :1]) == (0, 0)


def test_running_ratio_pools_errors_and_skips_what_is_not_scored() -> None:
    curve = Curve([Progress(1, 9, 1.0, 2.0, 1), Progress(2, 9, float("nan"), float("nan"), 0), Progress(3, 9, 4.0, 1.0, 3)])
    stretch, ratio = running_ratio(curve, 2)
    assert stretch.tolist() == [2.0]
    assert ratio.tolist() == pytest.approx([(1.0 + 12.0) / (2.0 + 3.0)])
    assert len(running_ratio(Curve(), 1)[0]) == 0


def test_a_raster_shows_as_many_cells_of_each_channel() -> None:
    for p in tiny(levels=2).network.populations:
        cells = sampled_cells(p)
        assert len(set(cells.tolist())) == len(cells) <= MOST_CELLS
        channels, counts = np.unique(cells % p.grid.channels, return_counts=True)
        assert len(channels) == p.grid.channels
        assert len(set(counts.tolist())) == 1
        assert 0 <= cells.min() <= cells.max() < p.n


def test_scales_and_frames() -> None:
    assert luminance_range(np.array([0.12, 0.61])) == pytest.approx((0.1, 0.7))
    assert luminance_range(np.array([1.0, 1.0])) == pytest.approx((0.9, 1.0))
    assert limit(np.array([-0.12, 0.02]), 0.05) == pytest.approx(0.15)
    assert limit(np.zeros(3), 0.05) == 0.05
    assert shown_frames(24, 8) == range(3, 11)
    assert shown_frames(6, 8) == range(3, 6)
    assert shown_frames(1, 8) == range(0, 1)
