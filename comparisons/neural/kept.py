"""Scores that were made before, in files: a command that was stopped goes on with what is left."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from comparisons import run_folder
from comparisons.neural.scores import Score
from snn.errors import RunFolderError, sentence


@dataclass(frozen=True, eq=False)
class Kept:
    """Scores of runs, one file each.

    Attributes
    ----------
    folder : Path or None
        Where they are; nothing is kept with None.
    about : str
        What all of them depend on, such as the recording and how it is shown.
    """

    folder: Path | None = None
    about: str = ""

    def read(self, *what: object) -> dict[str, dict[str, Score]] | None:
        """Give the scores of a run.

        Parameters
        ----------
        *what : object
            What they depend on besides, which can be written as JSON.

        Returns
        -------
        dict of str to dict of str to Score, or None
            Per population; None where they were not kept.
        """
        path = self._path(what)
        if path is None or not path.is_file():
            return None
        return {
            population: {m: Score(_number(s["whole"]), np.array([_number(h) for h in s["halves"]])) for m, s in found.items()}
            for population, found in json.loads(path.read_text()).items()
        }

    def write(self, scores: Mapping[str, Mapping[str, Score]], *what: object) -> None:
        """Keep the scores of a run.

        Parameters
        ----------
        scores : mapping of str to mapping of str to Score
        *what : object
            As of `read`.

        Raises
        ------
        RunFolderError
            If they cannot be written.
        """
        path = self._path(what)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            where = str(path.parent)
            raise RunFolderError(sentence(where, f"cannot be written ({error.strerror})", cure="choose another --out")) from error
        plain = {
            population: {m: {"whole": s.whole, "halves": s.halves.tolist()} for m, s in found.items()}
            for population, found in scores.items()
        }
        run_folder.write_json(path, plain)

    def _path(self, what: tuple[object, ...]) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{hashlib.sha256(json.dumps([self.about, *what]).encode()).hexdigest()[:16]}.json"


def _number(value: float | None) -> float:
    return math.nan if value is None else value
