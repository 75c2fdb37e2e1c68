"""The battery: what is done is kept, what no longer holds is done anew, and what cannot be asked is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from comparisons import battery as module
from comparisons import records, verdict_table
from comparisons.battery import Battery
from comparisons.battery_models import Model, Task
from comparisons.estimate import learned_frame_s
from comparisons.phenomenon import About, Measurement
from comparisons.responder import Responder, exposed
from comparisons.responders.null import Idle
from comparisons.responders.rate import RateResponder
from comparisons.statistics import Interval
from comparisons.subjects import held_out_ratio, open_subject
from comparisons.verdict_table import cell, table
from comparisons.verdicts import Verdict
from snn.errors import RunFolderError, SubjectError
from snn.stimuli.movie import Movie
from snn.testing import random_walk

LEAKY, SPIKING, OTHER = Path("drift-leaky"), Path("drift-spiking"), Path("drift-spiking-backprop")


class Mean:
    """A question that costs little: the mean activity of the error cells for noise, and how often it was asked."""

    asked: list[tuple[str, int]]

    def __init__(self, version: int = 1, lacks: str | None = None) -> None:
        self.about = About("mean", "Mean", version, "it is above 0", "", "mean", "", 0.0, ("untrained", "adaptation_only"))
        self.asked, self._lacks = [], lacks

    def lacks(self, responder: Responder) -> str | None:
        return self._lacks

    def measure(self, responder: Responder, seed: int) -> Measurement:
        if type(responder).__name__ != "_Counting":
            self.asked.append((responder.name, seed))
        movie = Movie(random_walk(6, *responder.frame_size, seed=seed).frames, responder.frame_ms)
        told = responder.respond(movie, ["level0.error_pos"], seed=seed).activity["level0.error_pos"]
        return Measurement({"mean": float(told.mean())}, {"trace": told.mean((0, 2, 3, 4))})


@pytest.fixture
def mean(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mean]:
    found = Mean()
    for place in (module, records, verdict_table):
        monkeypatch.setattr(place, "PHENOMENA", {"mean": found})
    monkeypatch.setattr(module, "held_out_ratio", lambda path: 0.5)
    yield found


def plan(out: Path) -> Battery:
    return Battery([Model("rate", (LEAKY,)), Model("spikes", (SPIKING, OTHER))], ["mean"], out)


def test_what_is_done_is_kept(mean: Mean, tmp_path: Path) -> None:
    """Oracle: how often each subject was asked: once, with its controls, and not again."""
    verdicts = plan(tmp_path).run()
    assert len(mean.asked) == 3 * 3 and {n for n, _ in mean.asked} == {
        *("rate", "rate, untrained", "spikes", "spikes, untrained", "adaptation only")
    }
    assert verdicts["spikes"]["mean"].n_seeds == 2 and verdicts["rate"]["mean"].outcome == "undecided"
    assert plan(tmp_path).left() == []
    again = plan(tmp_path).run()
    assert len(mean.asked) == 9
    assert again["spikes"]["mean"].effect == verdicts["spikes"]["mean"].effect
    found = json.loads((tmp_path / "verdicts.json").read_text())
    assert found["spikes"]["mean"]["effect"]["mean"] == pytest.approx(verdicts["spikes"]["mean"].effect.mean)  # type: ignore[union-attr]


@pytest.mark.slow
def test_several_workers_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: one worker. One result is there already; processes are started anew, so that the phenomenon is a real one."""
    monkeypatch.setattr(module, "held_out_ratio", lambda path: 0.5)
    models = [Model("a", (LEAKY, Path("drift-leaky-ms"))), Model("b", (Path("drift-sublstm"),))]
    monkeypatch.setattr(Battery, "check_seeds", lambda self: None)
    found = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        Battery(models[1:], ["rhythms"], out).run()
        found.append(Battery(models, ["rhythms", "flow_halt"], out).run(workers=workers))
        results = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.npz"))
        assert results == [f"results/{run}/{name}.npz" for run in ("a/0", "a/1", "b/0") for name in ("flow_halt", "rhythms")]
        assert Battery(models, ["rhythms", "flow_halt"], out).left() == []
    assert found[0]["a"]["flow_halt"].effect == found[1]["a"]["flow_halt"].effect is not None
    with pytest.raises(RunFolderError, match="cannot be written"):
        (tmp_path / "1" / "results" / "a" / "0" / "length.npz").mkdir()
        (tmp_path / "1" / "results" / "a" / "1" / "length.npz").mkdir()
        Battery(models[:1], ["length"], tmp_path / "1").run(workers=2)


def test_what_no_longer_holds_is_done_anew(mean: Mean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged result, one of another run, and all of another version of the phenomenon."""
    one = plan(tmp_path)
    one.run()
    damaged, other = (tmp_path / "results" / "spikes" / str(seed) / "mean.json" for seed in (0, 1))
    damaged.write_text(damaged.read_text()[:20])
    other.write_text(other.read_text().replace('"run_digest": "', '"run_digest": "0'))
    assert [(t.model.name, t.seed) for t in plan(tmp_path).left()] == [("spikes", 0), ("spikes", 1)]
    assert plan(tmp_path).verdicts()["spikes"]["mean"].reason == "measured in 0 of 2 seeds so far"
    curves = tmp_path / "results" / "rate" / "0" / "mean.npz"
    curves.write_bytes(curves.read_bytes()[:50])
    assert len(plan(tmp_path).left()) == 3
    curves.unlink()
    assert len(plan(tmp_path).left()) == 3
    plan(tmp_path).run()
    result = tmp_path / "results" / "rate" / "0" / "mean.json"
    result.write_text(json.dumps({k: v for k, v in json.loads(result.read_text()).items() if k != "effects"}))
    assert [t.model.name for t in plan(tmp_path).left()] == ["rate"]
    monkeypatch.setattr(module, "PHENOMENA", {"mean": Mean(version=2)})
    assert len(plan(tmp_path).left()) == 3


def test_what_is_known_from_elsewhere_is_not_measured_again(mean: Mean, tmp_path: Path) -> None:
    """Oracle: how often each subject was asked; the verdicts of where it was measured; a record of another run does not count."""
    there = plan(tmp_path / "there")
    verdicts = there.run()
    lines = (tmp_path / "there" / records.RECORDS_FILE).read_text().splitlines()
    (tmp_path / "here").mkdir()
    other = lines[2].replace('"run_digest":"', '"run_digest":"0')
    (tmp_path / "here" / records.KNOWN_FILE).write_text("\n".join([*lines[:2], other]) + "\n")
    here, asked = plan(tmp_path / "here"), len(mean.asked)
    assert [(t.model.name, t.seed) for t in here.left()] == [("spikes", 1)]
    assert table(here.run()) == table(verdicts) and len(mean.asked) == asked + 3
    assert (tmp_path / "here" / records.RECORDS_FILE).read_text().splitlines() == lines
    assert here.curves(Task(here.models[0], 0, "mean")) == {}


def test_what_cannot_be_asked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (module, records, verdict_table):
        monkeypatch.setattr(place, "PHENOMENA", {"mean": Mean(lacks="it has no eyes")})
    monkeypatch.setattr(module, "held_out_ratio", lambda path: 0.5)
    verdicts = plan(tmp_path).run()
    assert verdicts["rate"]["mean"] == Verdict("not applicable", "it has no eyes")
    assert "not applicable; it has no eyes" in (tmp_path / "verdicts.md").read_text()


def test_a_model_is_asked_only_what_it_is_there_for(mean: Mean, tmp_path: Path) -> None:
    """Oracle: no frame is shown for the rest, and the verdict says so, also when the folder is opened again."""
    other = Model("other", (OTHER,), only=("on_off",))
    battery = Battery([Model("rate", (LEAKY,)), other], ["mean"], tmp_path)
    assert battery.estimate_s([Task(other, 0, "mean")]) == 0.0
    verdict = battery.run()["other"]["mean"]
    assert verdict == Verdict("not applicable", "it is here for on_off") and {name.split(",")[0] for name, _ in mean.asked} == {
        *("rate", "adaptation only")
    }
    assert Battery.open(tmp_path).models == battery.models and Battery.open(tmp_path).verdicts()["other"]["mean"] == verdict


def test_the_estimate_counts_frames(mean: Mean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: 6 frames, asked of the model and of its untrained control, at a second a frame."""
    monkeypatch.setattr("comparisons.estimate.frame_s", lambda responder: 1.0)
    one = plan(tmp_path)
    assert one.estimate_s([Task(one.models[0], 0, "mean")]) == 12.0
    assert mean.asked == []


def test_the_estimate_counts_what_is_learned_from_apart(mean: Mean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: by hand: 6 frames shown in 1 s each and 2 x 5 learned from in 3 s each, by the model and by its untrained control."""
    monkeypatch.setattr("comparisons.estimate.frame_s", lambda responder: 1.0)
    monkeypatch.setattr("comparisons.estimate.learned_frame_s", lambda responder: 3.0)
    shows = mean.measure

    def measure(responder: Responder, seed: int) -> Measurement:
        exposed(responder, Movie(random_walk(5, *responder.frame_size, seed=seed).frames, responder.frame_ms), 2)
        return shows(responder, seed)

    monkeypatch.setattr(mean, "measure", measure)
    one = plan(tmp_path)
    assert one.estimate_s([Task(one.models[0], 0, "mean")]) == 2 * (6 * 1.0 + 10 * 3.0)


def test_learning_is_timed() -> None:
    """A rate network needs longer to learn from a frame than to see it; what cannot learn takes no time to."""
    subject = open_subject(LEAKY, "x").responder
    assert learned_frame_s(subject) > 0
    assert learned_frame_s(Idle((16, 16))) == 0.0


def test_what_stands_beside_it_is_measured_too(mean: Mean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the same as a control, in the result, the estimate and the verdict, but for the test."""
    mean.about = replace(mean.about, controls=("adaptation_only",), beside=("untrained",))
    monkeypatch.setattr("comparisons.estimate.frame_s", lambda responder: 1.0)
    one = plan(tmp_path)
    assert one.estimate_s([Task(one.models[0], 0, "mean")]) == 12.0
    found = one.run()["spikes"]["mean"]
    assert set(found.controls) == {"adaptation_only", "untrained"} and set(found.beyond) == {"adaptation_only"}


def test_below_the_gate(mean: Mean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "held_out_ratio", lambda path: 0.9)
    assert plan(tmp_path).run()["spikes"]["mean"].outcome == "not trained enough"


def test_bad_plans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SubjectError, match="did you mean 'on_off'"):
        Battery([Model("a", (LEAKY,))], ["onoff"], tmp_path)
    with pytest.raises(SubjectError, match="of its own"):
        Battery([Model("a", (LEAKY,)), Model("a", (LEAKY,))], ["on_off"], tmp_path)
    with pytest.raises(RunFolderError, match="nothing"):
        Battery([Model("a", (Path("nothing"),))], ["on_off"], tmp_path).left()
    with pytest.raises(SubjectError, match="name cannot be that of a folder"):
        Battery([Model("..", (LEAKY,))], ["on_off"], tmp_path)
    with pytest.raises(SubjectError, match="one run more than once"):
        Battery([Model("a", (LEAKY, LEAKY))], ["on_off"], tmp_path).check_seeds()
    with pytest.raises(SubjectError, match="different populations"):
        Battery([Model("a", (LEAKY, SPIKING))], ["on_off"], tmp_path).check_seeds()
    assert Battery([Model("a", (LEAKY,))], ["on_off", "on_off"], tmp_path).phenomena == ("on_off",)


@pytest.mark.parametrize("path", [LEAKY, SPIKING])
def test_shipped_models_pass_the_gate(path: Path) -> None:
    """Oracle: learned models forecast better than copying; the gate of the battery is 0.8."""
    assert 0.1 < held_out_ratio(path) < 0.8
    assert open_subject(path, "x").responder.frame_size == (16, 16)


def test_cells_of_the_table() -> None:
    held = Verdict("holds", "", Interval(12.345, 11.0, 13.0), n_seeds=5)
    assert cell(held, "%") == "**holds** 12.3% [11, 13]"
    assert cell(Verdict("not applicable", "x"), "px") == "not applicable"
    assert cell(Verdict("undecided", "measured in 1 of 2 seeds so far", n_seeds=1), "px") == "not measured yet"
    nan = float("nan")
    assert cell(Verdict("undecided", "x", Interval(0.5, nan, nan)), "px") == "undecided 0.5 px"
    text = table({"a": {"on_off": held}, "b": {"on_off": Verdict("fails", "it is flat", Interval(0.0, -1.0, 1.0))}})
    assert "| On/off dynamics | 20% | **holds** 12.3% [11, 13] | fails 0% [-1, 1] |" in text and "b: fails; it is flat." in text


def test_learning_stands_beside_cells_that_only_tire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: a phenomenon that lacks learning in them is measured in them as a control, and not in one that is asked itself."""

    class Learning(Mean):
        def lacks(self, responder: Responder) -> str | None:
            return None if isinstance(responder, RateResponder) else "it cannot go on learning"

    found = Learning()
    for place in (module, records, verdict_table):
        monkeypatch.setattr(place, "PHENOMENA", {"mean": found})
    monkeypatch.setattr(module, "held_out_ratio", lambda path: 0.5)
    verdicts = plan(tmp_path).run()
    assert set(verdicts["rate"]["mean"].controls) == {"untrained", "adaptation_only"}
    assert verdicts["spikes"]["mean"].outcome == "not applicable"
