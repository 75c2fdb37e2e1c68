"""Results of a battery on disk: small files, each written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snn.files import replace_file


def read_result(path: Path) -> dict[str, Any] | None:
    """Read a result.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict or None
        None where there is none, or it is cut short or damaged.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "run_digest" in found else None


def write_result(path: Path, text: str) -> None:
    """Write a file, and the folder that it lies in.

    Parameters
    ----------
    path : Path
    text : str
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: file.write(text.encode()))
