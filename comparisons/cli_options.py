"""Options that several commands share: where frames come from, and how much time is spent on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from snn.errors import DescriptionError, SubjectError, sentence

if TYPE_CHECKING:
    from comparisons.movies import Source
    from comparisons.subjects import Subject

Count = Annotated[int, Parameter(validator=Number(gte=1))]
"""1 or more."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Movies to learn from.

    Parameters
    ----------
    frames
        Video file, folder or zip of frames, .npz, .npy, or the word photographs.
    clips
        Names of clips, with commas; all when left out.
    size
        Side of the frames in pixels.
    hold_out
        Frames at the end of each clip that are kept from learning.
    validate
        Frames before those that are kept from learning too, to choose constants on.
    movies
        For photographs: number of drifts; 1200 when left out.
    speed
        For photographs: slowest and fastest drift in pixels a frame; 1 when left out.
    direction
        For photographs: range of the directions in which the scene moves, in degrees: 0 is rightward, 90 upward, 180
        leftward; all directions when left out.
    frame_ms
        Time for which a frame is shown.
    timing
        For a video: show every frame for that time, or take the frames that keep the real speed.
    crop
        Cut the frames to the middle square, or take them whole (they must then have that shape).
    """

    frames: str
    clips: str = ""
    size: int = 32
    hold_out: int = 0
    validate: int = 0
    movies: int | None = None
    speed: tuple[float, float] | None = None
    direction: tuple[float, float] | None = None
    frame_ms: float = 50.0
    timing: Literal["keep-frames", "resample"] = "keep-frames"
    crop: Literal["centre-square", "none"] = "centre-square"

    def source(self, n_frames: int = 10) -> Source:
        """Give the source that these options describe.

        Parameters
        ----------
        n_frames : int
            Length of the drifts of photographs; they are never shorter than 5.

        Returns
        -------
        Source

        Raises
        ------
        DescriptionError
            If an option does not apply to photographs, or to frames from a file.
        """
        from comparisons.movies import PHOTOGRAPHS, Source

        still = self.frames == PHOTOGRAPHS
        if still:
            other = ("clips", "hold_out", "validate", "timing", "crop")
            changed = {name: getattr(self, name) for name in other if getattr(self, name) != getattr(SourceOptions, name)}
            refuse_unused(NOT_FOR_PHOTOGRAPHS, changed)
        else:
            refuse_unused(FOR_PHOTOGRAPHS, {"movies": self.movies, "speed": self.speed, "direction": self.direction})
        slow, fast = self.speed or (1.0, 1.0)
        low, high = self.direction or (-180.0, 180.0)
        return Source(
            frames=self.frames,
            clips=names(self.clips),
            size=self.size,
            hold_out=self.hold_out,
            validate_frames=self.validate,
            n_movies=1200 if self.movies is None else self.movies,
            n_frames=max(5, n_frames) if still else 10,
            speed_min_px=slow,
            speed_max_px=fast,
            direction_min_deg=low,
            direction_max_deg=high,
            frame_ms=self.frame_ms,
            timing=self.timing,
            crop=self.crop,
        )


FOR_PHOTOGRAPHS = "is for photographs only"
NOT_FOR_PHOTOGRAPHS = "does not apply to photographs, which are held out whole"


def refuse_unused(why: str, given: Mapping[str, object]) -> None:
    """Refuse options that would be ignored.

    Parameters
    ----------
    why : str
        Why they do not apply.
    given : mapping of str to object
        Values by name; None where nothing was given.

    Raises
    ------
    DescriptionError
        Naming the first that was given.
    """
    for name, value in given.items():
        if value is not None:
            raise DescriptionError(sentence("--" + name.replace("_", "-"), why, got=value, cure="leave it out"))


def names(text: str) -> tuple[str, ...]:
    """Split a list of names.

    Parameters
    ----------
    text : str
        With commas.

    Returns
    -------
    tuple of str
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


def named_runs(text: str) -> tuple[str, tuple[Path, ...]]:
    """Read a model and its runs.

    Parameters
    ----------
    text : str
        NAME=RUN,RUN,...

    Returns
    -------
    str
    tuple of Path

    Raises
    ------
    SubjectError
        If it is not of that form.
    """
    name, equals, runs = text.partition("=")
    paths = tuple(Path(run) for run in names(runs))
    if not (name and equals and paths) or "/" in name:
        raise SubjectError(
            sentence("model", "is not of the form NAME=RUN,RUN,...", got=text, cure="for example leaky=runs/leaky-0,runs/leaky-1")
        )
    return name, paths


def some_runs(texts: Sequence[str]) -> list[tuple[str, tuple[Path, ...]]]:
    """Read models and their runs, where one run may stand for itself.

    Parameters
    ----------
    texts : sequence of str
        Each NAME=RUN,RUN,... or RUN.

    Returns
    -------
    list of (str, tuple of Path)
    """
    return [named_runs(text) if "=" in text else (Path(text).name, (Path(text),)) for text in texts]


def opened(command: str, named: Sequence[tuple[str, tuple[Path, ...]]]) -> dict[str, list[Subject]]:
    """Open the runs that a command was given.

    Parameters
    ----------
    command : str
        For errors.
    named : sequence of (str, tuple of Path)
        Models and their runs.

    Returns
    -------
    dict of str to list of Subject
        Per model.

    Raises
    ------
    SubjectError
        If two models have one name, or one run is given twice.
    """
    from comparisons.subjects import open_subject

    if len({name for name, _ in named}) < len(named):
        got, cure = [name for name, _ in named], "give runs of one model together: NAME=RUN,RUN"
        raise SubjectError(sentence(command, "two models have one name", got=got, cure=cure))
    models = {name: [open_subject(path, name) for path in paths] for name, paths in named}
    for name, subjects in models.items():
        if len({s.digest for s in subjects}) < len(subjects):
            raise SubjectError(sentence(f"{command} {name}", "has one run twice", cure="a seed counts once"))
    return models


def same_networks(command: str, models: dict[str, list[Subject]]) -> dict[str, list[Subject]]:
    """Refuse runs of a model that are not of one network.

    Parameters
    ----------
    command : str
        For errors.
    models : dict of str to list of Subject

    Returns
    -------
    dict of str to list of Subject
        The same.

    Raises
    ------
    SubjectError
        If runs of a model have other populations or frames.
    """
    for name, subjects in models.items():
        kinds = {(s.responder.frame_size, s.responder.frame_ms, s.responder.sites) for s in subjects}
        if len(kinds) > 1:
            got, cure = [str(s.path) for s in subjects], "runs of one model differ in seeds; give others a name of their own"
            raise SubjectError(sentence(f"{command} {name}", "has runs of different networks", got=got, cure=cure))
    return models


def pairs(values: tuple[str, ...]) -> tuple[tuple[str, float | str], ...]:
    """Read fields of the description to change.

    Parameters
    ----------
    values : tuple of str
        Each PATH=VALUE.

    Returns
    -------
    tuple of (str, float or str)

    Raises
    ------
    DescriptionError
        If one has no ``=``.
    """
    found: list[tuple[str, float | str]] = []
    for text in values:
        path, equals, value = text.partition("=")
        if not (path and equals and value):
            cure = "for example --set level0.error_pos.cell.tau_mem_ms=2 or --set level0.representation.sign=mixed"
            raise DescriptionError(sentence("--set", "is not PATH=VALUE", got=text, cure=cure))
        try:
            found.append((path, float(value)))
        except ValueError:
            found.append((path, value))
    return tuple(found)


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Read a list of whole numbers.

    Parameters
    ----------
    text : str
        With commas.
    option : str
        Its name, for the message.

    Returns
    -------
    tuple of int

    Raises
    ------
    DescriptionError
        If one is not a whole number.
    """
    try:
        return tuple(int(part) for part in names(text))
    except ValueError as error:
        raise DescriptionError(sentence(option, "is not a list of whole numbers", got=text, cure="for example 1,32")) from error


def say_learned(out: Path, summary: dict[str, Any], size: str) -> None:
    """Print what a run has come to.

    Parameters
    ----------
    out : Path
        The run folder.
    summary : dict
    size : str
        How large the model is.
    """
    print(f"{out}: {size}; error / copy-last while learning {summary['ratio_while_learning']:.3f}")
    if summary["validation"]:
        from comparisons.evaluation import table

        print(table(summary["validation"]))
