"""What a battery is of: models with their runs, and tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    seeds : tuple of int
        Seed of each run, where they are not 0, 1, 2 and so on: so that the same stimuli are shown to models of which runs are missing.
    """

    name: str
    runs: tuple[Path, ...]
    untrained: bool = True
    only: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

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
        Place of the run in its model.
    phenomenon : str
    """

    model: Model
    seed: int
    phenomenon: str

    @property
    def number(self) -> int:
        """Seed of stimuli and noise, and name of the folder of its results: that of the run."""
        return self.model.seeds[self.seed] if self.model.seeds else self.seed


def models_as_json(models: Sequence[Model]) -> dict[str, Any]:
    """Describe models as a battery writes them down.

    Parameters
    ----------
    models : sequence of Model

    Returns
    -------
    dict
    """
    return {
        "models": {m.name: [str(run.resolve() if run.exists() else run) for run in m.runs] for m in models},
        "without_untrained": [m.name for m in models if not m.untrained],
        "only": {m.name: m.only for m in models if m.only},
        "seeds": {m.name: m.seeds for m in models if m.seeds},
    }


def models_from(asked: Mapping[str, Any]) -> list[Model]:
    """Read what `models_as_json` gives.

    Parameters
    ----------
    asked : mapping

    Returns
    -------
    list of Model
    """
    bare, only, seeds = asked.get("without_untrained", ()), asked.get("only", {}), asked.get("seeds", {})
    return [
        Model(name, tuple(map(Path, runs)), name not in bare, tuple(only.get(name, ())), tuple(seeds.get(name, ())))
        for name, runs in asked["models"].items()
    ]
