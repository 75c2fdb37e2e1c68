"""A ladder as parts of the report of its battery."""

from __future__ import annotations

from pathlib import Path

from comparisons.figure_ladder import heat_svg, waterfall_svg
from comparisons.ladder import Ladder
from comparisons.ladder_results import Found
from comparisons.ladder_table import NOTE, TITLES, answers, change_table, changes_of, cost_table, made_with, measures_of, verdicts_of
from comparisons.page import filled
from comparisons.report import Section, write_report


def write_ladder(ladder: Ladder, found: Found, battery: Path) -> Path:
    """Write the report of a ladder's battery, with what biology costs before the phenomena.

    Parameters
    ----------
    ladder : Ladder
    found : Found
    battery : Path
        Folder of the battery.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunFolderError
        If the folder holds no battery.
    """
    return write_report(battery, lead=sections(ladder, found))


def sections(ladder: Ladder, found: Found) -> list[Section]:
    """Give a part for every design of a ladder.

    Parameters
    ----------
    ladder : Ladder
    found : Found

    Returns
    -------
    list of Section
    """
    verdicts, measures, made = verdicts_of(ladder, found), measures_of(ladder), list[Section]()
    for design, comparisons in ladder.comparisons().items():
        ratios = {name: list(found.values(name, "ratio").values()) for c in comparisons for name in (c.rung, c.after) if name}
        html = filled(
            "ladder_section.html.j2",
            said=answers(ladder, found) if not made else [],
            waterfall=waterfall_svg(comparisons, ratios) if design == "cumulative" else "",
            costs=cost_table(ladder, found, design).html(),
            heat=heat_svg(comparisons, measures, changes_of(comparisons, tuple(measures), found, verdicts)),
            changes=change_table(ladder, found, design).html(),
            note=f"{NOTE} {made_with(found)}".replace("*", ""),
        )
        made.append(Section(f"ladder-{design}", TITLES[design], html))
    return made
