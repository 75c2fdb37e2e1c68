"""What a battery is of: models with their runs, and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """A model of the battery.

    Attributes
    ----------
    name : str
        In tables and folder names.
    runs : tuple of Path
        One run a seed, alike but for the seed.
    untrained : bool
        Whether its untrained control is measured, which takes as long as the model itself. Where it is not, nothing that needs this
        control is counted.
    only : tuple of str
        Phenomena that it is asked for, where another model stands for it in the rest; empty means all.
    """

    name: str
    runs: tuple[Path, ...]
    untrained: bool = True
    only: tuple[str, ...] = ()

    def lacks(self, phenomenon: str) -> str | None:
        """Say why it is not asked.

        Parameters
        ----------
        phenomenon : str
            Its name.

        Returns
        -------
        str or None
            None where it is.
        """
        return None if not self.only or phenomenon in self.only else "it is here for " + " and ".join(self.only)


@dataclass(frozen=True)
class Task:
    """One phenomenon in one run.

    Attributes
    ----------
    model : Model
    seed : int
        Number of the run in its model; also the seed of stimuli and noise.
    phenomenon : str
    """

    model: Model
    seed: int
    phenomenon: str
