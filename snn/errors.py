"""The errors of the package and the one sentence they are all written in.

Every error says *where* (a dotted path), *what is wrong*, *what was got*, *what is allowed* and *what to do*.
Each class also inherits the builtin that it refines, so that ``except ValueError`` keeps working.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NEAR = "did you mean"
"""How a suggestion begins."""


class SpikingPrednetError(Exception):
    """Base of every error that a user can cause or cure."""


class DescriptionError(SpikingPrednetError, ValueError):
    """A population, projection, network or setting that cannot be built."""


class MovieError(SpikingPrednetError, ValueError):
    """Frames that cannot be read or shown."""


class StateError(SpikingPrednetError, ValueError):
    """Weights, membranes or a checkpoint that do not fit the network, or a damaged file."""


class ConversionError(SpikingPrednetError, ValueError):
    """A rate model that cannot be converted, or a conversion that would not do what it says."""


class EngineError(SpikingPrednetError, ValueError):
    """A network that this engine cannot run; the reasons are in the message."""


class BlowUpError(SpikingPrednetError, ArithmeticError):
    """A run that left the range in which its numbers mean anything."""


class SubjectError(SpikingPrednetError, ValueError):
    """A question that a subject cannot be asked."""


class NeuralDataError(SpikingPrednetError, ValueError):
    """Recorded responses that cannot be read, or from which nothing can be concluded."""


class RunFolderError(SpikingPrednetError, OSError):
    """A run folder that is missing, damaged, in use or cannot be written."""


def sentence(where: str, problem: str, *, got: object = None, allowed: str = "", cure: str = "") -> str:
    """Compose the one-line message that every error of this package carries.

    Parameters
    ----------
    where : str
        Dotted path of the thing, such as ``level0.error_pos.cell.tau_mem_ms``, or a file.
    problem : str
        What is wrong with it.
    got : object, optional
        The value found, printed with ``repr`` and shortened.
    allowed : str, optional
        The values that would do.
    cure : str, optional
        What the user can do about it.

    Returns
    -------
    str
        ``where: problem; got …; allowed: …; cure``, without line breaks.
    """
    parts = [f"{where}: {problem}"]
    if got is not None:
        shown = " ".join(repr(got).split())
        parts.append(f"got {shown if len(shown) <= 80 else shown[:77] + '...'}")
    if allowed:
        parts.append(f"allowed: {allowed}")
    if cure:
        parts.append(cure)
    return "; ".join(parts)


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name closest to a misspelt one.

    Parameters
    ----------
    name : str
        The name that was not found.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        ``did you mean 'x'?`` when something is near, otherwise the list of known names.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"{NEAR} {close[0]!r}?"
    return "known: " + ", ".join(names[:20]) if names else "nothing is known here"
