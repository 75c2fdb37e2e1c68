"""Pages that hold everything: how their templates are filled."""

from __future__ import annotations

from pathlib import Path


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
