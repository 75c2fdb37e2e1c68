"""What was measured before, in files: a command that was stopped goes on with what is left."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons import run_folder
from comparisons.page import made


@dataclass(frozen=True, eq=False)
class Kept:
    """What was measured of runs, one file each.

    Attributes
    ----------
    folder : Path or None
        Where it is; nothing is kept with None.
    about : str
        What all of it depends on, such as the recording and how it is shown.
    """

    folder: Path | None = None
    about: str = ""

    def read(self, *what: object) -> Any:
        """Give what was measured of a run.

        Parameters
        ----------
        *what : object
            What it depends on besides, which can be written as JSON.

        Returns
        -------
        object
            As it was written, with None for what is not finite; None where nothing was kept.
        """
        path = self._path(what)
        return json.loads(path.read_text()) if path is not None and path.is_file() else None

    def write(self, found: object, *what: object) -> None:
        """Keep what was measured of a run.

        Parameters
        ----------
        found : object
            Anything that can be written as JSON.
        *what : object
            As of `read`.

        Raises
        ------
        RunFolderError
            If it cannot be written.
        """
        path = self._path(what)
        if path is None:
            return
        made(path.parent)
        run_folder.write_json(path, found)

    def _path(self, what: tuple[object, ...]) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{hashlib.sha256(json.dumps([self.about, *what]).encode()).hexdigest()[:16]}.json"
