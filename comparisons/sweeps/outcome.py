"""What came of one run of a sweep, in a small file of its own."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from comparisons.battery_results import write_result
from comparisons.run_folder import to_json

ROOMS = ("snn", "conversion", "plasticity", "comparisons")
CODE_DIGITS = 8


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    digest : str
        Of the job.
    status : {'done', 'failed'}
    version : str
        Of this package, with a digest of its source.
    seconds : float
        That the run and its scores took, in the attempt that ended it.
    numbers : mapping of str to float
        Measures by name; NaN where one is not defined.
    error : str
        Why it failed.
    """

    digest: str
    status: Literal["done", "failed"]
    version: str
    seconds: float
    numbers: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    def write(self, path: Path) -> None:
        """Write it, all or nothing.

        Parameters
        ----------
        path : Path
        """
        write_result(path, to_json(asdict(self)))


def read_outcome(path: Path) -> Outcome | None:
    """Read what came of a run.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Outcome or None
        None where there is nothing, or something that is cut short.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        numbers = {str(k): math.nan if v is None else float(v) for k, v in found.pop("numbers").items()}
        return Outcome(**found, numbers=numbers)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@cache
def version() -> str:
    """Version of this package, with a digest of its source: what is edited in place has another one.

    Returns
    -------
    str
        Such as ``0.1.0+1f0c22ab``.
    """
    source = hashlib.sha256()
    root = Path(__file__).resolve().parents[2]
    for file in sorted(file for room in ROOMS for file in (root / room).rglob("*.py")):
        source.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return f"{metadata.version('spiking-prednet')}+{source.hexdigest()[:CODE_DIGITS]}"
