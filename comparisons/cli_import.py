"""The command that imports PredNets trained elsewhere."""

from __future__ import annotations

from pathlib import Path


def import_rate(file: Path, /, *, out: Path, rows: int | None = None, cols: int | None = None, layout: str | None = None) -> None:
    """Import a PredNet that was trained with Keras or PyTorch as a rate model.

    Parameters
    ----------
    file
        Weights: HDF5 of coxlab/prednet, a state dictionary of a port to PyTorch, or safetensors.
    out
        Safetensors file to make.
    rows
        Height of the frames that it will see; as the file says, or else 128.
    cols
        Width of the frames; as the file says, or else 160.
    layout
        How the file names and lays out its weights; found out when left out.

    Raises
    ------
    StateError
        If the file to make exists already or has another ending.
    """
    from conversion.import_rate import import_rate as read
    from conversion.model_files import save_model
    from snn.errors import StateError, sentence

    if out.suffix != ".safetensors":
        raise StateError(sentence(str(out), "is no name for a rate model", allowed="NAME.safetensors", cure="so that evaluate knows it"))
    if out.exists():
        raise StateError(sentence(str(out), "exists already", cure="choose another name"))
    model = read(file, rows=rows, cols=cols, layout=layout)
    save_model(out, model, {"imported_from": file.name})
    channels = ",".join(str(n) for n in model.spec.channels)
    print(f"{out}: {model.spec.levels} levels, channels {channels}, {model.n_parameters} parameters")


COMMANDS = (import_rate,)
