"""Run folders: written under another name, synced, renamed; done means that the manifest verifies.

A finished run holds ``config.json``, ``clips.json`` (what was learned from), ``description.json``, ``summary.json``,
``curve.csv``, ``weights.npz`` or ``weights.safetensors``, ``bars.npz`` and ``MANIFEST.sha256``, and unless figures were declined
``figures/`` and, for a circuit, ``recording.npz``; a circuit that learned by its local rule has ``diagnostics.csv``. While a run
is under way everything lies in ``NAME.partial``, with the last good checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from snn.errors import RunFolderError, nearest, sentence
from snn.files import TEMPORARY, replace_file

MANIFEST = "MANIFEST.sha256"
CHECKPOINTS = ("checkpoint.npz", "checkpoint.safetensors")
WEIGHTS = ("weights.npz", "weights.safetensors")
NEEDED = ("config.json", "clips.json", "description.json", "summary.json", "curve.csv", "bars.npz")
SHIPPED = Path(__file__).parent / "models"
"""Run folders that come with the package."""

PACKAGES = (
    *("spiking-prednet", "numpy", "scipy", "numba", "torch", "snntorch", "brian2"),
    *("safetensors", "pydantic", "scikit-image", "matplotlib"),
)


def resolve(path: Path) -> Path:
    """Find a run by its folder, or a shipped model by its name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
        Its folder; the path itself where there is neither.
    """
    return SHIPPED / path if not path.exists() and (SHIPPED / path).is_dir() else path


def partial_of(run: Path) -> Path:
    """Name of the folder in which a run is written.

    Parameters
    ----------
    run : Path
        The run folder.

    Returns
    -------
    Path
    """
    return run.with_name(run.name + ".partial")


def can_resume(run: Path) -> bool:
    """Tell whether there is an unfinished run to go on with.

    Parameters
    ----------
    run : Path
        The run folder.

    Returns
    -------
    bool
    """
    return any((partial_of(run) / name).is_file() for name in CHECKPOINTS)


def refuse_taken(run: Path, *, resume: bool) -> None:
    """Raise when a run cannot be written under a name; nothing is touched.

    Parameters
    ----------
    run : Path
        The run folder; it must not exist yet.
    resume : bool
        Whether to go on with an unfinished run.

    Raises
    ------
    RunFolderError
        If the run is finished already, or unfinished and not to be resumed, or there is nothing to resume.
    """
    if run.exists():
        raise RunFolderError(sentence(str(run), "exists already", cure="choose another --out, or remove it"))
    partial = partial_of(run)
    if resume and not can_resume(run):
        raise RunFolderError(sentence(str(partial), "there is no unfinished run with a checkpoint", cure="run without --resume"))
    if not resume and partial.exists() and not _never_began(partial):
        raise RunFolderError(sentence(str(partial), "holds an unfinished run", cure="go on with --resume, or remove it"))


def begin(run: Path, *, resume: bool) -> Path:
    """Open the folder in which a run is written.

    Parameters
    ----------
    run : Path
        The run folder; it must not exist yet.
    resume : bool
        Whether to go on with an unfinished run.

    Returns
    -------
    Path
        ``run.partial``.

    Raises
    ------
    RunFolderError
        As for `refuse_taken`, or if the place cannot be written.
    """
    refuse_taken(run, resume=resume)
    partial = partial_of(run)
    if resume:
        for path in partial.iterdir():
            if path.suffix == TEMPORARY:
                path.unlink()
        return partial
    discard(partial)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise RunFolderError(sentence(str(run), f"cannot be written ({error.strerror})", cure="choose another --out")) from error
    return partial


def write_text(path: Path, text: str) -> None:
    """Write a text file, all or nothing.

    Parameters
    ----------
    path : Path
    text : str

    Raises
    ------
    RunFolderError
        If it cannot be written.
    """
    try:
        replace_file(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise RunFolderError(
            sentence(str(path), f"cannot be written ({error.strerror})", cure="free some room or choose another --out")
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, all or nothing.

    Parameters
    ----------
    path : Path
    value : object
        Anything that ``json`` writes.
    """
    write_text(path, to_json(value) + "\n")


def to_json(value: Any) -> str:
    """Write a value as strict JSON: a number that is not finite, such as a ratio to an error of 0, becomes null.

    Parameters
    ----------
    value : object
        Of dicts, lists, tuples, texts and numbers.

    Returns
    -------
    str
    """

    def finite(item: Any) -> Any:
        if isinstance(item, dict):
            return {k: finite(v) for k, v in item.items()}
        if isinstance(item, list | tuple):
            return [finite(v) for v in item]
        return None if isinstance(item, float) and not math.isfinite(item) else item

    return json.dumps(finite(value), indent=1, allow_nan=False)


def read_json(path: Path) -> Any:
    """Read a JSON file of a run folder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    object

    Raises
    ------
    RunFolderError
        If it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunFolderError(
            sentence(str(path), f"cannot be read ({error.strerror})", cure="give the folder of a run of this version")
        ) from error
    except ValueError as error:
        raise RunFolderError(sentence(str(path), "is not JSON", cure="the file is damaged; restore it or run again")) from error


def sha256(path: Path) -> str:
    """Digest of a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def finish(partial: Path, run: Path) -> None:
    """Write the manifest and give a run its name.

    Parameters
    ----------
    partial : Path
        Where it was written.
    run : Path
        Its name.

    Raises
    ------
    RunFolderError
        If the place cannot be written.
    """
    files = sorted(p for p in partial.rglob("*") if p.is_file() and p.name not in (MANIFEST, *CHECKPOINTS))
    write_text(partial / MANIFEST, "".join(f"{sha256(p)}  {p.relative_to(partial).as_posix()}\n" for p in files))
    try:
        partial.rename(run)
    except OSError as error:
        raise RunFolderError(
            sentence(str(run), f"cannot be written ({error.strerror})", cure=f"the finished run is in {partial}")
        ) from error
    for name in CHECKPOINTS:
        (run / name).unlink(missing_ok=True)


def verify(run: Path) -> None:
    """Check that a run is finished and that no file of it has changed.

    Parameters
    ----------
    run : Path

    Raises
    ------
    RunFolderError
        If it is no run folder, unfinished, or damaged; the file is named.
    """
    if not run.is_dir():
        cure = _cure_for(run)
        raise RunFolderError(sentence(str(run), "is not a run folder", cure=cure))
    manifest = run / MANIFEST
    if not manifest.is_file():
        raise RunFolderError(sentence(str(run), f"has no {MANIFEST}, so it is not a finished run", cure="run `learn` to make one"))
    lines = [line.partition("  ") for line in manifest.read_text(encoding="utf-8", errors="replace").splitlines()]
    listed = {name for _, _, name in lines}
    unlisted = sorted(set(NEEDED) - listed) or ([] if listed & set(WEIGHTS) else [WEIGHTS[0]])
    if unlisted:
        raise RunFolderError(sentence(str(manifest), f"does not list {unlisted[0]}: it is damaged", cure="restore it or run again"))
    for digest, _, name in lines:
        path = run / name
        if not path.is_file():
            raise RunFolderError(sentence(str(path), "is missing", cure="restore it or run again"))
        if sha256(path) != digest:
            raise RunFolderError(
                sentence(str(path), "has changed since the run was finished (cut short or damaged)", cure="restore it or run again")
            )


def _cure_for(run: Path) -> str:
    """What to do about something that is no run folder."""
    if partial_of(run).is_dir():
        return "it is unfinished: give the command that began it again, with --resume"
    if run.is_file():
        return "only a rate model in a .safetensors file can be evaluated without one; import-rate makes it from other files"
    shipped = [p.name for p in SHIPPED.glob("*") if p.is_dir()]
    return f"check the path; of the shipped models: {nearest(run.name, shipped)}"


def versions() -> dict[str, str]:
    """Versions of what a result depends on.

    Returns
    -------
    dict of str to str
    """
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _never_began(partial: Path) -> bool:
    """Tell whether a folder holds nothing but what is written before learning begins."""
    early = {"config.json", "clips.json", "description.json"} | {name + TEMPORARY for name in CHECKPOINTS}
    return partial.is_dir() and {p.name if p.name in early else p.name.removesuffix(TEMPORARY) for p in partial.iterdir()} <= early


def discard(partial: Path) -> None:
    """Remove what an attempt that never began to learn has left.

    Parameters
    ----------
    partial : Path
    """
    shutil.rmtree(partial, ignore_errors=True)
