"""What a distilled network is to match, and which networks can teach which."""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError, model_validator

from conversion.rate_spec import TAU_FRAMES, RatePredNetSpec, Timing
from snn._edit import first_error
from snn._model import Described, NonNegative
from snn.errors import ConversionError, sentence

GATE = 0.8
"""Largest error over that of copying the last frame at which a network counts as trained."""


class DistilPlan(Described):
    """What a student is to match: weights of the terms of the loss, and where it begins.

    Means over the second half of a frame are compared: of A-hat and E as they are, of A after pooling, of R as the current
    that it makes in its synapses.
    Every term is a root mean square of a difference, over the standard deviation of what the teacher does, so that 1 is
    the error of a student that knows no more than the mean of each channel. Terms of one kind are averaged over levels.

    Parameters
    ----------
    forecast : float
        A-hat of level 0 against that of the teacher.
    frame : float
        A-hat of level 0, as it is read, against the frame itself.
    prediction : float
        A-hat of the levels above.
    target : float
        A of the levels above, after pooling.
    error : float
        E+ and E- of every level.
    representation : float
        R of every level.
    from_teacher : bool
        Whether the student begins with those weights of a ``leaky`` teacher that fit it.

    References
    ----------
    Hinton, Vinyals & Dean (2015), https://doi.org/10.48550/arXiv.1503.02531; matching inside the network, through a linear
    read-out where widths differ: Romero et al. (2015), https://doi.org/10.48550/arXiv.1412.6550.
    """

    forecast: NonNegative = 1.0
    frame: NonNegative = 1.0
    prediction: NonNegative = 0.03
    target: NonNegative = 0.03
    error: NonNegative = 0.1
    representation: NonNegative = 0.03
    from_teacher: bool = True

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.forecast or self.frame):
            raise ValueError("forecast and frame must not both be 0: without them nothing ties the student's forecast down")
        return self


def populations_of(levels: int) -> dict[str, str]:
    """List what a student is compared in.

    Parameters
    ----------
    levels : int

    Returns
    -------
    dict of str to str
        Population, and the field of `DistilPlan` that weighs it.
    """
    found = {}
    for level in range(levels):
        here = f"level{level}."
        found[here + "prediction"] = "prediction" if level else "forecast"
        found[here + "error_pos"] = found[here + "error_neg"] = "error"
        found[here + "representation"] = "representation"
        if level:
            found[here + "target"] = "target"
    return found


def channels_of(population: str, spec: RatePredNetSpec) -> int:
    """Give the number of channels of a population.

    Parameters
    ----------
    population : str
        Such as ``level1.error_pos``.
    spec : RatePredNetSpec

    Returns
    -------
    int
    """
    level, _, name = population.removeprefix("level").partition(".")
    return (spec.r if name == "representation" else spec.channels)[int(level)]


def directly(population: str, teacher: RatePredNetSpec, student: RatePredNetSpec) -> bool:
    """Tell whether a population is compared channel by channel; otherwise through a linear read-out of the student's.

    Parameters
    ----------
    population : str
    teacher, student : RatePredNetSpec

    Returns
    -------
    bool
        False where channels differ in number, and for R of a gated cell, which is signed.
    """
    signed = population.endswith("representation") and teacher.cell != "leaky"
    return not signed and channels_of(population, teacher) == channels_of(population, student)


def student_of(
    teacher: RatePredNetSpec,
    timing: Timing,
    *,
    channels: tuple[int, ...] | None = None,
    r_channels: tuple[int, ...] | None = None,
    tau_frames: tuple[float, ...] | None = None,
    shared: bool | None = None,
    dale: bool | None = None,
) -> RatePredNetSpec:
    """Describe a network that converts to spikes and can learn from a teacher.

    Parameters
    ----------
    teacher : RatePredNetSpec
    timing : Timing
        How the student runs in milliseconds.
    channels, r_channels : tuple of int, optional
        As the teacher's when left out.
    tau_frames : tuple of float, optional
        Time constants of the synapses of R in frames; those of a ``leaky`` teacher when left out.
    shared, dale : bool, optional
        As the teacher's when left out.

    Returns
    -------
    RatePredNetSpec
        Of rectified leaky units, with average pooling.

    Raises
    ------
    ConversionError
        If the student cannot be built, or cannot learn from that teacher.
    """
    try:
        student = RatePredNetSpec(
            rows=teacher.rows,
            cols=teacher.cols,
            channels=(1, *teacher.channels[1:]) if channels is None else channels,
            r_channels=teacher.r if r_channels is None else r_channels,
            cell="leaky",
            pooling="average",
            error_norm="rms",
            kernel=teacher.kernel,
            pixel_max=teacher.pixel_max,
            tau_frames=(teacher.tau_frames if teacher.cell == "leaky" else TAU_FRAMES) if tau_frames is None else tau_frames,
            shared=teacher.shared if shared is None else shared,
            dale=teacher.dale if dale is None else dale,
            timing=timing,
        )
    except ValidationError as error:
        raise ConversionError(sentence("student", f"cannot be built ({first_error(error)})")) from error
    refuse_unlike(teacher, student)
    return student


def refuse_unlike(teacher: RatePredNetSpec, student: RatePredNetSpec) -> None:
    """Raise where two networks have nothing to be compared in.

    Parameters
    ----------
    teacher, student : RatePredNetSpec

    Raises
    ------
    ConversionError
        If the student does not run in milliseconds, they differ in frames or levels, or the teacher's forecast is not its
        A-hat.
    """
    if student.timing is None:
        cure = "describe it with student_of, or give it a timing"
        raise ConversionError(sentence("student.timing", "is missing, so the student has no form in spikes", cure=cure))
    if (student.rows, student.cols) != (teacher.rows, teacher.cols):
        raise ConversionError(
            sentence("student", "sees frames of another size than the teacher", got=student.size(0), allowed=_of(teacher))
        )
    if student.levels != teacher.levels:
        cure = "give --channels and --r-channels one entry a level"
        raise ConversionError(
            sentence(
                "student.channels", "has other levels than the teacher", got=student.channels, allowed=f"{teacher.levels} levels", cure=cure
            )
        )
    if teacher.loss == "direct":
        cure = "give a teacher trained with loss L_0 or L_all"
        raise ConversionError(sentence("teacher.loss", "is 'direct': its forecast is not A-hat, which the student's is", cure=cure))
    if teacher.timing is not None and teacher.timing.frame_ms != student.timing.frame_ms:
        got, allowed = student.timing.frame_ms, str(teacher.timing.frame_ms)
        raise ConversionError(sentence("student.timing.frame_ms", "is not the teacher's", got=got, allowed=allowed))


def _of(spec: RatePredNetSpec) -> str:
    return str(spec.size(0))
