"""Answers that were recorded before: a precomputed table as a subject, for models and animals that live elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from comparisons.responder import Control, Responder, Response, Site, check_request, steps_per_bin
from snn.errors import SubjectError, sentence
from snn.stimuli.movie import Movie


def movie_key(movie: Movie) -> str:
    """Name a movie by what is to be seen in it.

    Parameters
    ----------
    movie : Movie

    Returns
    -------
    str
        SHA-256 of its frames.
    """
    return hashlib.sha256(movie.frames.tobytes()).hexdigest()


class TableResponder:
    """A subject that can be shown the movies of a table, and no others.

    Parameters
    ----------
    answers : mapping of str to Response
        By `movie_key`; each with as many trials as were recorded.
    sites : sequence of Site
    frame_size : (int, int)
    frame_ms : float
    name : str
    """

    def __init__(
        self,
        answers: Mapping[str, Response],
        sites: Sequence[Site],
        frame_size: tuple[int, int],
        frame_ms: float = 50.0,
        name: str = "table",
    ) -> None:
        self.answers, self.sites, self.frame_size, self.frame_ms, self.name = dict(answers), tuple(sites), frame_size, frame_ms, name
        self.finest_bin_ms = min((r.bin_ms for r in self.answers.values()), default=frame_ms)

    def respond(self, movie: Movie, sites: Sequence[str], *, trials: int = 1, bin_ms: float | None = None, seed: int = 0) -> Response:
        """As `Responder.respond`; trials are taken in the order in which they were recorded, whatever the seed.

        Raises
        ------
        SubjectError
            If the movie was not recorded, or not as often, or in longer bins.
        """
        asked = check_request(self, movie, sites, trials)
        told = self.answers.get(movie_key(movie))
        if told is None:
            raise SubjectError(sentence(f"{self.name}: movie {movie.name!r}", "is not in the table", cure="record it too"))
        steps = steps_per_bin(self, bin_ms) * self.finest_bin_ms / told.bin_ms
        if steps < 1 or abs(steps - round(steps)) > 1e-9:
            raise SubjectError(
                sentence(f"{self.name}: movie {movie.name!r}", "was recorded in longer bins", got=bin_ms, allowed=f"{told.bin_ms:g} ms")
            )
        k, found = round(steps), {}
        for site in asked:
            values = told.activity[site.name]
            if len(values) < trials:
                problem = "was recorded less often"
                raise SubjectError(sentence(f"{self.name}: movie {movie.name!r}", problem, got=trials, allowed=f"<= {len(values)} trials"))
            found[site.name] = values[:trials].reshape(trials, -1, k, *values.shape[2:]).mean(2)
        return Response(k * told.bin_ms, found, None if told.forecast is None else told.forecast[:trials])

    def control(self, name: Control) -> Responder | None:
        """As `Responder.control`: it has none."""
        return None
