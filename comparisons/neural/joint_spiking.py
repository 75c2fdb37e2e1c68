"""Joint learning in spikes, by local rules."""

from __future__ import annotations

import numpy as np

from comparisons.learning import Job
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.neural.joint import Answers, Condition
from comparisons.neural.joint_circuit import BURST, raster, with_responses
from comparisons.neural.joint_material import Films, Material
from comparisons.progress import Reporter
from comparisons.recipes import RECIPES
from plasticity.training import order, refuse_bad_weights
from snn.engines.driver import Simulation

TARGET, PREDICTION, REPRESENTATION = "response.target", "response.prediction", "level0.representation"


def learned(material: Material, condition: Condition, *, seed: int = 0, report: Reporter | None = None) -> Simulation:
    """Let a circuit with a learned representation learn films and responses.

    Parameters
    ----------
    material : Material
    condition : Condition
    seed : int
        Of the network and of the order of films.
    report : Reporter, optional
        Is told of each film.

    Returns
    -------
    Simulation

    Raises
    ------
    BlowUpError
        If a weight is not a finite number in the end.
    """
    films = material.shuffled(seed) if condition.shuffled else material.learn
    rows, n_units = films.movies[0].size[0], films.responses.shape[-1]
    job = Job(source=Source(frames=PHOTOGRAPHS, size=rows), recipe="hidden", plan=RECIPES["hidden"].plan, seed=seed, precision="float32")
    network = with_responses(job.network(), n_units, share=condition.share, forecast_teaches=condition.forecast)
    simulation, plan, report = job.simulation(network), job.plan, report or Reporter()
    steps = simulation.layout.frame_steps
    shown = order(len(films.movies), plan.passes, seed)
    report.begin("learn")
    for k, index in enumerate(shown):
        movie, warm = films.movies[index], plan.warm_up
        told = raster(films.responses[0, index], steps)
        simulation.restart()
        simulation.run(movie.part(0, warm), rasters={TARGET: told[: warm * steps]}, learn=False)
        eta = plan.eta(k / max(1, len(shown) - 1))
        simulation.run(movie.part(warm, movie.n_frames), rasters={TARGET: told[warm * steps :]}, learn=True, modulator=eta)
        report.step(k + 1, len(shown))
    report.end()
    refuse_bad_weights(simulation)
    return simulation


def answers(simulation: Simulation, films: Films) -> Answers:
    """Show films with weights frozen, and no recorded spikes.

    Parameters
    ----------
    simulation : Simulation
        From `learned`.
    films : Films

    Returns
    -------
    Answers
        What the representation answers in a frame is of that frame; what is foretold from it comes a frame later, and is put back.
    """
    n_units, steps = films.responses.shape[-1], simulation.layout.frame_steps
    forecasts, foretold, representation = [], [], []
    for movie in films.movies:
        simulation.restart()
        silent = np.zeros((movie.n_frames * steps, n_units), dtype=bool)
        told = simulation.run(movie, rasters={TARGET: silent}, learn=False)
        forecasts.append(told.readouts["level0.forecast"][..., 0])
        counts = told.counts[PREDICTION].reshape(movie.n_frames, -1) / BURST
        foretold.append(np.concatenate([counts[1:], np.zeros_like(counts[:1])]))
        representation.append(told.counts[REPRESENTATION].reshape(movie.n_frames, -1).astype(np.float64))
    return Answers(np.stack(forecasts), np.stack(foretold), np.stack(representation))
