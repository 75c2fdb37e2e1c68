"""From a feed-forward network of layers to a circuit of rate units of either sign.

=============================== =======================================================================================
layer                           becomes
=============================== =======================================================================================
Conv2d, Linear, then ReLU       a population, and its synapses from the one before
last one, without ReLU          the population ``output``: a feature for the positive part of each value, then one for
                                each negative part
BatchNorm2d                     part of the convolution before it
AvgPool2d                       part of the synapses behind it
Flatten, Dropout, Identity      nothing
=============================== =======================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import nn

from conversion import kernels
from conversion.circuit import DT_MS, ZERO, Circuit, FloatArray, per_spike, rate_cell
from conversion.folding import fold_batch_norm, listed
from conversion.trace_prednet import R_HZ, receptor_name
from snn.description import Network, Population, Projection
from snn.encoding import Retina
from snn.errors import ConversionError, sentence
from snn.state import Array
from snn.synapses import Receptor
from snn.topology import Dense, SharedKernel

INPUT, OUTPUT = "input", "output"
ALLOWED = "Conv2d, BatchNorm2d, ReLU, AvgPool2d, Flatten, Linear, Dropout, Identity"
CURES: dict[type[nn.Module], str] = {
    nn.MaxPool2d: "use average pooling, nn.AvgPool2d, and train anew: spikes have no maximum",
    nn.AdaptiveAvgPool2d: "use nn.AvgPool2d with the side that it has here",
    nn.Softmax: "leave it out: the largest output stays the largest",
    nn.LogSoftmax: "leave it out: the largest output stays the largest",
    nn.BatchNorm1d: "leave it out, or normalise after convolutions only",
}


def trace_layers(model: nn.Sequential, input_size: tuple[int, int], tau_syn_ms: float = 20.0, frame_ms: float = 50.0) -> Circuit:
    """Write a feed-forward network as a circuit.

    Parameters
    ----------
    model : Sequential
        Trained; it is taken as when it is evaluated. Its input is grey, one channel of luminance in [0, 1].
    input_size : (int, int)
        Rows and columns of the input.
    tau_syn_ms : float
        Decay of a synaptic current.
    frame_ms : float
        Time for which a frame is shown.

    Returns
    -------
    Circuit
        Rate units of mixed sign: ``input``, driven by luminance; ``layerN`` for the convolution or linear layer of index N
        of the model; and ``output`` if the last one has no ReLU. Shown a frame for long, they settle at what the model
        computes.

    Raises
    ------
    ConversionError
        Naming the first layer that has no form in synapses and rectified units.

    References
    ----------
    Rueckauer et al. (2017), https://doi.org/10.3389/fnins.2017.00682.

    Notes
    -----
    *Departures*: synapses with a time course; a signed output is two populations of rectified units.
    """
    tracer = _Tracer(input_size, tau_syn_ms)
    for where, _, _, layer in listed(fold_batch_norm(model)):
        tracer.take(where, layer)
    return tracer.circuit(frame_ms)


@dataclass
class _Linear:
    """A convolution or linear layer that waits for its ReLU."""

    where: str
    topology: SharedKernel | Dense
    weights: FloatArray
    bias: FloatArray
    shape: tuple[int, int, int]

    def signed(self) -> _Linear:
        """The same map twice, the second time with the opposite sign."""
        rows, cols, n = self.shape
        w = np.concatenate([self.weights, -self.weights], axis=-1)
        return _Linear(self.where, self.topology, w, np.concatenate([self.bias, -self.bias]), (rows, cols, 2 * n))


@dataclass
class _Tracer:
    size: tuple[int, int]
    tau_syn_ms: float
    pool: int = 1
    flat: bool = False
    waiting: _Linear | None = None
    populations: list[Population] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        eye = Population(name=INPUT, shape=(*self.size, 1), cell=rate_cell(R_HZ), sign="mixed", drive="luminance")
        self.populations.append(eye)

    def take(self, where: str, layer: nn.Module) -> None:
        """Go on by one layer."""
        kind = type(layer)
        if type(layer) is nn.Conv2d:
            self._conv(where, layer)
        elif type(layer) is nn.Linear:
            self._linear(where, layer)
        elif type(layer) is nn.AvgPool2d:
            self._pool(where, layer)
        elif type(layer) is nn.Flatten:
            if (layer.start_dim, layer.end_dim) not in ((1, -1), (1, 3)):
                raise _refused(where, layer, "leaves some axes", got=(layer.start_dim, layer.end_dim), allowed="(1, -1)")
            self.flat = True
        elif kind is nn.ReLU:
            # Without a map that waits, what comes is 0 or above already.
            if self.waiting is not None:
                self._settle(f"layer{self.waiting.where.removeprefix('layer ')}", self.waiting)
        elif kind not in (nn.Identity, nn.Dropout, nn.Dropout2d):
            cure = CURES.get(kind, "replace it and train anew")
            raise ConversionError(
                sentence(where, f"{kind.__name__} has no form in synapses and rectified units", allowed=ALLOWED, cure=cure)
            )

    def circuit(self, frame_ms: float) -> Circuit:
        """End the trace."""
        if self.waiting is not None:
            self._settle(OUTPUT, self.waiting.signed())
        if len(self.populations) == 1:
            raise ConversionError(sentence("model", "has no Conv2d and no Linear, so there is nothing to convert"))
        if self.pool > 1:
            cure = "end in a Linear or Conv2d"
            raise ConversionError(sentence("model", "ends in AvgPool2d, but pooling is part of the synapses behind it", cure=cure))
        network = Network(
            name="layers",
            frame_ms=frame_ms,
            populations=tuple(self.populations),
            projections=tuple(self.projections),
            encoder=Retina(luminance_mV=1.0),
        )
        return Circuit(network, self.arrays, {p.name: np.full(p.shape[2], R_HZ) for p in self.populations})

    def _conv(self, where: str, conv: nn.Conv2d) -> None:
        self._refuse_unrectified(where, conv)
        if self.flat:
            raise _refused(where, conv, "comes after Flatten", cure="convolve first")
        side = conv.kernel_size[0]
        wrong = {
            "groups": (conv.groups, 1),
            "stride": (conv.stride, (1, 1)),
            "dilation": (conv.dilation, (1, 1)),
            "kernel_size": (conv.kernel_size, (side, side)),
            "padding_mode": (conv.padding_mode, "zeros"),
        }
        for name, (got, allowed) in wrong.items():
            if got != allowed:
                raise _refused(where, conv, f"has a {name} that is not supported", got=got, allowed=str(allowed))
        if side % 2 == 0:
            raise _refused(where, conv, "has a kernel without a middle", got=side, allowed="an odd kernel_size")
        if conv.padding not in ("same", (side // 2, side // 2)):
            raise _refused(where, conv, "does not keep the size", got=conv.padding, allowed=f"padding={side // 2} or 'same'")
        _, _, n = self.populations[-1].shape
        if conv.in_channels != n:
            hint = "the input is grey, with one channel" if len(self.populations) == 1 else ""
            raise _refused(where, conv, "does not fit what comes before", got=conv.in_channels, allowed=f"in_channels={n}", cure=hint)
        rows, cols = self._pooled_size()
        if side > min(rows, cols):
            cure = "use larger frames or a smaller kernel"
            raise _refused(where, conv, f"has a kernel larger than its {rows}x{cols} sites", got=side, cure=cure)
        kernel = conv.weight.detach().double().numpy()
        w = kernels.pooled(kernel, self.pool) if self.pool > 1 else kernels.same(kernel, (rows, cols))
        self._wait(_Linear(where, SharedKernel(size=side), w, _bias(conv), (rows, cols, conv.out_channels)))

    def _linear(self, where: str, linear: nn.Linear) -> None:
        self._refuse_unrectified(where, linear)
        rows, cols = self._pooled_size()
        n = self.populations[-1].shape[2]
        if not self.flat:
            raise _refused(where, linear, "comes before Flatten", cure="put nn.Flatten() before it")
        if linear.in_features != rows * cols * n:
            got, allowed = linear.in_features, f"in_features={rows * cols * n}, for {n} channels of {rows}x{cols}"
            raise _refused(where, linear, "does not fit what comes before", got=got, allowed=allowed)
        # torch flattens channels first; cells are numbered site by site.
        by_site = linear.weight.detach().double().numpy().reshape(-1, n, rows, cols).transpose(2, 3, 1, 0)
        w = by_site.repeat(self.pool, axis=0).repeat(self.pool, axis=1) / self.pool**2
        self._wait(_Linear(where, Dense(), w.reshape(-1, linear.out_features), _bias(linear), (1, 1, linear.out_features)))

    def _pool(self, where: str, pool: nn.AvgPool2d) -> None:
        self._refuse_unrectified(where, pool, "put the ReLU before it")
        sides, strides, padding = (_pair(x) for x in (pool.kernel_size, pool.stride, pool.padding))
        if self.flat or sides[0] != sides[1] or strides != sides or padding != (0, 0) or pool.divisor_override is not None:
            allowed = "equal squares side by side, before Flatten"
            raise _refused(where, pool, "is not supported in this form", got=(sides, strides, padding), allowed=allowed)
        rows, cols = self._pooled_size()
        if rows % sides[0] or cols % sides[0]:
            raise _refused(where, pool, f"does not divide {rows}x{cols} sites", got=sides[0], cure="use frames of another size")
        self.pool *= sides[0]

    def _pooled_size(self) -> tuple[int, int]:
        rows, cols, _ = self.populations[-1].shape
        return rows // self.pool, cols // self.pool

    def _refuse_unrectified(self, where: str, layer: nn.Module, cure: str = "put a ReLU between them, or merge them") -> None:
        if self.waiting is not None:
            raise _refused(where, layer, f"follows {self.waiting.where} without a ReLU", cure=cure)

    def _wait(self, linear: _Linear) -> None:
        self.waiting, self.pool = linear, 1

    def _settle(self, name: str, linear: _Linear) -> None:
        """Add the population of a map, and its synapses."""
        name = name.replace(".", "_")
        receptor = Receptor(name=receptor_name(self.tau_syn_ms), tau_ms=self.tau_syn_ms)
        j = Projection(
            source=self.populations[-1].name,
            target=name,
            receptor=receptor.name,
            topology=linear.topology,
            weights=ZERO,
            delay_ms=DT_MS,
        )
        self.populations.append(
            Population(name=name, shape=linear.shape, cell=rate_cell(R_HZ), sign="mixed", receptors=(receptor,), biased=True)
        )
        self.projections.append(j)
        self.arrays[f"weights/{j.name}"] = linear.weights * per_spike(R_HZ, self.tau_syn_ms)
        self.arrays[f"bias/{name}"] = np.tile(linear.bias, linear.shape[0] * linear.shape[1])
        self.waiting = None


def _refused(where: str, layer: nn.Module, problem: str, *, got: object = None, allowed: str = "", cure: str = "") -> ConversionError:
    return ConversionError(sentence(where, f"{type(layer).__name__} {problem}", got=got, allowed=allowed, cure=cure))


def _bias(layer: nn.Conv2d | nn.Linear) -> FloatArray:
    n = layer.weight.shape[0]
    return np.zeros(n) if layer.bias is None else np.asarray(layer.bias.detach().double().numpy(), dtype=np.float64)


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
