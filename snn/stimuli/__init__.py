"""Movies: read from files, drawn, or made of photographs under drift."""

from snn.stimuli.drift import drifting_movies, photographs
from snn.stimuli.movie import Movie
from snn.stimuli.primitives import constant_grey, drifting_bar, drifting_grating, flashed_patch
from snn.stimuli.reading import read_movies
from snn.stimuli.splitting import split_movies

__all__ = [
    "Movie",
    "constant_grey",
    "drifting_bar",
    "drifting_grating",
    "drifting_movies",
    "flashed_patch",
    "photographs",
    "read_movies",
    "split_movies",
]
