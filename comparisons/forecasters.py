"""What can be scored: anything that is shown a movie and says what it expected each frame to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from snn.engines.driver import Simulation
from snn.recording import FORECAST
from snn.stimuli.movie import Movie

if TYPE_CHECKING:
    from conversion.rate_prednet import RatePredNet


@dataclass(frozen=True, eq=False)
class Shown:
    """What a model did with one movie; what it does not have is None or empty.

    Attributes
    ----------
    forecast : ndarray, shape (n_frames, rows, cols)
        Luminance that it expected.
    spikes : mapping of str to float
        Spikes of each population over the movie.
    activity : mapping of str to float
        For populations without spikes: activity, summed over cells and frames.
    synaptic_events : float or None
        Spikes times the synapses that they reached, over the movie.
    """

    forecast: NDArray[np.float64]
    spikes: Mapping[str, float] = field(default_factory=dict)
    activity: Mapping[str, float] = field(default_factory=dict)
    synaptic_events: float | None = None


class Forecaster(Protocol):
    """A model with frozen weights; every movie begins at rest."""

    @property
    def cells(self) -> Mapping[str, int]:
        """Number of cells of each population."""

    @property
    def multiply_adds(self) -> int | None:
        """Multiplications of a weight with a graded activity in one frame, every step counted; None where only spikes cost."""

    def show(self, movie: Movie) -> Shown:
        """Show a movie, from rest, without learning.

        Parameters
        ----------
        movie : Movie

        Returns
        -------
        Shown
        """


class CircuitForecaster:
    """A simulated circuit.

    Parameters
    ----------
    simulation : Simulation
        Restarted for every movie; its weights stay.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        layout, graded = simulation.layout, [p for p in simulation.network.populations if p.graded]
        routes = sum(int(layout.out_degree[layout.offsets[p.name] : layout.offsets[p.name] + p.n].sum()) for p in graded)
        self.multiply_adds: int | None = routes * layout.frame_steps if graded else None

    @property
    def cells(self) -> Mapping[str, int]:
        """As `Forecaster.cells`."""
        return {p.name: p.n for p in self.simulation.network.populations if p.background_Hz is None}

    def show(self, movie: Movie) -> Shown:
        """As `Forecaster.show`."""
        network, layout = self.simulation.network, self.simulation.layout
        self.simulation.restart()
        recording = self.simulation.run(movie)
        sent: dict[str, float] = {}
        activity: dict[str, float] = {}
        events = 0.0
        for p in network.populations:
            if p.background_Hz is not None:
                continue  # not the network's: what comes from outside by chance is no cost of the forecast
            counts = recording.counts[p.name].sum(axis=0).ravel()
            start = layout.offsets[p.name]
            (activity if p.graded else sent)[p.name] = float(counts.sum())
            events += 0.0 if p.graded else float(counts @ layout.out_degree[start : start + p.n])
        return Shown(recording.readouts[FORECAST][..., 0], sent, activity, events if sent else None)


class RateForecaster:
    """The rate PredNet; grey movies are shown to every colour channel, and colour forecasts are averaged.

    Parameters
    ----------
    model : RatePredNet
    """

    def __init__(self, model: RatePredNet) -> None:
        self.model = model
        self.multiply_adds: int | None = model.multiply_adds

    @property
    def cells(self) -> Mapping[str, int]:
        """As `Forecaster.cells`."""
        spec = self.model.spec
        found = {}
        for level, (n, n_r) in enumerate(zip(spec.channels, spec.r, strict=True)):
            rows, cols = spec.size(level)
            for name in ("target", "prediction", "error_pos", "error_neg"):
                finer = 4 if spec.timing is not None and level and name == "target" else 1
                found[f"level{level}.{name}"] = rows * cols * n * finer
            found[f"level{level}.representation"] = rows * cols * n_r
        return found

    def show(self, movie: Movie) -> Shown:
        """As `Forecaster.show`."""
        from conversion.rate_training import watch

        frames, total = [], dict.fromkeys(self.cells, 0.0)
        for expected, populations in watch(self.model, movie):
            frames.append(expected)
            for name, activity in populations.items():
                total[name] += float(activity.abs().sum())
        return Shown(np.stack(frames), activity=total)
