"""What a phenomenon is: a claim with a source, stimuli, a measure, and a criterion that was fixed before any run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from comparisons.responder import Control, FloatArray, Responder, Role, Site, sites_of


@dataclass(frozen=True)
class About:
    """What is known of a phenomenon before anything is shown.

    Attributes
    ----------
    name : str
        Short, for the command line and file names.
    title : str
    version : int
        Of its stimuli, measure and criterion; results of different versions are not put together.
    claim : str
        One sentence that can be wrong.
    doi : str
        Of the source.
    primary : str
        The measure that decides.
    unit : str
        Of that measure.
    least : float
        The claim holds where the effect is surely above it.
    controls : tuple of {'untrained', 'feedback_cut', 'adaptation_only'}
        Subjects beside which an effect must stand out to be counted.
    beside : tuple of {'untrained', 'feedback_cut', 'adaptation_only'}
        Subjects that are measured and shown beside it, and decide nothing.
    departures : str
        In what it differs from the source.
    least_px : int
        Side of the frame that its stimuli need.
    """

    name: str
    title: str
    version: int
    claim: str
    doi: str
    primary: str
    unit: str
    least: float
    controls: tuple[Control, ...] = ("untrained",)
    departures: str = ""
    least_px: int = 0
    beside: tuple[Control, ...] = ()


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured in one subject with one seed.

    Attributes
    ----------
    effects : mapping of str to float
        Measures by name, the primary one among them; NaN where one is not defined.
    curves : mapping of str to ndarray
        What a figure is drawn from.
    """

    effects: Mapping[str, float]
    curves: Mapping[str, FloatArray] = field(default_factory=dict)


class Phenomenon(Protocol):
    """A question that can be asked of any subject."""

    @property
    def about(self) -> About:
        """What is known before."""

    def lacks(self, responder: Responder) -> str | None:
        """Say why it cannot be asked of a subject.

        Parameters
        ----------
        responder : Responder

        Returns
        -------
        str or None
            One clause, such as "it has one level only"; None where it can.
        """

    def measure(self, responder: Responder, seed: int) -> Measurement:
        """Show the stimuli and take the measure.

        Parameters
        ----------
        responder : Responder
        seed : int
            Of stimuli and noise.

        Returns
        -------
        Measurement
        """


def error_sites(responder: Responder, level: int | None = None) -> tuple[Site, ...]:
    """List both error populations of every level, or of one.

    Parameters
    ----------
    responder : Responder
    level : int, optional

    Returns
    -------
    tuple of Site
    """
    return (*sites_of(responder, "error_pos", level), *sites_of(responder, "error_neg", level))


def levels_of(responder: Responder, role: Role) -> tuple[int, ...]:
    """List the levels that have a population of a role.

    Parameters
    ----------
    responder : Responder
    role : {'target', 'prediction', 'error_pos', 'error_neg', 'representation'}

    Returns
    -------
    tuple of int
    """
    return tuple(s.level for s in sites_of(responder, role))


def errors(activity: Mapping[str, FloatArray], level: int) -> FloatArray:
    """Put the two error populations of a level side by side.

    Parameters
    ----------
    activity : mapping of str to ndarray, shape (..., rows, cols, features)
    level : int

    Returns
    -------
    ndarray, shape (..., rows, cols, 2 features)
        E+ first.
    """
    return np.concatenate([activity[f"level{level}.error_{sign}"] for sign in ("pos", "neg")], axis=-1)


def error_traces(activity: Mapping[str, FloatArray], level: int) -> dict[str, FloatArray]:
    """Average the error cells of a level over trials, places and features: both populations together, and each.

    Parameters
    ----------
    activity : mapping of str to ndarray, shape (n_trials, n_bins, rows, cols, features)
    level : int

    Returns
    -------
    dict of str to ndarray, shape (n_bins,)
        Under ``level L``, ``level L, error_pos`` and ``level L, error_neg``.
    """
    each = {f"level {level}, error_{sign}": activity[f"level{level}.error_{sign}"] for sign in ("pos", "neg")}
    return {where: values.mean((0, 2, 3, 4)) for where, values in {f"level {level}": errors(activity, level), **each}.items()}


def mean_or_nan(values: ArrayLike) -> float:
    """Average what is defined.

    Parameters
    ----------
    values : array_like

    Returns
    -------
    float
        NaN where nothing is.
    """
    every = np.asarray(values, dtype=np.float64)
    known = every[~np.isnan(every)]
    return float(known.mean()) if known.size else float("nan")


def over_levels(effects: Mapping[str, float], names: Iterable[str], levels: Iterable[int]) -> dict[str, float]:
    """Average effects over the levels in which they are defined.

    Parameters
    ----------
    effects : mapping of str to float
        With ``NAME, level L`` for every name and level.
    names : iterable of str
    levels : iterable of int

    Returns
    -------
    dict of str to float
        By name; NaN where an effect is not defined in any level.
    """
    levels = tuple(levels)
    return {name: mean_or_nan([effects[f"{name}, level {level}"] for level in levels]) for name in names}


def too_small(responder: Responder, least_px: int) -> str | None:
    """Say that a subject sees too little for a stimulus.

    Parameters
    ----------
    responder : Responder
    least_px : int
        Side of the frame that the stimulus needs.

    Returns
    -------
    str or None
    """
    rows, cols = responder.frame_size
    return None if min(rows, cols) >= least_px else f"its frames are {rows}x{cols}, and the stimulus needs {least_px}x{least_px}"
