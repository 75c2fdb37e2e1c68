"""The page of joint learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from comparisons import run_folder
from comparisons.neural.joint_figure import curves_svg
from comparisons.neural.joint_study import Found, Kind, Task
from comparisons.neural.joint_tables import LEGEND, change_table, condition_table, verdict
from comparisons.page import filled, made, write_section

PAGE, NUMBERS = "joint.html", "joint.json"
TITLE = "Forecasting and answering as neurons do, learned together"


def write_page(out: Path, found: Mapping[Task, Found], kinds: Sequence[Kind], command: str, about: str, most: Mapping[str, float]) -> Path:
    """Write numbers and page.

    Parameters
    ----------
    out : Path
        A folder; it is made where it is not there.
    found : mapping of Task to mapping
        From `joint_study.study`.
    kinds : sequence of {'rate', 'spiking'}
    command : str
        That makes it again.
    about : str
        What was learned.
    most : mapping of str to float
        What a perfect model would get.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunFolderError
        If it cannot be written.
    """
    runs = [{"network": t.network, **t.condition._asdict(), "seed": t.seed, "found": numbers} for t, numbers in found.items()]
    versions = run_folder.versions()
    run_folder.write_json(made(out) / NUMBERS, {"about": about, "most": dict(most), "runs": runs, "command": command, "versions": versions})
    section = filled(
        "joint_section.html.j2",
        sentences=[verdict(found, kind) for kind in kinds],
        figure=curves_svg(found, kinds),
        about=about,
        conditions=condition_table(found, kinds, most).html(),
        changes=change_table(found, kinds).html(),
        legend=LEGEND,
        n_seeds=len({t.seed for t in found}),
    )
    where = f"All numbers are in <code>{NUMBERS}</code> beside <code>{PAGE}</code>."
    return write_section(out, PAGE, TITLE, section, models={}, where=where, command=command, versions=versions)
