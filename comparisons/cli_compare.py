"""The command that lays models side by side."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from comparisons.cli_options import named_runs, names, opened
from comparisons.progress import TerminalReporter
from snn.errors import RunFolderError, SubjectError, sentence

if TYPE_CHECKING:
    from comparisons.comparing import Part

ONSETS, ONSET_LENGTH = 24, 12
"""Movies for the similarity over time, and their frames: short, since some rate networks run away on long ones."""


def compare(
    *,
    model: Annotated[tuple[str, ...], Parameter(negative="")],
    out: Path | None = None,
    parts: str = "",
    frames: str = "photographs",
    clips: str = "",
    movies: Annotated[int, Parameter(validator=Number(gte=2))] = 10,
    length: Annotated[int, Parameter(validator=Number(gte=10))] = 16,
    trials: Annotated[int, Parameter(validator=Number(gte=1))] = 2,
    untrained: bool = True,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Lay the dynamics of models side by side on the same movies: each model after the first beside the first.

    Parameters
    ----------
    model
        NAME=RUN,RUN,... as for battery; models must see frames of one size and have as many runs as the first.
    out
        Folder for numbers.json, figures and compare.html, one page that needs nothing else; it must not exist yet.
    parts
        With commas: trajectories (correlation, lag, reading one from the other, CKA, RSA, dimensions), rsa (over time since
        the onset), fields (receptive fields) and tuning (to gratings). The last two are costly: some 2500 frames a run each,
        where the first take some 400. All when left out and there is an --out, else trajectories.
    frames
        As for learn; of photographs, drifts of those that are never learned from.
    clips
        Names of clips, with commas; all when left out.
    movies
        Number of movies; of clips, stretches taken evenly. RSA over time takes 24.
    length
        Frames of each. RSA over time takes at most 12, after grey.
    trials
        How often each is shown; answers are averaged.
    untrained
        Ask the untrained networks too: half of the time, and what a likeness is to be compared with.
    json_
        Print JSON.

    Raises
    ------
    SubjectError
        If there is one model only, or two have one name, or one run is given twice, or a part is unknown.
    RunFolderError
        If the folder exists already.
    """
    from comparisons.comparing import PARTS, Setting, check_parts, compare_parts, remarks, seconds
    from comparisons.dynamics import check_models
    from comparisons.run_folder import to_json
    from comparisons.subjects import stretches

    if len(model) < 2:
        raise SubjectError(sentence("compare.model", "two or more are needed", got=len(model), cure="give --model twice"))
    named = [named_runs(text) for text in model]
    asked = check_parts(names(parts) or (tuple(PARTS) if out is not None else ("trajectories",)))
    if out is not None and out.exists():
        raise RunFolderError(sentence(str(out), "exists already", cure="choose another --out, or remove it"))
    subjects_of = opened("compare.model", named)
    models = {name: [s.responder for s in subjects] for name, subjects in subjects_of.items()}
    check_models(models)
    seen, wanted = subjects_of[named[0][0]][0].responder, names(clips)
    shown = stretches(frames, wanted, movies, length, seen)
    onsets = stretches(frames, wanted, ONSETS, min(ONSET_LENGTH, length), seen) if "rsa" in asked else ()
    setting = Setting(shown, onsets, trials, controls=untrained)
    report = TerminalReporter()
    taken = seconds(models, asked, setting)
    whole = sum(taken.values())
    about = f"about {whole / 60:.0f} min" if whole >= 90 else f"about {max(1, round(whole)):.0f} s"
    report.say(f"this will take {about} ({', '.join(f'{part} {s:.0f} s' for part, s in taken.items())})")
    found = compare_parts(models, asked, setting, report, figures=out is not None)
    numbers = {
        "models": {name: [str(s.path) for s in subjects] for name, subjects in subjects_of.items()},
        "digests": {name: [s.digest for s in subjects] for name, subjects in subjects_of.items()},
        "command": _command(named, asked, out, frames, clips, movies, length, trials, untrained),
        "remarks": remarks(models),
        "parts": {part.name: part.plain() for part in found},
    }
    if out is not None:
        report.say(f"page: {_write(out, numbers, found)}")
    print(to_json(numbers) if json_ else _tables(found, [name for name, _ in named]))


def _command(
    named: list[tuple[str, tuple[Path, ...]]],
    parts: tuple[str, ...],
    out: Path | None,
    frames: str,
    clips: str,
    movies: int,
    length: int,
    trials: int,
    untrained: bool,
) -> str:
    words = ["spiking-prednet", "compare"]
    for name, paths in named:
        words += ["--model", f"{name}={','.join(map(str, paths))}"]
    words += ["--parts", ",".join(parts), "--frames", frames, *(["--clips", clips] if clips else [])]
    words += ["--movies", str(movies), "--length", str(length), "--trials", str(trials), *([] if untrained else ["--no-untrained"])]
    return shlex.join([*words, *(["--out", str(out)] if out is not None else [])])


def _write(out: Path, numbers: dict[str, Any], parts: list[Part]) -> Path:
    """Write all into a folder that gets its name when all is there."""
    from comparisons.compare_page import FIGURES, NUMBERS, PAGE, write_page
    from comparisons.run_folder import versions, write_json, write_text

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{out.name}.", dir=out.parent))
    except OSError as error:
        raise RunFolderError(sentence(str(out), f"cannot be written ({error.strerror})", cure="choose another --out")) from error
    try:
        partial.chmod(0o755)
        (partial / FIGURES).mkdir()
        for part in parts:
            for name, svg in part.figures.items():
                write_text(partial / FIGURES / f"{name}.svg", svg)
        write_json(partial / NUMBERS, numbers | {"versions": versions()})
        write_page(partial)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return out / PAGE


def _tables(parts: list[Part], models: list[str]) -> str:
    from comparisons.compare_page import plain_tables
    from comparisons.dynamics import dynamics_table

    found = []
    for part in parts:
        if part.name == "trajectories":
            found += [dynamics_table(part.rows, models[0], other) for other in models[1:]]
        else:
            found.append(plain_tables(part.name, part.plain()))
    return "\n\n".join(found)
