"""Public checkers: whether a subject keeps the contract, and whether a phenomenon can tell what has it from what has not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from comparisons.phenomenon import Phenomenon
from comparisons.responder import Responder
from comparisons.responders.null import Idle, Reordered, Shuffled
from comparisons.verdicts import Verdict, decide
from snn.errors import SubjectError
from snn.seeding import stream
from snn.stimuli.movie import Movie


def check_responder(responder: Responder, n_frames: int = 6) -> None:
    """Hold a subject to the contract of `Responder`.

    Equal seeds give equal answers, whatever was asked before; other seeds and trials differ, unless it has no noise at all;
    shapes and bins are as promised; what it cannot be asked is refused by name.

    Parameters
    ----------
    responder : Responder
    n_frames : int
        Of the movie that it is shown.

    Raises
    ------
    AssertionError
        Saying what it does not keep.
    """
    rows, cols = responder.frame_size
    frames = stream(3, "check_responder").random((n_frames, rows, cols))
    movie = Movie(frames, responder.frame_ms, "noise")
    names = [s.name for s in responder.sites]
    assert names and len(set(names)) == len(names), "a subject has sites, of different names"
    told = responder.respond(movie, names, trials=2, seed=1)
    other = responder.respond(Movie(frames[::-1].copy(), responder.frame_ms, "backwards"), names[:1], seed=5)
    again = responder.respond(movie, names, trials=2, seed=1)
    assert other.activity.keys() == set(names[:1]), "it tells of the sites that were asked for, and of no others"
    for site in responder.sites:
        values = told.activity[site.name]
        assert values.shape == (2, n_frames, *site.shape), f"{site.name}: shape {values.shape}"
        assert np.isfinite(values).all(), f"{site.name}: not every number is finite"
        assert not site.spiking or (values >= 0).all(), f"{site.name}: rates of spiking cells are not negative"
        assert np.array_equal(values, again.activity[site.name]), f"{site.name}: equal seeds gave other answers after another movie"
    assert told.bin_ms == responder.frame_ms, "a bin is a frame where nothing else was asked for"
    if told.forecast is not None:
        assert told.forecast.shape == (2, n_frames, rows, cols), f"forecast of shape {told.forecast.shape}"
    if responder.finest_bin_ms < responder.frame_ms:
        fine = responder.respond(movie, names[:1], bin_ms=responder.finest_bin_ms, seed=1).activity[names[0]]
        mean = fine.reshape(1, n_frames, -1, *fine.shape[2:]).mean(2)
        assert np.allclose(mean, told.activity[names[0]][:1]), "the mean of the shortest bins of a frame is that of the frame"
    refused: tuple[tuple[str, Callable[[], object]], ...] = (
        ("an unknown site", lambda: responder.respond(movie, ["level9.nothing"])),
        ("no trial", lambda: responder.respond(movie, names, trials=0)),
        ("a bin longer than a frame", lambda: responder.respond(movie, names, bin_ms=1.5 * responder.frame_ms)),
        ("frames of another size", lambda: responder.respond(Movie(np.zeros((2, rows + 1, cols)), responder.frame_ms), names)),
        ("another frame time", lambda: responder.respond(Movie(frames, 1.5 * responder.frame_ms), names)),
    )
    for problem, call in refused:
        try:
            call()
        except SubjectError:
            continue
        raise AssertionError(f"{problem} was not refused with a SubjectError")


def judged(phenomenon: Phenomenon, responder: Responder, seeds: Sequence[int] = (0, 1, 2)) -> Verdict:
    """Ask a subject with several seeds, beside its own controls.

    Parameters
    ----------
    phenomenon : Phenomenon
    responder : Responder
    seeds : sequence of int
        Of stimuli and noise.

    Returns
    -------
    Verdict
    """
    reason = phenomenon.lacks(responder)
    if reason is not None:
        return Verdict("not applicable", reason)
    runs = []
    for seed in seeds:
        run = {"model": phenomenon.measure(responder, seed).effects}
        for name in phenomenon.about.controls:
            control = responder.control(name)
            if control is not None:
                run[name] = phenomenon.measure(control, seed).effects
        runs.append(run)
    return decide(phenomenon.about, runs, controlled=False)


def check_phenomenon(phenomenon: Phenomenon, with_effect: Responder, seeds: Sequence[int] = (0, 1, 2), *, in_time: bool = True) -> None:
    """Check that a phenomenon is found where it is, and not where it is not.

    It must hold in a subject that was made to have it; not in one that is silent, constant or noise, nor in the same subject
    with its answers shuffled in time; it must give the same numbers when cells stand in another order; and one seed must not
    decide.

    Parameters
    ----------
    phenomenon : Phenomenon
    with_effect : Responder
        A subject that has it.
    seeds : sequence of int
    in_time : bool
        Whether the effect lies in time, so that shuffling bins must destroy it.

    Raises
    ------
    AssertionError
        Saying where it was wrongly found or missed.
    """
    about = phenomenon.about
    found = judged(phenomenon, with_effect, seeds)
    assert found.outcome == "holds", f"{about.name}: {found.outcome} in a subject that has it ({found.reason}; {found.effect})"
    levels = 1 + max(s.level for s in with_effect.sites)
    nulls: list[Responder] = [Idle(with_effect.frame_size, levels, kind, with_effect.frame_ms) for kind in ("silent", "constant", "noise")]
    for null in [*nulls, *([Shuffled(with_effect)] if in_time else [])]:
        outcome = judged(phenomenon, null, seeds).outcome
        assert outcome != "holds", f"{about.name} was found in a subject that is {null.name}"
    one = phenomenon.measure(with_effect, seeds[0]).effects
    other = phenomenon.measure(Reordered(with_effect), seeds[0]).effects
    assert one.keys() == other.keys() and about.primary in one, f"{about.name}: its measures are {sorted(one)}"
    for name, value in one.items():
        assert np.isclose(value, other[name], equal_nan=True), f"{about.name}: {name} depends on the order of the cells"
    assert judged(phenomenon, with_effect, seeds[:1]).outcome == "undecided", f"{about.name}: one seed decided"
