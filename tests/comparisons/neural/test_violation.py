"""Models in the experiment of broken sequences: what foretells is told apart from that to which things only get familiar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from comparisons.cli import app, main
from comparisons.neural.expectation import WINDOWS_MS, window_bins
from comparisons.neural.violation import BETWEEN, EXPECTED, FRAMES, WINDOW_FRAMES, Training, exposure, gratings, measured, sequence
from comparisons.responder import Control, Responder, Response, Site, check_request, exposed, with_noise
from comparisons.responders.null import Idle
from comparisons.subjects import open_subject
from snn.errors import NeuralDataError
from snn.stimuli.movie import Movie

LITTLE = Training(exposures=12, trials=6)


class Familiar:
    """Answers a frame by how much of it there is, and half as much where it has seen it, whatever came before."""

    name, frame_ms, finest_bin_ms, frame_size = "familiar", 50.0, 50.0, (12, 12)
    sites = (Site("level0.error_pos", "error_pos", 0, (12, 12, 1), False),)

    def __init__(self, seen: tuple[np.ndarray, ...] = ()) -> None:
        self.seen = seen

    def surprise(self, before: np.ndarray, frame: np.ndarray) -> float:
        return 0.5 if any(np.abs(frame - s).mean() < 0.05 for s in self.seen) else 1.0

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        check_request(self, movie, sites, trials)
        found = []
        for trial in range(trials):
            frames = with_noise(movie, seed, trial).frames
            gains = [self.surprise(frames[max(0, t - FRAMES)], frames[t]) for t in range(len(frames))]
            found.append((np.abs(frames - 0.5) * np.array(gains)[:, None, None])[..., None])
        return Response(50.0, {name: np.stack(found) for name in sites})

    def control(self, name: Control) -> Responder | None:
        return None

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Familiar:
        return type(self)(tuple(np.unique(movie.frames, axis=0)))


class Foretelling(Familiar):
    """Answers half as much what came as long after the same frame in what it learned, more often than anything else."""

    def __init__(self, seen: tuple[np.ndarray, ...] = (), followed: dict[tuple[int, int], int] | None = None) -> None:
        super().__init__(seen)
        self.followed = followed or {}

    def _known(self, frame: np.ndarray) -> int:
        return next((k for k, s in enumerate(self.seen) if np.abs(frame - s).mean() < 0.05), -1)

    def surprise(self, before: np.ndarray, frame: np.ndarray) -> float:
        one, other = self._known(before), self._known(frame)
        following = [n for (first, _), n in self.followed.items() if first == one]
        return 0.5 if following and self.followed.get((one, other), 0) > 0.9 * sum(following) else 1.0

    def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Foretelling:
        found = Foretelling(tuple(np.unique(movie.frames, axis=0)))
        kinds = [found._known(frame) for frame in movie.frames]
        for one, other in zip(kinds[:-FRAMES], kinds[FRAMES:], strict=True):
            found.followed[one, other] = found.followed.get((one, other), 0) + 1
        return found


def changes(found: dict, contrast: str) -> tuple[float, float]:
    index = {copy: numbers["level0.error_pos"][contrast] for copy, numbers in found.items()}
    return index["after"] - index["before"], index["after"] - index["mixed"]


@pytest.mark.parametrize("seed", [0, 1])
def test_familiar_elements_are_no_sequence(seed: int) -> None:
    """A subject that knows elements and no order: the new E is answered more after exposure, and as much after the same mixed; B held in
    the place of C is as familiar as C.
    """
    found = measured(Familiar(), seed, LITTLE)
    change, beyond = changes(found, "substitution, late")
    assert change > 0.2 and abs(beyond) < 0.01
    change, beyond = changes(found, "omission, late")
    assert abs(change) < 0.15 and abs(beyond) < 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_what_foretells_is_found_beyond_mixed_elements(seed: int) -> None:
    """A subject that expects what has always followed: B in the place of C is answered more, and not so after mixed elements."""
    change, beyond = changes(measured(Foretelling(), seed, LITTLE), "omission, late")
    assert change > 0.2 and beyond > 0.2


def test_windows_are_those_of_recordings() -> None:
    """Oracle: those of bins of a frame of 50 ms, in elements of 150."""
    assert {name: window_bins(0, ms, 50.0, 50.0 * FRAMES) for name, ms in WINDOWS_MS.items()} == WINDOW_FRAMES


def test_what_does_not_learn_does_not_change() -> None:
    class Forgetting(Familiar):
        def expose(self, movie: Movie, repeats: int, *, seed: int = 0) -> Familiar:
            return self

    found = measured(Forgetting(), 0, LITTLE)
    assert found["before"] == found["mixed"] == found["after"]


def test_mixed_elements_are_the_same_in_another_order() -> None:
    """Oracle: each element for as many frames, in both; D follows C always in one, and not in the other; E in neither."""
    subject, elements = Familiar(), gratings(Familiar(), 3)
    assert np.abs(elements[:, None] - elements[None]).mean((2, 3))[~np.eye(5, dtype=bool)].min() > 0.1
    counts = []
    for mixed in (False, True):
        frames = exposure(subject, 3, LITTLE, mixed=mixed).frames
        kinds = np.array([[np.array_equal(frame, e) for e in elements] for frame in frames])
        counts.append(kinds.sum(axis=0).tolist())
        parts = kinds.reshape(LITTLE.exposures, BETWEEN + FRAMES * len(EXPECTED), 5)
        orders = {tuple(np.argmax(part[BETWEEN::FRAMES], axis=1).tolist()) for part in parts}
        assert (len(orders) > 3) == mixed and (mixed or orders == {EXPECTED})
    assert counts[0] == counts[1] == [LITTLE.exposures * FRAMES] * 4 + [0]
    assert len(sequence(subject, elements, EXPECTED)) == BETWEEN + 4 * FRAMES


def test_a_subject_that_cannot_learn_is_refused() -> None:
    with pytest.raises(NeuralDataError, match="cannot take part; it cannot go on learning"):
        measured(Idle((12, 12), 2, "noise"), 0, LITTLE)  # type: ignore[arg-type]
    with pytest.raises(NeuralDataError, match="training: is too little"):
        Training(exposures=0)


def test_the_command_goes_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["expectation", "drift-spiking", "--exposures", "2", "--trials", "2", "--draws", "2", "--out", str(tmp_path / "new")]
    app([*command, "--json"], exit_on_error=False, result_action="return_value")
    found = json.loads(capsys.readouterr().out)
    row = next(r for r in found["models"] if r["population"] == "level0.error_pos" and r["contrast"] == "omission, early")
    assert row["n"] == 2 and row["change"]["mean"] == pytest.approx(row["copies"]["after"] - row["copies"]["before"])
    monkeypatch.setattr("comparisons.neural.violation.measured", lambda *_: pytest.fail("it was measured again"))
    app(command, exit_on_error=False, result_action="return_value")
    told = capsys.readouterr().out
    assert "| drift-spiking | level0.error_pos | omission, early |" in told and "representation" not in told
    assert json.loads((tmp_path / "new" / "expectation.json").read_text())["models"] == found["models"]


def test_nothing_to_ask_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["expectation"])
    assert "needs a recording or a model" in capsys.readouterr().err


def test_a_circuit_of_backprop_goes_on_learning_and_does_not_unlearn() -> None:
    """Oracle: its errors on the very sequence; at a rate that no training ends with they doubled."""
    responder = open_subject(Path("drift-spiking-backprop"), "surrogate").responder
    errors = [s.name for s in responder.sites if s.role in ("error_pos", "error_neg")]
    shown = Movie(np.concatenate([sequence(responder, gratings(responder, 0), EXPECTED)] * 3), responder.frame_ms, "shown", "gratings")

    def rate(subject: Responder) -> float:
        told = subject.respond(shown, errors, seed=1).activity
        return float(sum(told[name].mean() for name in errors))

    learned = exposed(responder, exposure(responder, 0, Training(10, 2), mixed=False), 1)
    assert rate(learned) < 0.9 * rate(responder)
