"""From PredNet in milliseconds to a circuit of rate units of either sign: the same network, written as populations.

==================  ==========================================================================================
representation      from itself and the errors one frame ago, and from the representation above
prediction          from the representation
error_pos, -neg     from target and prediction of the same channel, with opposite signs; at level 0 the eye's current
target (level > 0)  from the errors below, with their resolution: what is pooled is their synapses on the errors here
==================  ==========================================================================================
"""

from __future__ import annotations

import numpy as np
from torch import nn

from conversion import kernels
from conversion.circuit import DT_MS, ZERO, Circuit, FloatArray, per_spike, rate_cell
from conversion.rate_cells import Conv
from conversion.timed_prednet import TimedPredNet, tau_of
from snn.description import Network, Population, Projection, RateReadout
from snn.encoding import Retina
from snn.recording import FORECAST
from snn.state import Array
from snn.synapses import Receptor
from snn.topology import LocalField, OneToOne, SharedKernel

R_HZ = 100.0
"""Rate that stands for an activity of 1 until activities are scaled."""


def trace_prednet(model: TimedPredNet) -> Circuit:
    """Write PredNet in milliseconds as a circuit.

    Parameters
    ----------
    model : TimedPredNet

    Returns
    -------
    Circuit
        Rate units whose sign is mixed; kernels are shared if the model shares them.
    """
    return _Tracer(model).circuit()


class _Tracer:
    def __init__(self, model: TimedPredNet) -> None:
        self.model, self.spec, self.timing = model, model.spec, model.timing
        self.projections: list[Projection] = []
        self.arrays: dict[str, Array] = {}
        taus = sorted({self.timing.tau_syn_ms, *(float(t) for n in self.spec.r for t in tau_of(n, self.spec))})
        self.receptors = tuple(Receptor(name=receptor_name(tau), tau_ms=tau) for tau in taus)

    def circuit(self) -> Circuit:
        spec = self.spec
        populations: list[Population] = []
        for level in range(spec.levels):
            name, size, n = f"level{level}.", spec.size(level), spec.channels[level]
            populations.append(self._population(name + "representation", size, spec.r[level], biased=True))
            populations.append(self._population(name + "prediction", size, n, biased=True))
            for sign, error in ((1.0, "error_pos"), (-1.0, "error_neg")):
                eye = {"drive": "luminance", "drive_gain": sign} if level == 0 else {}
                populations.append(self._population(name + error, size, n, **eye))
            if level:
                populations.append(self._population(name + "target", spec.size(level - 1), n, biased=True))
        for level in range(spec.levels):
            self._level(level)
        forecast = RateReadout(name=FORECAST, population="level0.prediction", per_Hz=1.0 / R_HZ, high=spec.pixel_max)
        network = Network(
            name=f"prednet-{spec.levels}-leaky-ms",
            frame_ms=self.timing.frame_ms,
            populations=tuple(populations),
            projections=tuple(self.projections),
            encoder=Retina(luminance_mV=1.0),
            readouts=(forecast,),
        )
        return Circuit(network, self.arrays, {p.name: np.full(p.shape[2], R_HZ) for p in populations})

    def _population(self, name: str, size: tuple[int, int], n: int, **more: object) -> Population:
        return Population(
            name=name,
            shape=(*size, n),
            cell=rate_cell(R_HZ),
            sign="mixed",
            receptors=self.receptors,
            **more,  # type: ignore[arg-type]
        )

    def _level(self, level: int) -> None:
        spec, model = self.spec, self.model
        here, r, n = f"level{level}.", spec.r[level], spec.channels[level]
        late = self.timing.frame_ms
        cell = model.cells[level]
        conv = cell.conv
        assert isinstance(conv, Conv)
        into = here + "representation"
        self._from_r(level, into, conv, (0, r), late)
        self._fields(here + "error_neg", into, conv, (r, r + n), late)
        self._fields(here + "error_pos", into, conv, (r + n, r + 2 * n), late)
        if level + 1 < spec.levels:
            self._from_r(level + 1, into, conv, (r + 2 * n, spec.inputs(level)), DT_MS)
        self._bias(into, conv)
        self._from_r(level, here + "prediction", model.predict[level], (0, r), DT_MS)
        self._bias(here + "prediction", model.predict[level])
        for error, sign in (("error_pos", -1.0), ("error_neg", 1.0)):
            self._add(
                Projection(
                    source=here + "prediction",
                    target=here + error,
                    receptor=self._fast(),
                    topology=OneToOne(),
                    weights=ZERO,
                    delay_ms=DT_MS,
                ),
                np.full((*spec.size(level), n), sign),
                self.timing.tau_syn_ms,
            )
        if level + 1 < spec.levels:
            above, n_above = f"level{level + 1}.", spec.channels[level + 1]
            for k, error in enumerate(("error_neg", "error_pos")):
                self._fields(here + error, above + "target", model.ascend[level], (k * n, (k + 1) * n), DT_MS)
            self._bias(above + "target", model.ascend[level])
            for error, sign in (("error_pos", 1.0), ("error_neg", -1.0)):
                pool = kernels.pooled(sign * np.eye(n_above)[:, :, None, None], 2)
                j = Projection(
                    source=above + "target",
                    target=above + error,
                    receptor=self._fast(),
                    topology=SharedKernel(size=1),
                    weights=ZERO,
                    delay_ms=DT_MS,
                )
                if not spec.shared:
                    j = j.model_copy(update={"topology": LocalField(size=1)})
                    rows, cols = spec.size(level)
                    pool = np.tile(pool, (rows // 2, cols // 2, 1, 1, 1, 1))
                self._add(j, pool, self.timing.tau_syn_ms)

    def _fast(self) -> str:
        return receptor_name(self.timing.tau_syn_ms)

    def _from_r(self, level: int, target: str, conv: nn.Module, channels: tuple[int, int], delay_ms: float) -> None:
        """Connect R of a level: one projection for each time constant of its synapses."""
        assert isinstance(conv, Conv)
        tau = tau_of(self.spec.r[level], self.spec).numpy()
        for one in dict.fromkeys(tau.tolist()):
            block = np.flatnonzero(tau == one)
            first, stop = int(block[0]), int(block[-1]) + 1
            self._fields(
                f"level{level}.representation",
                target,
                conv,
                (channels[0] + first, channels[0] + stop),
                delay_ms,
                tau_ms=one,
                part=(first, stop),
            )

    def _fields(
        self,
        source: str,
        target: str,
        conv: nn.Module,
        channels: tuple[int, int],
        delay_ms: float,
        tau_ms: float | None = None,
        part: tuple[int, int] | None = None,
    ) -> None:
        """Connect by some input channels of a convolution; ``part`` are the source's features, where not all of them."""
        assert isinstance(conv, Conv)
        tau_ms = self.timing.tau_syn_ms if tau_ms is None else tau_ms
        weight = conv.weight.detach().double().numpy()
        kernel = weight[..., slice(*channels), :, :]
        rows = self.spec.size(int(source[5 : source.index(".")]))[0]
        up = conv.size[0] != rows
        values = (kernels.upsampled if up else kernels.same)(kernel, conv.size)
        size = values.shape[3]
        topology = (SharedKernel if self.spec.shared else LocalField)(size=size, pre_features=part)
        j = Projection(
            source=source,
            target=target,
            receptor=receptor_name(tau_ms),
            topology=topology,
            weights=ZERO,
            delay_ms=delay_ms,
        )
        self._add(j, values, tau_ms)

    def _add(self, j: Projection, values: FloatArray, tau_ms: float) -> None:
        self.projections.append(j)
        self.arrays[f"weights/{j.name}"] = values * per_spike(R_HZ, tau_ms)

    def _bias(self, name: str, conv: nn.Module) -> None:
        assert isinstance(conv, Conv)
        bias = conv.bias.detach().double().numpy()
        n_sites = conv.size[0] * conv.size[1]
        self.arrays[f"bias/{name}"] = np.broadcast_to(bias, (n_sites, bias.shape[-1])).ravel().copy()


def receptor_name(tau_ms: float) -> str:
    """Name of the receptor of a time constant.

    Parameters
    ----------
    tau_ms : float

    Returns
    -------
    str
    """
    return f"tau{tau_ms:g}"
