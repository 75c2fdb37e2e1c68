"""State: every array of a running network, in a form that all engines share.

Keys: ``weights/PROJECTION``, ``factor/PROJECTION`` (one for each source unit, where a kernel is spread),
``trace/PROJECTION/NAME``, ``ago/PROJECTION/NAME`` (what a trace that is read a frame later was in the last frame),
``lag/PROJECTION/NAME`` (potentials that a trace has yet to hear of, oldest first; shape (lag steps, n)),
``own/PROJECTION/NAME`` (of the shape of the weights), for each source cell of a projection with ``short_term``
``resources/PROJECTION`` and ``utilised/PROJECTION`` (the x and u that its last spike found) and ``arrived/PROJECTION`` (the step in
which that was delivered), and per population ``v``, ``dendrite`` (of cells that have one),
``threshold``, ``adaptation``, ``bias`` (constant current in mV, of biased populations only), ``last`` (step of the last
spike), ``g/POPULATION/RECEPTOR``, ``flight`` (what was sent in the last steps, oldest first, still on its way), ``total``
(sent since the clip began). ``before`` is the frame shown last.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn.description import Network, Projection
from snn.errors import StateError, nearest, sentence
from snn.files import replace_file
from snn.seeding import stream
from snn.topology import existing
from snn.weights import draw, factors

Array = NDArray[np.generic]
NEVER = -(10**9)
LEARNED_ANEW = ("trace/", "ago/", "lag/", "own/", "flight/")
"""What begins at zero with each clip."""


@dataclass(frozen=True, eq=False)
class State:
    """All arrays of a network at the border between two frames.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        As the module says.
    step : int
        Steps done since the network was built.
    seed : int
        Seed of its random streams.
    dt_ms : float
        Step.
    digest : str
        Digest of the description that it belongs to.
    """

    arrays: Mapping[str, Array]
    step: int
    seed: int
    dt_ms: float
    digest: str = ""

    def weights(self, projection: str) -> NDArray[np.float64]:
        """Weights of a projection.

        Parameters
        ----------
        projection : str
            Its name.

        Returns
        -------
        ndarray, shape as ``Network.weight_shape`` says
            Magnitudes in mV.

        Raises
        ------
        StateError
            If there is no such projection.
        """
        key = f"weights/{projection}"
        if key not in self.arrays:
            known = [k.removeprefix("weights/") for k in self.arrays if k.startswith("weights/")]
            raise StateError(sentence("state.weights", f"there is no projection {projection!r}", cure=nearest(projection, known)))
        return np.asarray(self.arrays[key], dtype=np.float64)

    def save(self, path: str | Path) -> None:
        """Write the state to an ``.npz`` file, all or nothing.

        Parameters
        ----------
        path : str or Path
            The file; an existing one is replaced.

        Raises
        ------
        StateError
            If the place cannot be written.
        """
        meta = np.array([self.step, self.seed], dtype=np.int64)
        about = {"meta/step_seed": meta, "meta/dt_ms": np.array(self.dt_ms), "meta/digest": np.array(self.digest)}
        try:
            replace_file(Path(path), lambda file: np.savez(file, **{**self.arrays, **about}))  # type: ignore[arg-type]
        except OSError as error:
            raise StateError(
                sentence(str(path), f"cannot be written ({error.strerror})", cure="choose a folder that is writable and has room")
            ) from error

    @classmethod
    def load(cls, path: str | Path) -> State:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        State

        Raises
        ------
        StateError
            If the file is missing, cut short or damaged.
        """
        try:
            with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {k: file[k] for k in file.files}
            step, seed = (int(x) for x in arrays.pop("meta/step_seed"))
            return cls(arrays, step, seed, float(arrays.pop("meta/dt_ms")), str(arrays.pop("meta/digest")))
        except FileNotFoundError as error:
            raise StateError(sentence(str(path), "there is no such file", cure="check the path of the run folder")) from error
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            raise StateError(
                sentence(
                    str(path),
                    f"is not a complete state file ({' '.join(str(error).split())[:60]})",
                    cure="it was cut short or damaged; restore it or run again",
                )
            ) from error


def initial_state(network: Network, *, dt_ms: float, seed: int) -> State:
    """Draw the state in which a network begins; plastic weights are born within their bounds.

    Parameters
    ----------
    network : Network
    dt_ms : float
        Step.
    seed : int
        Weights and thresholds are drawn from its named streams.

    Returns
    -------
    State
    """
    arrays: dict[str, Array] = {}
    for p in network.populations:
        arrays |= fresh(network, p.name)
        jitter = getattr(p.cell, "threshold_jitter_mV", 0.0)
        nominal = getattr(p.cell, "v_threshold_mV", 0.0)
        drawn = stream(seed, "threshold", p.name).random(p.n) if jitter else np.zeros(p.n)
        arrays[f"threshold/{p.name}"] = nominal - jitter * drawn
        depth = max((round(j.delay_ms / dt_ms) for j in network.projections if j.source == p.name), default=1)
        if p.biased:
            arrays[f"bias/{p.name}"] = np.full(p.n, p.bias_mV)
        arrays[f"flight/{p.name}"] = np.zeros((depth, p.n), dtype=np.float64 if p.graded else np.uint8)
    for j in network.projections:
        source, target = network.population(j.source), network.population(j.target)
        shape = network.weight_shape(j.name)
        drawn = draw(j.weights, shape, stream(seed, "weights", j.name))
        w = np.where(existing(j.topology, *network.ends(j)), drawn, 0.0)
        bound = np.inf if j.w_max_mV is None or j.rule is None else j.w_max_mV
        arrays[f"weights/{j.name}"] = np.minimum(w, bound)
        if j.spread:
            arrays[f"factor/{j.name}"] = factors(network.ends(j)[0].n, j.spread, stream(seed, "factor", j.name))
        for trace in j.rule.traces() if j.rule else ():
            for kind in ["trace"] * (trace.tau_ms is not None) + ["ago"] * trace.ago:
                arrays[f"{kind}/{j.name}/{trace.name}"] = np.zeros(source.n if trace.side == "pre" else target.n)
            if trace.lag_ms:
                arrays[f"lag/{j.name}/{trace.name}"] = np.zeros((round(trace.lag_ms / dt_ms), target.n))
        for own in j.rule.states() if j.rule else ():
            arrays[f"own/{j.name}/{own.name}"] = np.zeros(shape)
        arrays |= rested(network, j)
    return State(arrays, 0, seed, dt_ms, network.digest)


def fresh(network: Network, population: str) -> dict[str, Array]:
    """Give the membrane arrays of a population at rest, as at the beginning of a clip.

    Parameters
    ----------
    network : Network
    population : str
        Its name.

    Returns
    -------
    dict of str to ndarray
        Arrays of shape (n,), and (n_currents,) for receptors.
    """
    p = network.population(population)
    arrays: dict[str, Array] = {f"{key}/{p.name}": np.zeros(p.n) for key in ("v", "adaptation", "total")}
    arrays[f"last/{p.name}"] = np.full(p.n, NEVER, dtype=np.int64)
    if p.dendritic:
        arrays[f"dendrite/{p.name}"] = np.zeros(p.n)
    return arrays | {f"g/{p.name}/{r.name}": np.zeros(p.n_currents) for r in p.receptors}


def rested(network: Network, projection: Projection) -> dict[str, Array]:
    """Give what short-term plasticity keeps of a projection whose source has sent nothing yet.

    Parameters
    ----------
    network : Network
    projection : Projection

    Returns
    -------
    dict of str to ndarray
        Arrays of shape (n_pre,); none without ``short_term``.
    """
    if projection.short_term is None:
        return {}
    n, name = network.population(projection.source).n, projection.name
    never = np.full(n, NEVER, dtype=np.int64)
    return {f"resources/{name}": np.ones(n), f"utilised/{name}": np.zeros(n), f"arrived/{name}": never}


def at_rest(network: Network, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Put all cells at rest, with nothing in flight, traces and the synapses' own variables at zero, and all resources there.

    Weights and thresholds stay.

    Parameters
    ----------
    network : Network
    arrays : mapping of str to ndarray
        Arrays of a state.

    Returns
    -------
    dict of str to ndarray
        Arrays of the state at the beginning of a clip, of the same shapes.
    """
    found = {k: np.zeros_like(a) if k.startswith(LEARNED_ANEW) else a for k, a in arrays.items() if k != "before"}
    for p in network.populations:
        found |= fresh(network, p.name)
    for j in network.projections:
        found |= rested(network, j)
    return found
