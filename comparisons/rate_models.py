"""Opening a trained rate PredNet wherever it lies: in a run folder, under the name of a shipped model, or in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparisons import run_folder
from comparisons.rate_job import WEIGHTS
from snn.errors import StateError, sentence

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet
    from conversion.rate_spec import RatePredNetSpec


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
        Changed in place. What its weights do not depend on may differ: the length of sub-steps, what training lowers, and
        where sites share kernels the size of the frames.
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

    found = open_same(start, digest)
    if found.clips is None:
        raise StateError(sentence(start, "does not say which frames it has learned from", cure="give a run folder"))
    anywhere = found.model.spec.shared and model.spec.shared
    old, new = (_meaning(m.spec, anywhere) for m in (found.model, model))
    for name in new:
        if old[name] != new[name]:
            what = f"and the model to be trained differ in {name}, so its weights would mean something else"
            raise StateError(sentence(start, what, got=old[name], allowed=str(new[name])))
    fill(model, dict(found.model.named_parameters()), start)
    return found.clips


def _meaning(spec: RatePredNetSpec, anywhere: bool) -> dict[str, Any]:
    """The fields of a description without which its weights mean nothing; those that serve anywhere know no size."""
    free = {"error_norm", "loss", "timing"} | ({"rows", "cols"} if anywhere else set())
    found = {name: value for name, value in spec.model_dump().items() if name not in free}
    timing = None if spec.timing is None else spec.timing.model_copy(update={"step_ms": spec.timing.frame_ms / 2, "hop_ms": 0.0})
    return {**found, "timing": timing}


def open_same(name: str, digest: str | None) -> TrainedRate:
    """Open a trained rate PredNet that a run began with.

    Parameters
    ----------
    name : str
        As for `open_rate`.
    digest : str, optional
        SHA-256 of its file of weights, if it is known what it should be.

    Returns
    -------
    TrainedRate

    Raises
    ------
    StateError
        If it is no longer what it was.
    """
    found = open_rate(Path(name))
    if digest is not None and found.digest != digest:
        got, allowed = found.digest[:12], digest[:12]
        raise StateError(sentence(name, "has changed since this run was begun", got=got, allowed=allowed, cure="begin anew"))
    return found


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
