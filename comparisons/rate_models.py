"""Opening a trained rate PredNet wherever it lies: in a run folder, under the name of a shipped model, or in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from comparisons import run_folder
from comparisons.rate_job import WEIGHTS
from snn.errors import StateError, sentence

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet


@dataclass(frozen=True, eq=False)
class TrainedRate:
    """A trained rate PredNet and what is known of its training.

    Attributes
    ----------
    model : RatePredNet
    digest : str
        SHA-256 of its file of weights.
    clips : dict of str to list of str or None
        Digests of the frames that it has learned from or was validated on; None where nobody knows.
    """

    model: RatePredNet
    digest: str
    clips: dict[str, list[str]] | None


def begin_with(model: RatePredNet, start: str, digest: str | None) -> dict[str, list[str]]:
    """Give a new model the weights of a trained one.

    Parameters
    ----------
    model : RatePredNet
        Changed in place. What does not shape its weights, such as the length of its sub-steps, may differ.
    start : str
        As for `open_rate`.
    digest : str, optional
        SHA-256 of its file of weights, if it is known what it should be.

    Returns
    -------
    dict of str to list of str
        Frames that it has learned from.

    Raises
    ------
    StateError
        If it has other weights than the model, is no longer what it was, or nobody knows what it has learned from.
    """
    from conversion.model_files import fill

    found = open_rate(Path(start))
    if digest is not None and found.digest != digest:
        got, allowed = found.digest[:12], digest[:12]
        raise StateError(sentence(start, "has changed since this run was begun", got=got, allowed=allowed, cure="begin anew"))
    if found.clips is None:
        raise StateError(sentence(start, "does not say which frames it has learned from", cure="give a run folder"))
    if found.model.spec.cell != model.spec.cell:
        raise StateError(sentence(start, "has another cell than the model", got=found.model.spec.cell, allowed=model.spec.cell))
    fill(model, dict(found.model.named_parameters()), start)
    return found.clips


def open_rate(path: Path) -> TrainedRate:
    """Open a trained rate PredNet.

    Parameters
    ----------
    path : Path
        Run folder, name of a shipped model, or ``.safetensors`` file.

    Returns
    -------
    TrainedRate

    Raises
    ------
    RunFolderError
        If it is not a finished run or a file of it has changed.
    StateError
        If it is no rate PredNet, or its file is damaged.
    """
    from conversion.model_files import load_model

    if path.suffix == ".safetensors":
        model, _ = load_model(path)
        return TrainedRate(model, run_folder.sha256(path), None)
    folder = run_folder.resolve(path)
    run_folder.verify(folder)
    if not (folder / WEIGHTS).is_file():
        cure = "give a run of `train-rate` or `distil`, drift-convlstm, or a .safetensors file of `import-rate`"
        raise StateError(sentence(str(path), "is a run of a circuit, not of a rate PredNet", cure=cure))
    model, _ = load_model(folder / WEIGHTS)
    return TrainedRate(model, run_folder.sha256(folder / WEIGHTS), run_folder.read_json(folder / "clips.json"))
