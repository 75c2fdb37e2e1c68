"""The work behind ``convert``: a trained rate model becomes spiking populations, in a run folder of its own."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparisons import run_folder
from comparisons.convert_job import ConvertJob
from comparisons.inspection import RateRun, load_run
from comparisons.learning import save_weights
from comparisons.movies import PHOTOGRAPHS, Source, seen
from comparisons.progress import Reporter
from conversion.recipe import Recipe
from snn.errors import ConversionError, RunFolderError, sentence
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from conversion.pipeline import Converted
    from conversion.rate_prednet import RatePredNet

LEDGER, CIRCUIT = "ledger.json", "circuit.json"
WINDOW, COUNTED = 20, 10
"""Frames of a calibration clip, and how many of them are to count at least."""
COPIED = ("clips.json", "curve.csv", "bars.npz")
"""Files of the rate model's run that say as much of the converted one."""


def convert_run(path: Path, out: Path, recipe: Recipe, *, frames: str | None = None, report: Reporter | None = None) -> dict[str, Any]:
    """Convert the rate model of a run, and leave a run folder.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.
    out : Path
        The run folder to make.
    recipe : Recipe
    frames : str, optional
        Where the frames that it learned from lie now.
    report : Reporter, optional

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    ConversionError
        If the model cannot be converted.
    RunFolderError
        If the folder exists already, cannot be written, or the run to convert is not finished.
    """
    from conversion.pipeline import convert

    report = report or Reporter()
    run_folder.refuse_taken(out, resume=False)
    run = rate_run(path)
    source = run.job.source if frames is None else run.job.source.model_copy(update={"frames": frames})
    movies = calibration(source, recipe, settling(run.model))
    _refuse_strange(source, movies, run)
    found = convert(run.model, recipe, movies, report.say)
    where = run.path.name if run.path.parent == run_folder.SHIPPED else str(run.path.resolve())
    job = ConvertJob(source=source, model=where, model_digest=run_folder.sha256(rate_weights(run.path)), recipe=recipe)
    partial = run_folder.begin(out, resume=False)
    try:
        summary = _write(partial, run, job, found)
    except BaseException:
        run_folder.discard(partial)  # there is nothing in it from which anybody could go on
        raise
    run_folder.finish(partial, out)
    return summary


def rate_weights(path: Path) -> Path:
    """Say where the weights of a run lie.

    Parameters
    ----------
    path : Path
        Run folder, or name of a shipped model.

    Returns
    -------
    Path

    Raises
    ------
    RunFolderError
        If there are none.
    """
    folder = run_folder.resolve(path)
    found = [folder / name for name in run_folder.WEIGHTS if (folder / name).is_file()]
    if not found:
        raise RunFolderError(sentence(str(path), "holds no weights", cure="check the path, or run it to its end"))
    return found[0]


def _write(partial: Path, run: RateRun, job: ConvertJob, found: Converted) -> dict[str, Any]:
    circuit, network = found.circuit, found.network
    for name in COPIED:
        shutil.copyfile(run.path / name, partial / name)
    run_folder.write_json(partial / "config.json", job.model_dump(mode="json"))
    run_folder.write_text(partial / "description.json", network.to_json())
    run_folder.write_json(partial / LEDGER, [asdict(entry) for entry in found.ledger])
    about = {
        "per_unit_Hz": {name: x.tolist() for name, x in circuit.per_unit_Hz.items()},
        "partners": sorted(circuit.partners),
        "partner_of": dict(circuit.partner_of),
        "slopes": {name: x.tolist() for name, x in circuit.slopes.items()},
        "answers": {name: {**vars(a), "bias_mV": a.bias_mV.tolist()} for name, a in circuit.answers.items()},
    }
    run_folder.write_json(partial / CIRCUIT, about)
    save_weights(partial / "weights.npz", found.state)
    summary = {
        "network": network.name,
        "n_neurons": network.n_neurons,
        "n_synapses": found.manifest["size"]["synapses"],
        "seed": job.seed,
        "movies": run.summary.get("movies", {}),
        "manifest": found.manifest,
        "versions": run_folder.versions(),
    }
    run_folder.write_json(partial / "summary.json", summary)
    return summary


def rate_run(path: Path) -> RateRun:
    """Open the run of a rate model.

    Parameters
    ----------
    path : Path

    Returns
    -------
    RateRun

    Raises
    ------
    ConversionError
        If it is the run of a spiking circuit.
    """
    run = load_run(path)
    if not isinstance(run, RateRun):
        cure = "give a run of `train-rate` or `distil`"
        raise ConversionError(sentence(str(path), "is a run of a circuit of cells already, not of a rate model", cure=cure))
    return run


def settling(model: RatePredNet) -> int:
    """Frames of a clip that do not count, since the model has not settled yet.

    Parameters
    ----------
    model : RatePredNet

    Returns
    -------
    int
    """
    from conversion.scaling import settling_frames
    from conversion.trace import trace

    return settling_frames(trace(model).network)


def _refuse_strange(source: Source, movies: list[Movie], run: RateRun) -> None:
    """Raise where a clip to calibrate on is none that the model learned from: what is held out would no longer be known."""
    if source.frames == PHOTOGRAPHS:
        return
    known = {digest for frames in run.clips.values() for digest in frames}
    for name, frames in seen(movies).items():
        if not known.issuperset(frames):
            where = f"{source.frames}, clip {name!r}"
            cure = "give the frames of its training (--frames), at the same size"
            raise ConversionError(sentence(where, f"holds frames that the model in {run.path} has not learned from", cure=cure))


def calibration(source: Source, recipe: Recipe, settling: int = 0) -> list[Movie]:
    """Choose clips to calibrate on, out of what the rate model learned from.

    Parameters
    ----------
    source : Source
    recipe : Recipe
    settling : int
        Frames at the beginning of each stretch that will not count.

    Returns
    -------
    list of Movie
        Stretches of `WINDOW` frames, or more where a model settles slowly, evenly spaced over a video, or fresh drifts of the
        photographs; together no less than the recipe's ``calibration_frames``, where there are that many.
    """
    window = max(WINDOW, settling + COUNTED)
    n = -(-recipe.calibration_frames // window)
    if source.frames == PHOTOGRAPHS:
        return list(source.model_copy(update={"n_movies": n, "n_frames": window}).learning(recipe.seed + 1))
    clips = source.learning(recipe.seed + 1)
    total = sum(m.n_frames for m in clips)
    found = []
    for m in clips:
        k = max(1, round(n * m.n_frames / total))
        starts = [round(i * (m.n_frames - window) / max(1, k - 1)) for i in range(k)] if m.n_frames > window else [0]
        found += [m.part(start, min(start + window, m.n_frames)) for start in dict.fromkeys(starts)]
    return found


def ledger_table(entries: list[dict[str, Any]]) -> str:
    """Print a ledger as a plain table.

    Parameters
    ----------
    entries : list of dict
        As ``ledger.json`` holds them.

    Returns
    -------
    str
    """
    constraints = sorted({name for e in entries for name in e["violations"]})
    head = f"{'step':<16}{'s':>6}{'populations':>13}{'cells':>10}{'weights':>12}{'rates changed by':>18}  still violated"
    lines = [head]
    for e in entries:
        changed = "-" if e["difference"] is None else f"{e['difference']:.1e}"
        broken = ", ".join(f"{c} {e['violations'][c]}" for c in constraints if c in e["violations"]) or "nothing"
        lines.append(
            f"{e['step']:<16}{e['seconds']:>6.1f}{e['populations']:>13}{e['cells']:>10}{e['stored_weights']:>12}{changed:>18}  {broken}"
        )
    for e in entries:
        if e["numbers"] and e["step"] != "scale":
            lines.append(f"{e['step']}: " + ", ".join(f"{k} {'-inf' if v is None else format(v, '.3g')}" for k, v in e["numbers"].items()))
    return "\n".join(lines)
