"""From a recurrent rate network to a circuit of rate units of either sign, and from what such a circuit does to an output."""

from __future__ import annotations

import numpy as np

from conversion.activity import filtered, read, simulation
from conversion.circuit import DT_MS, ZERO, Circuit, FloatArray, per_spike, rate_cell
from conversion.rate_rnn import RateRNN
from conversion.tasks import Trials
from conversion.trace_prednet import R_HZ, receptor_name
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.errors import ConversionError, sentence
from snn.synapses import Receptor
from snn.topology import Dense

INPUT, RECURRENT = "input", "recurrent"


def trace_rnn(model: RateRNN) -> Circuit:
    """Write a recurrent rate network as a circuit.

    Parameters
    ----------
    model : RateRNN

    Returns
    -------
    Circuit
        ``input``, a row with one unit for each channel, driven by luminance, and ``recurrent``; rate units whose sign is
        mixed. A frame is a step of the model; `Trials.movies` shows a task's inputs. The read-out is not in it, see
        `decode`.

    Raises
    ------
    ConversionError
        If the model's step is no whole number of the circuit's.
    """
    spec = model.spec
    if abs(spec.step_ms / DT_MS - round(spec.step_ms / DT_MS)) > 1e-9:
        raise ConversionError(sentence("model.spec.step_ms", "is no whole number of steps", got=spec.step_ms, allowed=f"n * {DT_MS}"))
    receptor = Receptor(name=receptor_name(spec.tau_syn_ms), tau_ms=spec.tau_syn_ms)
    cell = rate_cell(R_HZ)
    units = {
        INPUT: Population(name=INPUT, shape=(1, spec.n_inputs, 1), cell=cell, sign="mixed", drive="luminance"),
        RECURRENT: Population(name=RECURRENT, shape=(1, 1, spec.n_units), cell=cell, sign="mixed", receptors=(receptor,), biased=True),
    }
    weights = {INPUT: model.input, RECURRENT: model.recurrent}
    projections = {
        name: Projection(source=name, target=RECURRENT, receptor=receptor.name, topology=Dense(), weights=ZERO, delay_ms=DT_MS)
        for name in weights
    }
    network = Network(
        name="recurrent",
        frame_ms=spec.step_ms,
        populations=tuple(units.values()),
        projections=tuple(projections.values()),
        encoder=Retina(luminance_mV=1.0),
    )
    one = per_spike(R_HZ, spec.tau_syn_ms)
    arrays = {f"weights/{j.name}": weights[name].detach().double().numpy().T * one for name, j in projections.items()}
    arrays[f"bias/{RECURRENT}"] = model.bias.detach().double().numpy()
    return Circuit(network, arrays, {p.name: np.full(p.shape[2], R_HZ) for p in units.values()})


def decode(model: RateRNN, activity: FloatArray) -> FloatArray:
    """Read the output from the activity of the recurrent units, as the model reads its own.

    ``o = W_out s`` at the end of each step, where ``s`` is the activity behind a synapse.

    Parameters
    ----------
    model : RateRNN
    activity : ndarray, shape (n_steps, n_units)
        From rest; mean during each step of the model.

    Returns
    -------
    ndarray, shape (n_steps, n_outputs)
    """
    spec = model.spec
    passed, _ = filtered(activity, np.zeros(activity.shape[1]), spec.tau_syn_ms, spec.step_ms)
    outputs: FloatArray = passed @ model.readout.detach().double().numpy().T
    return outputs


def perform(circuit: Circuit, model: RateRNN, trials: Trials, *, engine: str = "event", seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Let a circuit do a task, at any stage of conversion.

    Parameters
    ----------
    circuit : Circuit
        What `trace_rnn` made of the model, or what later steps made of that.
    model : RateRNN
        Whose read-out is used.
    trials : Trials
        With the model's step; each begins at rest.
    engine : str
    seed : int

    Returns
    -------
    outputs : ndarray, shape (n_trials, n_steps, n_outputs)
    activity : ndarray, shape (n_trials, n_steps, n_units)
        In units of the rate model, copies of a unit averaged.
    """
    sim = simulation(circuit, engine=engine, seed=seed)
    found = []
    for movie in trials.movies():
        sim.restart()
        counts = sim.run(movie).counts
        found.append(read(circuit, counts, circuit.network.frame_ms)[RECURRENT][:, 0, 0])
    activity = np.stack(found)
    return np.stack([decode(model, one) for one in activity]), activity
