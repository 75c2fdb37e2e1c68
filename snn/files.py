"""Writing files all or nothing: under another name, synced, renamed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

TEMPORARY = ".new"


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that its name never stands for half of it.

    Parameters
    ----------
    path : Path
        The file; an existing one is replaced.
    write : callable
        Writes the content to the open file that it is given.

    Raises
    ------
    OSError
        If the place cannot be written; nothing is left behind.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
