"""A table of words, printed as Markdown or as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BOLD = re.compile(r"\*\*(.+?)\*\*")


@dataclass(frozen=True)
class Table:
    """Heads and rows of words; what stands between pairs of ``**`` is bold.

    Attributes
    ----------
    heads : sequence of str
    rows : sequence of sequence of str
        Each as long as ``heads``.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Print it as Markdown.

        Returns
        -------
        str
        """
        lines = [f"| {' | '.join(self.heads)} |", "|---" * len(self.heads) + "|"]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in self.rows)]) + "\n"

    def html(self) -> str:
        """Print it as HTML for a page with ``page_style.css``, to be scrolled where it is too wide.

        Returns
        -------
        str
        """
        heads = "".join(f"<th>{_marked(head)}</th>" for head in self.heads)
        rows = "\n".join("<tr>" + "".join(f"<td>{_marked(word)}</td>" for word in row) + "</tr>" for row in self.rows)
        small = ' style="font-size:.8rem"' if len(self.heads) > 8 else ""
        return f'<div class="scroll"><table class="pinned"{small}><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>'


def numbered(n: int, noun: str) -> str:
    """Say how many there are.

    Parameters
    ----------
    n : int
    noun : str
        Of one; others end in s.

    Returns
    -------
    str
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _marked(text: str) -> str:
    return BOLD.sub(r"<b>\1</b>", escape(text))
