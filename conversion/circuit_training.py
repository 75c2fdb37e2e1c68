"""Training the spiking circuit, or its rate twin, by backprop: the same description, the same synapses, another teacher.

Only the weights that the local rule would change are trained, with Dale's law kept by projection, so that a difference
to local learning is one of the teacher alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from conversion.rate_prednet import RMS_FLOOR
from snn.description import ChangeReadout, Network
from snn.engines.layout import Layout
from snn.engines.torch_motion import FrameSums
from snn.engines.torch_network import TorchNetwork
from snn.errors import DescriptionError, sentence
from snn.recording import FORECAST
from snn.state import Array, State

WARM_UP = 2
UPPER_SHARE = 0.1
"""Weight of the errors of each level above 0 in what is lowered, as of PredNet's loss of all levels."""


class CircuitTrainable:
    """A circuit as something to train, its graph cut every few frames.

    The loss is the root mean square error of the forecast of level 0, averaged over clips and over the frames from the
    third on; and with levels above, whose forecasts do not reach that of level 0, a tenth of the mean of what their error cells
    say, each in its own units.

    Parameters
    ----------
    network : Network
        With the readout ``level0.forecast`` and rules on what is to be trained.
    state : State
        Where it begins.
    truncate : int
        Frames through which gradients reach back.
    slope : float
        Steepness of the surrogate of a spike, in units of the threshold.

    Raises
    ------
    DescriptionError
        If the network has no forecast or nothing to train.

    References
    ----------
    Truncated backprop through time: Williams & Peng (1990), https://doi.org/10.1162/neco.1990.2.4.490; surrogate
    gradients: Neftci, Mostafa & Zenke (2019), https://doi.org/10.1109/MSP.2019.2931595.
    """

    def __init__(self, network: Network, state: State, *, truncate: int = 2, slope: float = 0.3) -> None:
        self.readout = readout_of(network)
        if not any(j.rule is not None for j in network.projections):
            raise DescriptionError(sentence(network.name, "has no projection with a rule, so nothing is to be trained"))
        self.network = TorchNetwork(Layout(network, state.dt_ms), state, slope=slope)
        self.network.learn()
        self.module: nn.Module = self.network
        self.truncate = truncate
        self.upper = _upper_errors(network)

    def accumulate(self, clips: Tensor) -> tuple[float, Tensor]:
        """As `Trainable.accumulate`."""
        n_frames = clips.shape[1]
        currents = self.network.encode(clips.cpu().double().numpy())
        motion = self.network.at_rest(len(clips))
        forecasts, total = [], 0.0
        for start in range(0, n_frames, self.truncate):
            prepared = self.network.prepared()
            motion, loss = motion.detached(), clips.new_zeros(())
            for t in range(start, min(start + self.truncate, n_frames)):
                earlier = motion.total
                motion, sums = self.network.frame(motion, {name: x[:, t] for name, x in currents.items()}, {}, prepared)
                forecast = self.forecast(earlier, sums)
                forecasts.append(forecast.detach())
                if t >= WARM_UP:
                    loss = loss + ((forecast - clips[:, t]).square().mean(dim=(1, 2)) + RMS_FLOOR).sqrt().mean()
                    for name, per_spike in self.upper.items():
                        loss = loss + UPPER_SHARE * per_spike * sums.counts[name].mean()
            if loss.requires_grad:
                (loss / (n_frames - WARM_UP)).backward()
                total += float(loss.detach()) / (n_frames - WARM_UP)
        return total, torch.stack(forecasts, dim=1)

    def forecast(self, earlier: dict[str, Tensor], sums: FrameSums) -> Tensor:
        """Read the forecast of a frame, as a recording does.

        Parameters
        ----------
        earlier : dict of str to Tensor, shape (batch, n)
            Spikes sent before the frame.
        sums : FrameSums
            Of the frame.

        Returns
        -------
        Tensor, shape (batch, rows, cols)
        """
        name = self.readout.population
        told = earlier[name] + sums.late[name]
        signal: Tensor = self.readout.read(told, self.network.populations[name])
        return signal[..., 0]

    def project_(self) -> None:
        """As `Trainable.project_`."""
        self.network.project_()

    def trained(self) -> dict[str, Array]:
        """Weights of the trained projections, under the keys of ``snn.state``; they fit the circuit at any step."""
        names = {f"weights/{j.name}" for j in self.network.network.projections if j.rule is not None}
        return {key: array for key, array in self.network.dump().items() if key in names}


def _upper_errors(network: Network) -> dict[str, float]:
    """Give the error cells of the levels above 0 whose forecasts learn, and what each of their spikes says."""
    found: dict[str, float] = {}
    for j in network.projections:
        level, _, population = j.target.partition(".")
        if j.rule is None or level == "level0" or population != "prediction":
            continue
        quantum = getattr(j.rule, "quantum_mV", None)
        if quantum is None:
            cure = "use a recipe that learns from errors, such as 'plain', or one level"
            raise DescriptionError(sentence(j.name, "learns by a rule without errors, which backprop could lower", cure=cure))
        found |= {f"{level}.error_pos": quantum, f"{level}.error_neg": quantum}
    return found


def readout_of(network: Network) -> ChangeReadout:
    """Find the readout of a network's forecast.

    Parameters
    ----------
    network : Network

    Returns
    -------
    ChangeReadout

    Raises
    ------
    DescriptionError
        If it has none.
    """
    for r in network.readouts:
        if r.name == FORECAST and isinstance(r, ChangeReadout):
            return r
    raise DescriptionError(sentence(f"{network.name}.readouts", f"has no {FORECAST!r} to train", got=[r.name for r in network.readouts]))
