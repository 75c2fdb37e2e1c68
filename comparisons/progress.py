"""Progress on long work: a bar with the error so far and the time left, or plain lines where there is no terminal."""

from __future__ import annotations

import math
import sys
import time


class Reporter:
    """Shows nothing; the base for those that do."""

    def begin(self, what: str, done: int = 0) -> None:
        """Start a piece of long work.

        Parameters
        ----------
        what : str
            Its name.
        done : int
            Steps done in an earlier session.
        """

    def step(self, done: float, total: int, note: str = "") -> None:
        """Report a step.

        Parameters
        ----------
        done : float
            Steps done, with parts of those at work where they are known.
        total : int
        note : str
            What is known so far.
        """

    def end(self) -> None:
        """End the piece of work."""

    def say(self, text: str) -> None:
        """Print one line.

        Parameters
        ----------
        text : str
        """


class TerminalReporter(Reporter):
    """A bar on standard error that rewrites its line; without a terminal, a line every 30 seconds."""

    def begin(self, what: str, done: int = 0) -> None:
        """Start a piece of long work; see `Reporter.begin`."""
        self._what, self._first = what, done
        self._start = self._shown = time.monotonic()
        self._live = sys.stderr.isatty()

    def step(self, done: float, total: int, note: str = "") -> None:
        """Report a step; see `Reporter.step`."""
        now = time.monotonic()
        if now - self._shown < (0.2 if self._live else 30.0) and done < total:
            return
        self._shown = now
        left = (now - self._start) / (done - self._first) * (total - done) if done > self._first else None
        time_left = "" if left is None else f"  {left // 60:.0f} min {left % 60:02.0f} s left"
        filled = round(24 * done / total)
        line = f"{self._what} [{'#' * filled}{'.' * (24 - filled)}] {math.floor(done)}/{total}  {note}{time_left}"
        sys.stderr.write(f"\r{line}\x1b[K" if self._live else line + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """End the piece of work; see `Reporter.end`."""
        if self._live:
            sys.stderr.write("\n")

    def say(self, text: str) -> None:
        """Print one line; see `Reporter.say`."""
        sys.stderr.write(text + "\n")
