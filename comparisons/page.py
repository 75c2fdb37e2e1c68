"""Pages that hold everything: how their templates are filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from comparisons import run_folder
from snn.errors import RunFolderError, sentence

SECTION = ".section.html"
"""End of the name of what stands on a page of one section, by itself, for pages that have several."""


def filled(template: str, **context: object) -> str:
    """Fill a template of this room; a name in it that it is not given is an error.

    Parameters
    ----------
    template : str
        Name of its file.
    **context : object
        What stands in it; text is escaped.

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(template).render(context)


def section_page(
    title: str, section: str, *, models: Mapping[str, Sequence[str]], where: str, command: str, versions: Mapping[str, str]
) -> str:
    """Put a section on a page of its own, and say where its numbers come from.

    Parameters
    ----------
    title : str
    section : str
        HTML.
    models : mapping of str to sequence of str
        Runs of each; may be empty.
    where : str
        HTML: where the numbers are.
    command : str
        That makes it again.
    versions : mapping of str to str

    Returns
    -------
    str
        HTML.
    """
    return filled("section_page.html.j2", title=title, section=section, source=_source(models, where, command, versions))


def write_section(
    out: Path,
    page: str,
    title: str,
    section: str,
    *,
    models: Mapping[str, Sequence[str]],
    where: str,
    command: str,
    versions: Mapping[str, str],
) -> Path:
    """Write a page, and its section beside it, which `read_section` reads.

    Parameters
    ----------
    out : Path
        Folder; it is made where it is not there.
    page : str
        Name of the page.
    title, section, models, where, command, versions
        As of `section_page`.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunFolderError
        If they cannot be written.
    """
    made(out)
    source = _source(models, where, command, versions)
    within = f"{section}\n<details><summary>Where these numbers come from</summary>\n{source}</details>\n"
    run_folder.write_text((out / page).with_suffix(SECTION), within)
    run_folder.write_text(out / page, section_page(title, section, models=models, where=where, command=command, versions=versions))
    return out / page


def _source(models: Mapping[str, Sequence[str]], where: str, command: str, versions: Mapping[str, str]) -> str:
    return filled(
        "section_source.html.j2",
        runs=[{"model": name, "runs": runs} for name, runs in models.items()],
        where=where,
        command=command,
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
    )


def made(out: Path) -> Path:
    """Make a folder, where it is not there.

    Parameters
    ----------
    out : Path

    Returns
    -------
    Path

    Raises
    ------
    RunFolderError
        If it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(sentence(str(out), f"cannot be written ({error.strerror})", cure="choose another --out")) from error
    return out


def read_section(page: Path) -> str:
    """Read the section of a page, with headings that stand below that of the section.

    Parameters
    ----------
    page : Path
        From `write_section`.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    RunFolderError
        If there is none.
    """
    try:
        text = page.with_suffix(SECTION).read_text(encoding="utf-8")
    except OSError as error:
        cure = f"give the --out of the command that writes {page.name}"
        raise RunFolderError(sentence(str(page.parent), f"has no {page.stem}{SECTION} ({error.strerror})", cure=cure)) from error
    return text.replace("<h2>", "<h3>").replace("</h2>", "</h3>")
