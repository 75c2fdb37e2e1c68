"""Conversion from beginning to end: the steps in their order, what each cost, and what came out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from conversion.activity import watch
from conversion.calibration import corrected, teacher_forced
from conversion.circuit import DT_MS, Circuit, FloatArray
from conversion.closed_loop import close_loop
from conversion.dale import assert_dale, route_dale, share_of_synapses
from conversion.mean_field import AGREE, mean_field
from conversion.neuron import at_rheobase, integrate_and_fire, leaky_integrate_and_fire
from conversion.open_loop import open_loop
from conversion.populate import halfway, populate, stagger
from conversion.recipe import Recipe
from conversion.scaling import percentiles, refuse_short, scale, settling_frames
from conversion.sizing import size_of
from conversion.stability import growth_rate, refuse_unstable
from conversion.timed_prednet import TimedPredNet
from conversion.trace import trace
from conversion.unshare import spread_out, unshare
from snn.constraints import violations
from snn.description import Network
from snn.errors import ConversionError, sentence
from snn.state import State
from snn.stimuli.movie import Movie

Say = Callable[[str], None]
CHECKED_FRAMES, CHECKED_UNITS = 3, 100_000
"""Frames on which a step that should change no rate is checked; fewer for circuits with more units than that."""
STABILITY_FRAMES, STABILITY_MS = 6, 300.0
"""A disturbance is followed for so many frames, and so long."""
EXACT = 1e-6


@dataclass(frozen=True)
class Entry:
    """What one step did.

    Attributes
    ----------
    step : str
    what : str
        In words.
    seconds : float
    populations, cells, stored_weights : int
        Afterwards.
    violations : dict of str to int
        Constraints that are still broken, and in how many places.
    difference : float or None
        For steps that should change no rate: largest difference of an activity that they made, in units of the rate model.
    numbers : dict of str to float
        Further numbers, as the step says.
    """

    step: str
    what: str
    seconds: float
    populations: int
    cells: int
    stored_weights: int
    violations: dict[str, int]
    difference: float | None
    numbers: dict[str, float]


@dataclass(frozen=True, eq=False)
class Converted:
    """A spiking network made from a rate model.

    Attributes
    ----------
    circuit : Circuit
        The network, its arrays, and what its rates stand for.
    rates : Circuit
        The rate model as a circuit of rate units: what it is compared with.
    ledger : tuple of Entry
        What each step did.
    manifest : dict
        The recipe, the scales and the size.
    """

    circuit: Circuit
    rates: Circuit
    ledger: tuple[Entry, ...]
    manifest: dict[str, Any]

    @property
    def network(self) -> Network:
        """The spiking network."""
        return self.circuit.network

    @property
    def state(self) -> State:
        """Its weights, thresholds and constant currents, at rest."""
        return self.circuit.state(self.manifest["recipe"]["seed"])


def convert(model: nn.Module | Circuit, recipe: Recipe, movies: Sequence[Movie], say: Say | None = None) -> Converted:
    """Convert a rate model to excitatory and inhibitory spiking populations.

    Parameters
    ----------
    model : Module or Circuit
        What `conversion.trace` knows, or a circuit of rate units.
    recipe : Recipe
    movies : sequence of Movie
        Calibration clips: frames that the model was trained on.
    say : callable, optional
        Told what is being done.

    Returns
    -------
    Converted

    Raises
    ------
    ConversionError
        If the model holds an operation that has no form in spikes, its activity is constant or a channel is dead, the clips are
        too short, a number is out of range, or stability is lost.
    """
    return _Conversion(recipe, movies, say or (lambda text: None)).run(model)


class _Conversion:
    def __init__(self, recipe: Recipe, movies: Sequence[Movie], say: Say) -> None:
        self.recipe, self.say = recipe, say
        self.movies = trimmed(movies, recipe.calibration_frames)
        self.ledger: list[Entry] = []
        self.began = time.perf_counter()

    def note(
        self, step: str, what: str, circuit: Circuit, before: Circuit | None = None, numbers: Mapping[str, float] | None = None
    ) -> Circuit:
        """Write a step into the ledger; where ``before`` is given, check that no rate changed."""
        difference = None
        if before is not None:
            difference = largest_difference(before, circuit, self.movies[0])
            if not difference <= EXACT:
                raise ConversionError(
                    sentence(f"step {step!r}", "changed rates that it should not", got=difference, allowed=f"<= {EXACT:g}")
                )
        found = violations(circuit.network, circuit.state())
        counts: dict[str, int] = {}
        for v in found:
            if v.constraint != "local_plasticity":
                counts[v.constraint] = counts.get(v.constraint, 0) + 1
        now = time.perf_counter()
        stored = sum(int(np.prod(circuit.network.weight_shape(j.name))) for j in circuit.network.projections)
        n = circuit.network
        entry = Entry(step, what, now - self.began, len(n.populations), n.n_neurons, stored, counts, difference, dict(numbers or {}))
        self.ledger.append(entry)
        self.say(f"{step}: {what} ({entry.seconds:.1f} s)")
        self.began = time.perf_counter()
        return circuit

    def run(self, model: nn.Module | Circuit) -> Converted:
        recipe = self.recipe
        if isinstance(model, Circuit):
            rates = model
        else:
            rates = trace(model, self.movies[0].size if self.movies and isinstance(model, nn.Sequential) else None)
        refuse_short(rates, self.movies)
        self.trace(model, rates)
        scales = self.scales(rates)
        circuit = scale(rates, scales, recipe.r_max_Hz)
        numbers = {f"{name}": float(np.median(x)) for name, x in scales.items()}
        what = f"percentile {recipe.percentile:g} of each {recipe.scaling} is {recipe.r_max_Hz:g} Hz"
        scaled = self.note("scale", what, circuit, rates, numbers)
        if recipe.unshare:
            circuit = unshare(circuit, spread=recipe.spread, seed=recipe.seed)
            what = "each site has weights of its own" + (f", with a spread of {recipe.spread:g}" if recipe.spread else "")
            self.note("unshare", what, circuit, None if recipe.spread else scaled)
        circuit = self.route(circuit, circuit if recipe.spread and recipe.unshare else scaled)
        cells = self.cells(populate(circuit, recipe.copies, recipe.fan_in))
        what = f"{recipe.copies} {recipe.neuron} cells for each unit, " + ("staggered" if recipe.copies_differ else "identical")
        self.note("populate", what, cells)
        cells = self.calibrated(scaled, rates, cells)
        if recipe.spread and not recipe.unshare:
            cells = spread_out(cells, recipe.spread, recipe.seed)
            self.note("spread_out", f"each source unit has a factor of its own, with a spread of {recipe.spread:g}", cells)
        assert_dale(cells.network, cells.state())
        cells = cells.with_arrays({k: a.astype(np.float32) for k, a in cells.arrays.items() if k.startswith("weights/")})
        manifest = {
            "recipe": recipe.model_dump(mode="json"),
            "scales": {name: x.tolist() for name, x in scales.items()},
            "size": asdict(size_of(cells)),
            "dale": share_of_synapses(cells),
        }
        return Converted(cells, rates, tuple(self.ledger), manifest)

    def trace(self, model: nn.Module | Circuit, rates: Circuit) -> None:
        """Say what it cost that the circuit takes shorter steps than the model was trained with."""
        what, numbers = f"{len(rates.network.populations)} populations of rate units", {}
        if isinstance(model, TimedPredNet):
            found = mean_field(model, rates, self.movies[0])
            numbers = {f"mean_field_{name}": x for name, x in found.items()}
            worst = max(found, key=lambda name: found[name])
            what += f"; at {DT_MS:g} ms they differ from the model by {found[worst]:.3f} (NRMSE, {worst})"
            if found[worst] > AGREE:
                what += f", more than {AGREE:g}: go on training with shorter sub-steps (train-rate --start)"
        self.note("trace", what, rates, numbers=numbers)

    def scales(self, rates: Circuit) -> dict[str, FloatArray]:
        # A cell fires once a step at the most; what it could not tell in the first frames would be missing for many more.
        headroom = 1000.0 / DT_MS / self.recipe.r_max_Hz
        found = percentiles(rates, self.movies, self.recipe.percentile, dead=self.recipe.dead, headroom=headroom)
        driven_or_read = {p.name for p in rates.network.populations if p.drive} | {r.population for r in rates.network.readouts}
        if self.recipe.scaling == "global":
            most = max(float(x.max()) for x in found.values())
            return {name: np.full_like(x, most) for name, x in found.items()}
        alike = found if self.recipe.scaling == "population" else driven_or_read
        return {name: np.full_like(x, x.max()) if name in alike else x for name, x in found.items()}

    def route(self, circuit: Circuit, alike: Circuit) -> Circuit:
        """Obey Dale's law; stability is measured on ``alike``, whose rates are the same and whose kernels may be shared."""
        recipe, movie = self.recipe, self.movies[0]
        how: dict[str, Any] = {"tau_ei_ms": recipe.tau_ei_ms, "match_lag": recipe.match_lag}
        routed = route_dale(circuit, recipe.route, **how)
        n_frames = max(STABILITY_FRAMES, round(STABILITY_MS / movie.frame_ms))
        short = movie.part(0, min(movie.n_frames, n_frames))
        before = growth_rate(alike, short)
        after = growth_rate(routed if alike is circuit else route_dale(alike, recipe.route, **how), short)
        refuse_unstable(before, after, f"route {recipe.route!r}")
        numbers = {"growth_before_per_s": before, "growth_after_per_s": after, "dale_share": share_of_synapses(routed)}
        exact = circuit if recipe.route == "twin" else None
        return self.note("dale", f"{recipe.route}: every cell excites or inhibits", routed, exact, numbers)

    def cells(self, circuit: Circuit) -> Circuit:
        recipe = self.recipe
        phases = stagger if recipe.copies_differ else halfway
        if recipe.neuron == "if":
            return integrate_and_fire(circuit, tau_rest_ms=recipe.tau_rest_ms, phases=phases, floor=recipe.tau_rest_ms is not None)
        if recipe.neuron == "lif":
            return leaky_integrate_and_fire(
                circuit, tau_mem_ms=recipe.tau_mem_ms, t_ref_ms=recipe.t_ref_ms, identical=not recipe.copies_differ
            )
        return at_rheobase(circuit, gain=recipe.gain, tau_mem_ms=recipe.tau_mem_ms, t_ref_ms=recipe.t_ref_ms)

    def calibrated(self, scaled: Circuit, rates: Circuit, cells: Circuit) -> Circuit:
        need = settling_frames(rates.network)
        movies = [m.part(0, min(m.n_frames, need + max(2, m.n_frames // 6))) for m in self.movies]
        if "open_loop" in self.recipe.calibrate:
            straight, kinds = open_loop(cells)
            cells = corrected(cells, straight)
            residual = max(m.residual for m in kinds.values())
            found_slopes = [float(m.line.slope[0]) for m in kinds.values()]
            numbers = {"kinds": float(len(kinds)), "residual": residual, "slope": min(found_slopes), "highest_slope": max(found_slopes)}
            self.note("open_loop", "cells alone are measured under constant currents, and their gain is set right", cells, numbers=numbers)
        if "teacher_forced" in self.recipe.calibrate:
            lines, found = teacher_forced(scaled, cells, movies)
            cells = corrected(cells, lines)
            slopes = np.concatenate([x.slope for x in lines.values()])
            numbers = {"mean_nrmse": found.mean_nrmse(), "lowest_slope": float(slopes.min()), "highest_slope": float(slopes.max())}
            self.note("teacher_forced", "populations that hear the rate model are straightened", cells, numbers=numbers)
        if "closed_loop" in self.recipe.calibrate:
            cells, errors = close_loop(rates, cells, movies)
            numbers = {f"mean_nrmse_{k}": x for k, x in enumerate(errors)}
            self.note("closed_loop", f"{len(errors) - 1} rounds in the loop were tried, and the best is kept", cells, numbers=numbers)
        return cells


def trimmed(movies: Sequence[Movie], n_frames: int) -> list[Movie]:
    """Take as many frames as asked for from calibration clips: the beginning of as many clips as it needs.

    Parameters
    ----------
    movies : sequence of Movie
    n_frames : int

    Returns
    -------
    list of Movie
        All frames where there are fewer.
    """
    found: list[Movie] = []
    for m in movies:
        left = n_frames - sum(x.n_frames for x in found)
        if left > 0:
            found.append(m.part(0, min(left, m.n_frames)) if left >= min(m.n_frames, n_frames) or not found else m)
    return found


def largest_difference(one: Circuit, other: Circuit, movie: Movie) -> float:
    """Largest difference of an activity between two circuits of rate units, at any step of some frames.

    Parameters
    ----------
    one, other : Circuit
        Populations that only one of them has are not looked at.
    movie : Movie
        Of which the first frames are shown: enough for what the longest delay carries to arrive.

    Returns
    -------
    float
        In units of the rate model, over the largest activity of its population where that is above 1; NaN if one is.
    """
    worst = [0.0]
    longest = max((j.delay_ms for c in (one, other) for j in c.network.projections), default=0.0)
    n_frames = 1 + math.ceil(longest / one.network.frame_ms)
    if other.network.n_neurons <= CHECKED_UNITS:
        n_frames = max(n_frames, CHECKED_FRAMES)
    shown = movie.part(0, min(n_frames, movie.n_frames))
    for a, b in zip(watch(one, shown), watch(other, shown), strict=True):
        for name in a.keys() & b.keys():
            size = max(1.0, float(np.abs(a[name]).max()))
            worst.append(float(np.abs(a[name] - b[name]).max()) / size)
    return float(np.max(worst))
