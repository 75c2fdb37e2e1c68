"""The examples of the battery print what can be worked out by hand."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from comparisons.asking import lines, with_untrained
from comparisons.phenomena import PHENOMENA
from comparisons.phenomena.two_pulse import TwoPulse
from comparisons.records import HARNESS, Record, as_lines
from comparisons.responder import Responder, Response, Site, check_request, steps_per_bin
from comparisons.responders.null import Idle
from comparisons.subjects import open_subject
from snn.encoding import box_mean
from snn.errors import SubjectError
from snn.seeding import stream
from snn.stimuli.movie import Movie

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pairs_of_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: by hand: differences 1 and 3 have a mean of 2 and an interval of +- 12.7; the third seed has no partner."""
    one = Record("a", 0, "on_off", PHENOMENA["on_off"].about.version, HARNESS, "a0", 0.5, None, (), {"model": {"decay": 10.0}})
    rows = [replace(one, model=m, seed=s, run_digest=f"{m}{s}", effects={"model": {"decay": x}}) for m, s, x in
            (("a", 0, 10.0), ("a", 1, 20.0), ("a", 2, 99.0), ("b", 0, 11.0), ("b", 1, 23.0))]  # fmt: skip
    (tmp_path / "r.jsonl").write_text(as_lines(rows))
    example("paired").main([tmp_path / "r.jsonl"], "b", "a")
    assert capsys.readouterr().out.splitlines()[2:] == ["| On/off dynamics | 2% [-10.7, 14.7] | 15% [-48.5, 78.5] | 2 |"]


def test_memory(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the phenomenon itself, with the same gaps; an image that stays is foretold by a copying circuit."""
    module = example("memory")
    monkeypatch.setattr(module, "GAPS", (0, 1))
    monkeypatch.setattr(module, "OFF", (3,))
    monkeypatch.setattr(module, "TwoPulse", lambda gaps: TwoPulse(n_pairs=1, gaps=gaps, short=1))
    module.main(["local=drift-spiking"])
    lines = capsys.readouterr().out.splitlines()
    told = [float(x) for x in re.findall(r"\| (-?[\d.e-]+)", next(line for line in lines if line.startswith("| local |")))]
    learned = open_subject(Path("drift-spiking"), "local").responder
    first = TwoPulse(n_pairs=1, gaps=(0, 1), short=1).measure(learned, 0).effects["repetition"]
    assert told[0] == pytest.approx(first, rel=5e-3) and len(told) == 2
    untrained = next(line for line in lines if line.startswith("| local, untrained |"))
    assert float(re.findall(r"\| (-?[\d.e-]+)", untrained)[0]) > 20 and not np.isnan(told).any()
    assert sum(line.startswith("| local") for line in lines) == 4


class Blur(Idle):
    """E+ of a pixel answers the mean of a square of the picture, as far as ``reach_px`` away; E- is silent."""

    def __init__(self, reach_px: int, noise: float) -> None:
        super().__init__((16, 16))
        self.reach_px, self.noise = reach_px, noise

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        found = super().respond(movie, sites, trials=trials, bin_ms=bin_ms, seed=seed)
        seen = box_mean(movie.frames, 2 * self.reach_px + 1)[None, ..., None] if self.reach_px else movie.frames[None, ..., None]
        found.activity["level0.error_pos"][...] = 1.0 + seen
        for name, values in found.activity.items():
            values += self.noise * stream(seed, name, movie.name).normal(size=values.shape)
        return found


def test_reach() -> None:
    """Oracle: a mean over a square of 5 px sees two pixels away and no further; noise of single trials is no difference."""
    reach = example("reach").reach
    far = reach(Blur(2, 0.0), 0)
    assert far[0] > far[1] > 0.02 and far[2:] == [0.0, 0.0, 0.0]
    noisy = np.array(reach(Blur(0, 0.1), 0))
    assert (noisy < 0.04).all()
    assert np.allclose(reach(Blur(2, 0.05), 0), far, atol=0.02)


class Poisson(Idle):
    """Independent spikes at 40 Hz, or at every 25th ms in each cell with a phase of its own."""

    def __init__(self, regular: bool) -> None:
        super().__init__((16, 16))
        self.regular, self.finest_bin_ms = regular, 1.0
        self.sites = tuple(Site(s.name, s.role, 0, s.shape, True) for s in self.sites)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        steps, found = steps_per_bin(self, bin_ms), {}
        for site in check_request(self, movie, sites, trials):
            rng, shape = stream(seed, site.name, movie.name), (trials, movie.n_frames * 50, *site.shape)
            if self.regular:
                since = np.arange(shape[1])[None, :, None, None, None] + rng.integers(25, size=(trials, 1, *site.shape))
                spikes = since % 25 == 0
            else:
                spikes = rng.random(shape) < 0.04
            found[site.name] = 1000.0 * spikes.reshape(trials, -1, steps, *site.shape).mean(2)
        return Response(steps * 1.0, found)


def test_spectra() -> None:
    """Oracle: a Bernoulli process has 1 - p of the power of a Poisson process, -0.18 dB; cells like clocks have lines and no more."""
    module = example("spectra")
    told = dict(zip(module.HEADS, module.spectra(Poisson(regular=False), 0), strict=True))
    assert told["error: rate, Hz"] == pytest.approx(40.0, rel=0.01)
    assert told["representation: of those that fire, Hz"] == pytest.approx(40.0, rel=0.01)
    bands = [told[f"{role}: {band}, dB"] for role in ("error", "representation") for band in ("slow", "fast")]
    assert np.allclose(bands, -0.18, atol=0.6)
    regular = dict(zip(module.HEADS, module.spectra(Poisson(regular=True), 0), strict=True))
    assert regular["error: slow, dB"] < -10
    assert np.isnan(module.spectra(Blur(0, 0.0), 0)).all()


def test_answers_are_put_in_a_table() -> None:
    """Oracle: by hand: 1 and 3 have a mean of 2 and an interval of +- 12.7."""
    values = {"a": {0: [1.0, float("nan")], 1: [3.0, 5.0]}, "b": {0: [float("nan"), 7.0]}}
    subjects: dict[str, dict[int, Responder]] = {name: {seed: Blur(0, 0.0) for seed in by_seed} for name, by_seed in values.items()}
    asked = iter(row for by_seed in values.values() for row in by_seed.values())
    rows = list(lines(subjects, "what", ["x", "y"], lambda _responder, _seed: next(asked)))
    assert rows == ["| what | x | y |", "|---|---|---|", "| a | 2 [-10.7, 14.7] | 5, 1 of 2 |", "| b | - | 7 |"]


@pytest.mark.parametrize("text", ["drift-spiking", "=drift-spiking", "local="])
def test_models_without_a_name_are_refused(text: str) -> None:
    with pytest.raises(SubjectError, match="NAME=RUN"):
        with_untrained([text])
