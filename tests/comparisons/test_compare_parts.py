"""Models side by side: subjects whose fields, tuning and likeness are known in closed form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import convolve

from comparisons.compare_page import NUMBERS, plain_tables, side_by_side_section, summary, write_page
from comparisons.comparing import PARTS, Setting, check_parts, compare_parts, remarks, seconds
from comparisons.dynamics import dynamics, dynamics_table
from comparisons.fields import LAGS, Fields, alike_fields, measure_fields, noise_movies
from comparisons.fields import PARTS as KEPT_APART
from comparisons.fields import numbers_of as field_numbers
from comparisons.gratings import BEFORE, DIRECTIONS_DEG, FREQUENCIES_PER_PX, alike_tuning, grating_movies, measure_tuning
from comparisons.gratings import NUMBERS as TUNING_NUMBERS
from comparisons.gratings import numbers_of as tuning_numbers
from comparisons.responder import ROLES, Control, Responder, Response, Site, check_request
from comparisons.responders.null import AdaptationOnly, Idle
from comparisons.rsa_time import GREY_FRAMES, rsa_over_time
from comparisons.run_folder import write_json, write_text
from comparisons.statistics import t_interval
from snn.errors import RunFolderError, SubjectError
from snn.seeding import stream
from snn.stimuli.movie import Movie
from snn.testing import random_walk

PIXEL = np.pad(np.ones((1, 1)), 4)
DOWN, RIGHT = np.mgrid[-4:5, -4:5]
SITE = "level0.representation"


def gaussian(sigma_px: float, down: int = 0) -> np.ndarray:
    return np.exp(-((DOWN - down) ** 2 + RIGHT**2) / (2 * sigma_px**2))


class Linear:
    """Cells that sum the frame ``lag`` frames ago with a kernel for each feature, with noise of their own."""

    def __init__(self, kernels: Sequence[np.ndarray], lag: int = 0, noise: float = 0.0, born: Responder | None = None) -> None:
        self.kernels, self.lag, self.noise, self.born = kernels, lag, noise, born
        self.name, self.frame_ms, self.finest_bin_ms, self.frame_size = "linear", 50.0, 50.0, (16, 16)
        self.sites = (Site(SITE, "representation", 0, (16, 16, len(kernels)), False),)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        x = np.concatenate([np.zeros((self.lag, 16, 16)), movie.frames - 0.5])[: movie.n_frames]
        drive = np.stack([convolve(x, k[None, ::-1, ::-1], mode="constant") for k in self.kernels], axis=-1)
        noise = self.noise * stream(seed, "linear").normal(size=(trials, *drive.shape))
        return Response(50.0, dict.fromkeys(sites, drive + noise), None)

    def control(self, name: Control) -> Responder | None:
        return self.born if name == "untrained" else None


MOVIES = noise_movies((16, 16), 50.0, 60)


def test_noise_is_white() -> None:
    """Oracle: two values about grey, equally often, unrelated between pixels and frames."""
    frames = np.stack([m.frames for m in MOVIES])
    assert np.allclose(np.unique(frames), [0.2, 0.8]) and abs(frames.mean() - 0.5) < 0.005
    signs = np.sign(frames - 0.5)
    for a, b in ((signs[:, 1:], signs[:, :-1]), (signs[..., 1:], signs[..., :-1])):
        assert abs((a * b).mean()) < 0.01


@pytest.mark.parametrize(("sigma_px", "lag", "sign"), [(1.0, 0, 1), (1.3, 2, -1)])
def test_a_gaussian_field_is_found(sigma_px: float, lag: int, sign: int) -> None:
    """Oracle: the field of a linear cell is its kernel over its length; the radius of a Gaussian is its standard deviation."""
    kernel = gaussian(sigma_px)
    found = measure_fields(Linear([sign * kernel], lag), MOVIES)[SITE]
    numbers = field_numbers(found)
    assert numbers["share"] == 1.0 and numbers["lag_frames"] == lag and numbers["on_share"] == (sign > 0)
    assert numbers["radius_px"] == pytest.approx(sigma_px, rel=0.05)
    assert found.parts.mean((0, 1, 2))[lag] == pytest.approx(sign * kernel / np.linalg.norm(kernel), abs=0.02)
    others = [k for k in range(LAGS) if k != lag]
    assert np.abs(found.energy[others]).max() < 0.003


def test_a_cell_of_one_pixel_has_no_extent_and_noise_takes_nothing_from_its_size() -> None:
    """Oracle: 0 px; energy of a cell with noise as large as its signal is half, at the same radius."""
    assert field_numbers(measure_fields(Linear([PIXEL]), MOVIES)[SITE])["radius_px"] == 0.0
    kernel = gaussian(1.0)
    noisy = measure_fields(Linear([kernel], noise=0.3 * float(np.linalg.norm(kernel))), MOVIES)[SITE]
    assert field_numbers(noisy)["radius_px"] == pytest.approx(1.0, rel=0.08)
    assert noisy.energy.sum() == pytest.approx(0.5, abs=0.05)


def test_no_field_where_there_is_none() -> None:
    """Oracle: about one of a hundred cells by chance, and nothing to measure; silent cells have none at all."""
    for kind, most in (("noise", 0.03), ("silent", 0.0), ("constant", 0.0)):
        numbers = field_numbers(measure_fields(Idle((16, 16), 1, kind), MOVIES)["level0.error_pos"])  # type: ignore[arg-type]
        assert numbers["share"] <= most and np.isnan(numbers["radius_px"])


def test_fields_are_compared_cell_by_cell() -> None:
    """Oracle: cosines of the kernels; 1 for the same cells in another order, in spite of noise; -1 for the opposite."""
    a, b, c = gaussian(0.7, -2), gaussian(0.7, 2), gaussian(1.2)
    noise = 0.3 * float(np.linalg.norm(a))
    one = measure_fields(Linear([a, b, c], noise=noise), MOVIES, seed=1)[SITE]
    turned = alike_fields(one, measure_fields(Linear([c, a, b], noise=noise), MOVIES, seed=2)[SITE])
    assert turned["matched"] == pytest.approx(1.0, abs=0.03) and turned["mean_field"] == pytest.approx(1.0, abs=0.03)
    opposite = alike_fields(one, measure_fields(Linear([-a - b - c], noise=noise), MOVIES, seed=2)[SITE])
    assert opposite["mean_field"] == pytest.approx(-1.0, abs=0.03)
    single = [measure_fields(Linear([k], noise=noise), MOVIES, seed=s)[SITE] for s, k in enumerate((a, c))]
    cosine = float((a * c).sum() / np.linalg.norm(a) / np.linalg.norm(c))
    assert alike_fields(*single)["matched"] == pytest.approx(cosine, abs=0.04)
    late = measure_fields(Linear([a], lag=1), MOVIES)[SITE]
    assert abs(alike_fields(single[0], late)["matched"]) < 0.05, "the same field a frame later is another field"
    assert np.isnan(alike_fields(single[0], measure_fields(Idle((16, 16), 1, "silent"), MOVIES)[SITE])["matched"])


def test_noise_that_was_paired_makes_nothing_alike() -> None:
    """Oracle: fields at other lags have nothing in common; noise of eight times their energy looks alike only in what paired it."""
    rng, shape = np.random.default_rng(0), (16, 100, LAGS, 3, 3)

    def many(lags: slice) -> Fields:
        fields = np.zeros((1, *shape))
        fields[:, :, :, lags] = rng.normal(size=fields[:, :, :, lags].shape)
        parts = fields + 2 * rng.normal(size=(KEPT_APART, *shape))
        return Fields(parts, np.zeros((16, 2), dtype=np.int64), np.ones((16, 100), dtype=bool), np.zeros(shape[2:]), 0.0)

    # With the part that paired among those that are compared it is 0.2, of many noises the spread is 0.02.
    assert abs(alike_fields(many(slice(0, 2)), many(slice(2, 4)))["matched"]) < 0.08


def test_gratings_move_a_quarter_of_a_cycle() -> None:
    """Oracle: two frames later the stripes are the opposite; grey before; phases of trials differ."""
    movies = grating_movies((16, 16), 50.0, trials=2)
    assert len(movies) == 2 * len(FREQUENCIES_PER_PX) * len(DIRECTIONS_DEG)
    for m in movies[::7]:
        assert np.all(m.frames[:BEFORE] == 0.5)
        assert m.frames[BEFORE + 2] - 0.5 == pytest.approx(0.5 - m.frames[BEFORE], abs=1e-9)
    assert not np.allclose(movies[0].frames, movies[len(movies) // 2].frames)


def test_tuning_of_subjects() -> None:
    """Oracle: a Gabor prefers its own stripes either way; a pixel, being linear, has no preference; their distributions differ."""
    wave = np.cos(2 * np.pi * 3 / 16 * RIGHT) * gaussian(2.0)
    gabor = measure_tuning(Linear([wave - wave.mean()], noise=0.01))[SITE]
    numbers = tuning_numbers(gabor)
    assert numbers["frequency_per_px"] == pytest.approx(3 / 16, rel=0.05) and numbers["modulated"] == 1.0
    assert numbers["osi"] > 0.9 and abs(numbers["dsi"]) < 0.1 and numbers["oriented"] == 1.0 and numbers["directed"] <= 0.05
    pixel = measure_tuning(Linear([PIXEL], noise=0.002))[SITE]
    assert tuning_numbers(pixel)["osi"] == pytest.approx(0.0, abs=0.05)
    apart = alike_tuning(pixel, gabor)
    assert apart["osi"] == apart["osi_distance"] == pytest.approx(numbers["osi"], abs=0.05)
    assert alike_tuning(gabor, gabor)["osi_distance"] == 0.0


def stills(n: int, n_frames: int) -> list[Movie]:
    pictures = stream(0, "stills").random((n, 1, 16, 16))
    return [Movie(np.repeat(p, n_frames, axis=0), 50.0, f"still {k}") for k, p in enumerate(pictures)]


def test_rsa_over_time() -> None:
    """Oracle: of still pictures a cell that sees them 2 frames late is silent, then exactly like pixels; a turned code is no other."""
    late, noise = Linear([PIXEL], lag=2), Linear([0 * PIXEL], noise=1.0)
    mixed = Linear([PIXEL, -PIXEL], lag=2)
    found = rsa_over_time({"late": [late, late], "mixed": [mixed, mixed], "noise": [noise, noise]}, stills(16, 8))
    assert found.frames[0] == -GREY_FRAMES and found.frames[-1] == 7
    rows = {(r.relation, r.one, r.other): r.numbers["rsa"] for r in found.rows}
    seen = rows["pixels", "late", "pixels"].mean
    assert np.isnan(seen[: GREY_FRAMES + 2]).all() and seen[GREY_FRAMES + 2 :] == pytest.approx(1.0)
    # A cell and its opposite: the mean over cells is 0, so that correlation is the cosine of pictures, not their correlation.
    assert (rows["models", "late", "mixed"].mean[GREY_FRAMES + 2 :] > 0.5).all()
    chance = rows["seeds", "noise", "noise"].mean
    assert np.isfinite(chance).all() and abs(chance.mean()) < 0.1
    assert np.isnan(rows["models", "late", "noise"].mean[0])
    with pytest.raises(SubjectError, match="too few"):
        rsa_over_time({"a": [late], "b": [late]}, stills(4, 8))


def test_dynamics() -> None:
    """Oracle: a subject beside itself is equal in everything; beside one that knows nothing it is not."""
    movies = [Movie(random_walk(12, 8, 8, seed=k).frames, 50.0, f"m{k}") for k in range(4)]
    subject, other = AdaptationOnly((8, 8), noise=0.0), Idle((8, 8), 1, "noise")
    found = dynamics({"a": [subject, subject], "b": [subject, subject], "c": [other, other]}, movies)
    assert list(dict.fromkeys(r.site for r in found.rows)) == [
        "forecast",
        *(f"level0.{role}" for role in ROLES),
    ]
    same = [r for r in found.rows if (r.relation, r.other) == ("models", "b")]
    for row in same:
        numbers = {key: float(value.mean) for key, value in row.numbers.items()}
        assert numbers["correlation"] == pytest.approx(1.0) and numbers["lag_frames"] == 0.0
        assert numbers["cka"] == pytest.approx(1.0) and numbers["rsa"] > 0.99 and numbers["nrmse"] < 0.05
        assert numbers["dimensions"] == pytest.approx(numbers["other_dimensions"])
    unlike = next(r for r in found.rows if (r.relation, r.other, r.site) == ("models", "c", "level0.target"))
    assert unlike.numbers["nrmse"].mean > 0.9 and unlike.numbers["cka"].mean < 0.5
    pixels = next(r for r in found.rows if (r.relation, r.one, r.site) == ("pixels", "a", "forecast"))
    assert pixels.numbers["cka"].mean > 0.9, "its forecast is the last frame"
    assert found.traces["a"]["level0.target"].shape == (2, 4, 12 - 3)
    text = dynamics_table(found.rows, "a", "b")
    assert text.startswith("b beside a") and "level0.error_pos" in text


def test_what_cannot_be_compared_is_said() -> None:
    movies = [random_walk(12, 8, 8, seed=k) for k in range(2)]
    one, small = AdaptationOnly((8, 8)), AdaptationOnly((4, 4))
    with pytest.raises(SubjectError, match="same number of runs"):
        dynamics({"a": [one], "b": [one, one]}, movies)
    with pytest.raises(SubjectError, match="different sizes"):
        dynamics({"a": [one], "b": [small]}, movies)
    with pytest.raises(SubjectError, match="different times"):
        dynamics({"a": [one], "b": [AdaptationOnly((8, 8), frame_ms=20.0)]}, movies)
    with pytest.raises(SubjectError, match="no population in common"):
        dynamics({"a": [AdaptationOnly((16, 16))], "b": [_Other()]}, movies)
    with pytest.raises(SubjectError, match="too short"):
        dynamics({"a": [one], "b": [one]}, [m.part(0, 5) for m in movies])
    with pytest.raises(SubjectError, match=r"no such part.*trajectories, rsa"):
        check_parts(["rsa", "field"])


class _Other(Linear):
    def __init__(self) -> None:
        super().__init__([PIXEL])
        self.sites = (Site("level7.target", "target", 7, (16, 16, 1), False),)


@pytest.mark.parametrize(("gains", "sure"), [((0.3, 0.27, 2.0), "0 of 3."), ((0.05, 0.27, 2.0), "2 of 3 (site0, site1).")])
def test_what_is_surely_more_alike_is_corrected(gains: tuple[float, ...], sure: str) -> None:
    """Oracle: Holm at 0.025 by hand: of seeds 1 and 1 +- 0.05, 0.27, 0.3, 2, p is 0.0004, 0.0117, 0.0144, 0.24."""

    def row(k: int, spread: float) -> dict[str, object]:
        numbers = {"rsa": {"mean": 0.5, "low": None, "high": None}}
        gained = t_interval([1 - spread, 1.0, 1 + spread])._asdict()
        return {"site": f"site{k}", "relation": "models", "one": "a", "other": "b", "n": 3, "numbers": numbers, "gains": {"rsa": gained}}

    (said,) = summary({"trajectories": {"rows": [row(k, spread) for k, spread in enumerate(gains)]}})
    assert said.endswith(sure)


def test_the_page(tmp_path: Path) -> None:
    """Oracle: every part is there, with its figures, numbers and controls; nothing is loaded from elsewhere."""
    born = Linear([gaussian(1.0)], noise=0.1)
    a = [Linear([PIXEL], noise=0.01, born=born)] * 2
    b = [Linear([gaussian(0.8), PIXEL], lag=1, noise=0.01, born=born)] * 2
    models = {"<one>": a, "two": b}
    setting = Setting(tuple(stills(3, 12)), tuple(stills(6, 5)), trials=1, noise_movies=12, grating_trials=2)
    assert set(seconds(models, ("rsa", "fields"), setting)) == {"rsa", "fields"}
    parts = compare_parts(models, list(PARTS), setting)
    assert [p.name for p in parts] == list(PARTS)
    for part in parts:
        for name, text in part.figures.items():
            write_text_in(tmp_path / "figures", f"{name}.svg", text)
    numbers = {"models": {"<one>": ["x"], "two": ["y"]}, "command": "compare", "remarks": remarks(models), "versions": {"numpy": "2"}}
    write_json(tmp_path / NUMBERS, numbers | {"parts": {p.name: p.plain() for p in parts}})
    page = write_page(tmp_path).read_text()
    assert page.count("<svg") == 5 and "<one>" not in page and "&lt;one&gt;" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page) and "@import" not in page
    for text in ("both untrained", "two runs of two", "radius (px)", "OSI", "Dimensions"):
        assert text in page
    assert side_by_side_section(tmp_path) in page
    fields = next(p for p in parts if p.name == "fields")
    assert float(fields.alone["two"][SITE]["lag_frames"].mean) == 1.0
    with pytest.raises(RunFolderError, match="has no numbers"):
        write_page(tmp_path / "figures")


def write_text_in(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    write_text(folder / name, text)


def test_of_one_run_there_is_no_interval_in_tables() -> None:
    once = {key: {"mean": 0.5, "low": float("nan"), "high": float("nan")} for key in TUNING_NUMBERS}
    text = plain_tables("tuning", {"rows": [], "alone": {"a": {SITE: once}}})
    assert "0.50" in text and "nan" not in text
