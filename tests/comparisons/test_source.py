"""Sources: what is learned from, validated on and held out never overlap, whatever the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparisons.movies import MIN_HELD_OUT, MIN_LEARNING, PHOTOGRAPHS, Source, clip_of, seen
from snn.errors import MovieError
from snn.stimuli.movie import Movie


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips in which every frame is of a grey of its own."""
    path = tmp_path_factory.mktemp("source")
    greys = np.arange(60, dtype=np.uint8)[:, None, None] * np.ones((1, 5, 5), np.uint8)
    np.savez(path / "clips.npz", a=greys[:24], b=greys[24:60])
    return path


def numbers(movies: tuple[Movie, ...]) -> dict[str, list[int]]:
    """Which frames of each clip these are."""
    return {m.name: [round(255 * x) for x in m.frames[:, 0, 0]] for m in movies}


@given(st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_every_frame_has_one_use(folder: Path, hold_out: int, validate: int) -> None:
    """Oracle: set algebra on frames that can be told apart."""
    source = Source(frames=str(folder / "clips.npz"), size=5, hold_out=hold_out, validate_frames=validate)
    if 24 - hold_out - validate < MIN_LEARNING:
        with pytest.raises(MovieError, match="clip 'a'"):
            source.learning(0)
        return
    learned = source.learning(0)
    uses = [numbers(learned), numbers(source.validation())]
    if hold_out >= MIN_HELD_OUT:
        uses.append(numbers(source.held_out(seen([*learned, *source.validation()]))))
        assert all(len(f) == hold_out for f in uses[2].values())
    else:
        with pytest.raises(MovieError, match="--hold-out"):
            source.held_out(seen([*learned, *source.validation()]))
    for name, whole in {"a": list(range(24)), "b": list(range(24, 60))}.items():
        used = [n for use in uses for n in use.get(name, [])]
        assert used == whole[: len(used)]
        assert len(used) == len(whole) - (hold_out if len(uses) == 2 else 0)


def test_a_clip_that_lost_its_end_gives_no_learned_frame_away(folder: Path, tmp_path: Path) -> None:
    """Held out were frames 14 to 23; of what is left, frames 10 to 19, only 14 to 19 were not learned from."""
    source = Source(frames=str(folder / "clips.npz"), clips=("a",), size=5, hold_out=10)
    learned = seen(source.learning(0))
    with np.load(folder / "clips.npz") as file:
        np.savez(tmp_path / "cut.npz", a=file["a"][:20])
    cut = source.model_copy(update={"frames": str(tmp_path / "cut.npz")})
    assert numbers(cut.held_out(learned)) == {"a": list(range(14, 20))}


@pytest.mark.parametrize("cut", [slice(0, 20), slice(2, 24), slice(5, 24)])
def test_frames_are_known_again_under_another_name(folder: Path, tmp_path: Path, cut: slice) -> None:
    """Held out were frames 14 to 23, whatever the clip is called and wherever it was cut."""
    source = Source(frames=str(folder / "clips.npz"), clips=("a",), size=5, hold_out=10)
    learned = seen(source.learning(0))
    with np.load(folder / "clips.npz") as file:
        np.savez(tmp_path / "other.npz", renamed=file["a"][cut])
    other = source.model_copy(update={"frames": str(tmp_path / "other.npz"), "clips": ()})
    assert numbers(other.held_out(learned)) == {"renamed": list(range(14, 24))[: 20 - 14 if cut.stop == 20 else None]}


def test_another_clip_of_a_learned_name_is_whole(folder: Path, tmp_path: Path) -> None:
    learned = seen(Source(frames=str(folder / "clips.npz"), clips=("a",), size=5).learning(0))
    with np.load(folder / "clips.npz") as file:
        np.savez(tmp_path / "other.npz", a=file["b"])
    other = Source(frames=str(tmp_path / "other.npz"), size=5)
    assert numbers(other.held_out(learned)) == {"a": list(range(24, 60))}


def test_clips_that_were_not_learned_from_are_whole(folder: Path) -> None:
    learned = Source(frames=str(folder / "clips.npz"), clips=("a",), size=5)
    asked = learned.model_copy(update={"clips": ("b",)})
    assert numbers(asked.held_out(seen(learned.learning(0)))) == {"b": list(range(24, 60))}
    assert len(numbers(asked.held_out({}))["b"]) == 36


def test_photographs(folder: Path) -> None:
    source = Source(frames=PHOTOGRAPHS, size=8, n_movies=6, n_frames=5)
    learned, held = source.learning(1), source.held_out({}, 2)
    assert len(learned) == len(held) == 6
    assert {clip_of(m) for m in held} <= {"astronaut", "coffee"}
    assert not {clip_of(m) for m in held} & {clip_of(m) for m in learned}
    assert source.validation() == ()
    again = source.learning(1)
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(learned, again, strict=True))


def test_clip_of() -> None:
    frames = np.zeros((5, 5, 5))
    assert clip_of(Movie(frames, name="coffee_drift_012")) == "coffee"
    assert clip_of(Movie(frames, name="coffee_drift_012").reversed()) == "coffee backwards"
    assert clip_of(Movie(frames, name="snow_drift_lane")) == "snow_drift_lane"
