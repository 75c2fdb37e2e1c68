"""Panels of figures: the names that they ask for are those that phenomena store, and what is drawn is what was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from comparisons.figure_curves import FLOOR, _lines, _subject, panel_svg
from comparisons.panels import Line, Panel, by_level, default_panels, share_of_all
from comparisons.phenomena import PHENOMENA
from comparisons.responder import FloatArray
from comparisons.responders.null import Idle
from comparisons.sketches import SKETCHES, _off_the_lines, _paired, _unpaired
from comparisons.stimulus_strips import stimuli_of
from snn.stimuli.movie import Movie

SIDES = {"kanizsa": 32, "faces": 24}
FEWER = {"balance": {"n_scenes": 1, "n_trials": 4}, "rhythms": {"n_images": 1}, "oddball": {"n_rare": 2}, "flash_lag": {"n_trials": 1}}


class Spiking(Idle):
    """Two levels of cells that answer all alike, pass for spikes, and have feedback to cut."""

    def __init__(self, side: int) -> None:
        super().__init__((side, side), 2, "constant")
        self.sites = tuple(replace(s, spiking=True) for s in self.sites)
        self.finest_bin_ms = 2.0

    def control(self, name: str) -> Spiking | None:  # type: ignore[override]
        return self if name == "feedback_cut" else None

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Spiking:
        return self


@pytest.mark.parametrize("name", sorted(SKETCHES))
def test_sketches_ask_for_what_is_stored(name: str) -> None:
    """Oracle: the phenomenon itself: every line of every panel is there, and every panel can be drawn, also where nothing is known."""
    asked = replace(PHENOMENA[name], **FEWER.get(name, {}))  # type: ignore[type-var]
    curves = asked.measure(Spiking(SIDES.get(name, 16)), 0).curves
    panels = by_level(SKETCHES[name].panels, curves)
    assert panels and {line.curve for panel in panels for line in panel.lines} <= set(curves)
    assert all(isinstance(panel.axis, float) or panel.axis in curves for panel in panels)
    axes, rng = {panel.axis for panel in panels}, np.random.default_rng(0)
    drawn = {k: values if k in axes else rng.uniform(0.1, 1.0, values.shape) for k, values in curves.items()}
    unknown = {k: values if k in axes else np.full(values.shape, np.nan) for k, values in curves.items()}
    for panel in panels[: len(SKETCHES[name].panels)]:
        text = panel_svg(panel, {"a": [{"model": drawn, "untrained": unknown}] * 2, "b": [], "c": [{"model": drawn}]})
        assert text.startswith("<svg") and "controls" in text and panel.title in text
        assert panel.bars or panel.x in text
    assert panel_svg(panels[0], {"a": [{"model": unknown}] * 2}).startswith("<svg")


@pytest.mark.parametrize("name", sorted(SKETCHES))
def test_stimuli_are_told(name: str) -> None:
    """Every phenomenon that has words has pictures, of luminance, with a caption each; the film begins before its end."""
    side = SIDES.get(name, 16)
    found = stimuli_of(name, PHENOMENA[name], Idle((side, side)))
    assert found is not None and found.strips and 0 <= found.start < found.film.n_frames
    for strip in found.strips:
        assert len(strip.pictures) == len(strip.captions) and strip.pictures.shape[1:] == (side, side)
        assert strip.pictures.min() >= 0 and strip.pictures.max() <= 1
    assert np.ptp(found.film.frames[found.start :]) > 0.1


def test_the_sequence_is_cut_out_where_its_deviant_is() -> None:
    """Oracle: the picture called deviant is the only one of its row that differs; the control is the same picture."""
    found = stimuli_of("oddball", PHENOMENA["oddball"], Idle((16, 16)))
    assert found is not None
    regular, many = found.strips
    at = regular.captions.index("deviant")
    shown = [k for k, caption in enumerate(regular.captions) if caption != "omitted"]
    differs = [k for k in shown if not np.array_equal(regular.pictures[k], regular.pictures[shown[0]])]
    assert at in differs and all(regular.captions[k] == "deviant" for k in differs)
    assert np.array_equal(many.pictures[at], regular.pictures[at]) and many.captions[at] == "control"


def test_stimuli_of_what_is_new() -> None:
    """A phenomenon that says nothing shows some of its movies; one with other movies, or none, shows nothing."""

    class New:
        def movies(self, responder: Idle, seed: int) -> dict[str, Movie]:
            return {str(k): Movie(np.full((60, 16, 16), k / 10), 50.0, f"movie {k}") for k in range(5)}

    class Other:
        def movies(self, responder: Idle) -> None: ...

    found = stimuli_of("new", New(), Idle((16, 16)))  # type: ignore[arg-type]
    assert found is not None and [s.label for s in found.strips] == ["movie 0", "movie 1", "movie 2"]
    assert found.film.n_frames == 48
    assert stimuli_of("other", Other(), Idle((16, 16))) is None  # type: ignore[arg-type]
    assert stimuli_of("none", object(), Idle((16, 16))) is None  # type: ignore[arg-type]


def test_panels_by_level() -> None:
    panels = (Panel("level {level}", (Line("e {level}"), Line("c {level}")), "x"), Panel("all", (Line("whole"),), "x"))
    found = by_level(panels, ["e 0", "whole", "c 2"])
    assert [p.title for p in found] == ["level 0", "all", "level 2"]
    assert found[2].lines == (Line("e 2"), Line("c 2"))


def test_panels_of_a_phenomenon_that_says_nothing() -> None:
    names = ("frames", "level 0: a", "level 0: b", "level 0, error_pos: a", "alone", "two", "matrix")
    found = default_panels(names, (7, 7, 7, 7, 5, 2, 0))
    assert [(p.title, [line.label for line in p.lines], p.axis) for p in found] == [
        ("level 0", ["a", "b"], "frames"),
        ("alone", [""], 0.0),
    ]
    assert [line.style for line in found[0].lines] == ["-", "--"]


def run(**curves: FloatArray | list[float]) -> Mapping[str, FloatArray]:
    return {name: np.asarray(values, dtype=float) for name, values in curves.items()}


def test_each_seed_counts_alike() -> None:
    """Oracle: by hand. One seed is ten times as active; scaled by its largest each is (0.5, 1), and nothing is between them."""
    panel = Panel("", (Line("a"), Line("b")), "x", axis="at")
    runs = [{"model": run(at=[3, 4], a=[1, 2], b=[0, 0])}, {"model": run(at=[3, 4], a=[10, 20], b=[0, 10])}]
    found = _subject(panel, runs, "model")
    assert found is not None and found.x.tolist() == [3, 4]
    assert found.mean[Line("a")].tolist() == [0.5, 1.0] and not found.spread[Line("a")].any()
    assert found.mean[Line("b")].tolist() == [0.0, 0.25]
    plain = _subject(replace(panel, scaled=False), runs, "model")
    assert plain is not None and plain.mean[Line("a")].tolist() == [5.5, 11.0]


def test_noise_of_a_control_is_not_blown_up() -> None:
    """Oracle: by hand; the untrained network answers with a hundredth, and is drawn at a fifth of the model's scale."""
    panel = Panel("", (Line("a"),), "x")
    runs = [{"model": run(a=[0, 2]), "untrained": run(a=[0, 0.02])}]
    found = _subject(panel, runs, "untrained")
    assert found is not None and found.mean[Line("a")][1] == pytest.approx(0.02 / (FLOOR * 2))
    assert _subject(panel, runs, "adaptation_only") is None


def test_bars_are_means() -> None:
    lines, _ = _lines(Panel("", (Line("a", take=lambda v, x: v[:2]),), "", bars=True), run(a=[1, 3, 100]))
    assert lines[Line("a", take=next(iter(lines)).take)].tolist() == [2.0]


def test_what_is_taken_of_curves() -> None:
    """Oracle: by hand."""
    answers = np.arange(8.0).reshape(2, 2, 2)
    assert _paired(answers, np.zeros(2)).tolist() == [3.0, 4.0] and _unpaired(answers, np.zeros(2)).tolist() == [3.0, 4.0]
    answers[0, 1] = 100.0
    assert _paired(answers, np.zeros(2)).tolist() == [3.0, 4.0] and _unpaired(answers, np.zeros(2)).tolist() == [52.0, 52.5]
    assert share_of_all(np.array([1.0, 2.0, 7.0]), np.zeros(3))[:2].tolist() == [10.0, 20.0]
    assert np.isnan(share_of_all(np.array([1.0, 2.0, 7.0]), np.zeros(3))[2]) and np.isnan(share_of_all(np.zeros(3), np.zeros(3))).all()
    frequency_Hz = np.arange(101.0)
    flat = np.where(frequency_Hz % 20 == 0, 1000.0, 2.0)
    clean = _off_the_lines(flat, frequency_Hz)
    assert np.isnan(clean[[0, 18, 20, 22, 100]]).all() and set(clean[~np.isnan(clean)]) == {1.0}
