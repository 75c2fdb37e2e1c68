"""The command that lets networks learn to forecast and to answer as neurons do, together."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from comparisons.cli_options import Count
from comparisons.progress import TerminalReporter
from snn.errors import NeuralDataError, sentence


def joint(
    *,
    out: Path,
    neural: Path | None = None,
    groups: Literal["each"] | None = None,
    networks: Literal["both", "rate", "spiking"] = "both",
    seeds: Annotated[int, Parameter(validator=Number(gte=2))] = 5,
    size: Annotated[int, Parameter(validator=Number(gte=8))] = 12,
    films: Annotated[int | None, Parameter(validator=Number(gte=20))] = None,
    units: Annotated[int | None, Parameter(validator=Number(gte=2))] = None,
    workers: Count = 1,
) -> None:
    """Let networks learn films and how neurons answered them, and ask whether that makes forecasts or representations better.

    Rates learn by backprop, spikes by local rules; both with several weights of the responses, then with responses alone and with responses
    of other films. It can be stopped at any time; the same command goes on.

    Parameters
    ----------
    out
        Folder for joint.json and joint.html.
    neural
        Recording of still images (see docs/recordings.md), which are then made to drift; a simulated visual cortex when left
        out, or simulated-v1.
    groups
        With 'each', images of a recording without groups stand alone.
    networks
        Rates, spikes, or both.
    seeds
        Of network, films and units; of a recording, the part of the images that is tested on. Intervals are over them: five tell
        something, two next to nothing.
    size
        Side of the frames in pixels.
    films
        Of the simulated visual cortex, to learn from; 600 when left out.
    units
        Of the simulated visual cortex; 40 when left out.
    workers
        Processes side by side; no more than there are free cores.

    Raises
    ------
    NeuralDataError
        If the recording cannot be read, there is too little of it, or films and units of the simulated cortex are asked for beside it.
    """
    from comparisons import run_folder
    from comparisons.cli_score import SIMULATED
    from comparisons.neural.joint_page import write_page
    from comparisons.neural.joint_study import KINDS, Setting, study
    from comparisons.neural.joint_tables import LEGEND, change_table, condition_table, verdict
    from comparisons.neural.kept import Kept
    from comparisons.sweeps.outcome import version

    if str(neural) == SIMULATED:
        neural = None
    asked = {name: number for name, number in (("n_films", films), ("n_units", units)) if number is not None}
    if neural is None and groups is not None:
        raise NeuralDataError(sentence(f"joint --groups {groups}", "is of a recording, and the cortex is simulated", cure="leave it out"))
    if neural is not None and asked:
        cure = "leave them out; --size counts for recordings too"
        raise NeuralDataError(sentence("joint --films, --units", "are of the simulated cortex, and --neural is another", cure=cure))
    setting, report = Setting(neural, groups, size, **asked), TerminalReporter()
    kinds = KINDS if networks == "both" else (networks,)
    about = setting.described(seeds)
    report.say(about)
    depends = [neural and run_folder.sha256(neural), *setting[1:], version()]
    found = study(setting, kinds, seeds, kept=Kept(out / "parts", json.dumps(depends)), workers=workers, report=report)
    most = setting.most(seeds)
    words = ["spiking-prednet", "joint", *(["--neural", str(neural)] if neural else []), *(["--groups", groups] if groups else [])]
    words += ["--networks", networks, "--seeds", str(seeds), "--size", str(size)]
    words += [] if neural else ["--films", str(setting.n_films), "--units", str(setting.n_units)]
    command = shlex.join([*words, "--out", str(out)])
    print(condition_table(found, kinds, most).markdown())
    print(change_table(found, kinds).markdown())
    print("\n".join([LEGEND, *(verdict(found, kind) for kind in kinds)]))
    report.say(f"page: {write_page(out, found, kinds, command, about, most)}")


COMMANDS = (joint,)
