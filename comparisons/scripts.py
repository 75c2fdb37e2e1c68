"""What scripts share that are run by hand: errors in one line, places that are checked before anything takes long."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snn.errors import RunFolderError, SpikingPrednetError, sentence


def said_plainly(do: Callable[..., object], *arguments: Any) -> None:
    """Run a script; errors of the user are one line and exit status 2, as those of the command line are.

    Parameters
    ----------
    do : callable
    *arguments
        That it is given.
    """
    try:
        do(*arguments)
    except SpikingPrednetError as error:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}\n")
        sys.exit(2)


def place_for_file(path: Path) -> Path:
    """Make sure that a file can be written, and make the folder that it lies in.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
        The same.

    Raises
    ------
    RunFolderError
        If it is a folder, or its folder cannot be made.
    """
    if path.is_dir():
        raise RunFolderError(sentence(str(path), "is a folder", allowed="the name of a file", cure="add a name to it"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(sentence(str(path.parent), f"cannot be made ({error.strerror})", cure="choose another --out")) from error
    return path


def count(text: str) -> int:
    """Read a number of things, for ``argparse``.

    Parameters
    ----------
    text : str

    Returns
    -------
    int

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none of 1 or more.
    """
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more; got {text!r}")
    return int(text)
