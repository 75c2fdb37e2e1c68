"""The circuit: a hierarchy of predictive-coding levels of spiking E and I cells, as a `Network`.

Per level, at every site, with F target channels (PredNet's letters in brackets):

==================  =========  ====================================================================================
population          features   what it tells
==================  =========  ====================================================================================
target [A]          2 F        up and down changes; level 0 of luminance, above of the pooled errors below
prediction [A-hat]  2 F        up and down changes of the forecast
error_pos [E+]      F          target above prediction
error_neg [E-]      F          prediction above target
representation [R]  see below  what the forecast of the next frame is made from
pool                F          levels >= 1: local average of the errors below (PredNet's pooling, without the max)
==================  =========  ====================================================================================

``target``, ``prediction`` and ``representation`` have a partner ``*_inh`` that copies them, spike by spike, one step
later: every negative route passes through it. Excitatory routes are one step longer, so that both arrive together.
Level 0 has two more retinal populations, ``target_contrast`` and ``target_transient`` (on, off); its representation is
their four channels. Above, the representation tells the level, the rises and the falls of each target channel.

The forecast is the estimate of one frame ago (persistence, fixed) plus what local fields on the representation of one
frame ago, and of the level above, add to it (learned). Nothing of frame t can reach the forecast of frame t.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from snn._model import Described, NonNegative, Positive
from snn.cells import IF, LIF, AdaptiveLIF, rate_twin
from snn.description import ChangeReadout, Network, Population, Projection, Signal, Tap
from snn.encoding import Retina
from snn.errors import DescriptionError, sentence
from snn.local import Rule
from snn.synapses import Receptor
from snn.topology import LocalField, OneToOne, Topology
from snn.weights import Constant, HalfNormal, Uniform, Weights

LAG_MS = 1.0
Pairs = tuple[tuple[int, int], ...]


class PredNetSpec(Described):
    """Sizes and constants of the circuit.

    Parameters
    ----------
    rows, cols : int
        Size of a frame; each level above has half of it.
    levels : int
        Number of levels.
    channels : tuple of int
        Target channels per level; level 0 has 1 (grey). Levels beyond the tuple take its last entry.
    branches : int
        Forecast branches; only 1 for now.
    field : int
        Side of the local field of the forecast, odd.
    feedback_field : int
        Side of the field that a representation reaches in the level below, even.
    frame_ms : float
        Time of a frame and delay of the forecast.
    retina : Retina
        Gains of the eye.
    target_step, forecast_step : float
        Luminance that one spike of ``target`` and ``prediction`` stands for.
    tau_change_ms : float
        Membrane constant of the change cells.
    tau_forecast_ms : float
        Decay of the synapses that carry the forecast.
    error_threshold_ms : float
        Forecast error (luminance) times time at which an error cell fires.
    initial_forecast_mV : float
        Scale of the random forecast weights at birth; 0 starts from copying.
    w_max_mV : float
        Bound of a forecast weight.
    contrast, transient, feedback : bool
        Whether these channels exist.
    pool_gain : float
        Spikes of ``pool`` per mean spike of the errors below.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104; (2020),
    https://doi.org/10.1038/s42256-020-0170-9.

    Notes
    -----
    *Departures* from PredNet: spikes, Dale's law, unshared weights, average pooling, no gates, forecast as a correction
    of the last frame, learned by a local rule.
    """

    rows: Annotated[int, Field(ge=1)]
    cols: Annotated[int, Field(ge=1)]
    levels: Annotated[int, Field(ge=1)] = 1
    channels: tuple[Annotated[int, Field(ge=1)], ...] = (1, 4)
    branches: Literal[1] = 1
    field: Annotated[int, Field(ge=1)] = 5
    feedback_field: Annotated[int, Field(ge=2)] = 4
    frame_ms: Positive = 50.0
    retina: Retina = Retina()
    target_step: Positive = 1 / 32
    forecast_step: Positive = 1 / 32
    tau_change_ms: Positive = 5.0
    tau_forecast_ms: Positive = 20.0
    error_threshold_ms: Positive = 0.5
    initial_forecast_mV: NonNegative = 0.0
    w_max_mV: Positive = 64.0
    contrast: bool = True
    transient: bool = True
    feedback: bool = True
    pool_gain: Positive = 1.0

    def size(self, level: int) -> tuple[int, int]:
        """Rows and columns of a level.

        Parameters
        ----------
        level : int

        Returns
        -------
        (int, int)

        Raises
        ------
        DescriptionError
            If the frame cannot be halved that often.
        """
        factor = 2**level
        if self.rows % factor or self.cols % factor:
            raise DescriptionError(
                sentence(
                    "prednet.rows, cols",
                    f"cannot be halved for level {level}",
                    got=(self.rows, self.cols),
                    allowed=f"multiples of {2 ** (self.levels - 1)}",
                )
            )
        return self.rows // factor, self.cols // factor

    def n_channels(self, level: int) -> int:
        """Target channels of a level.

        Parameters
        ----------
        level : int

        Returns
        -------
        int
        """
        return 1 if level == 0 else self.channels[min(level, len(self.channels) - 1)]

    @property
    def error_quantum_mV(self) -> float:
        """Mean forecast error over a frame that one error spike stands for."""
        return self.error_threshold_ms * self.retina.luminance_mV / self.frame_ms


def prednet(spec: PredNetSpec, rule: Rule | None = None) -> Network:
    """Build the circuit.

    Parameters
    ----------
    spec : PredNetSpec
    rule : Rule, optional
        How the forecast weights learn; it reads the signals ``excess`` and ``deficit``. Left out, they are fixed.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If the frame cannot be halved for every level or is smaller than a field.
    """
    smallest = min(spec.size(spec.levels - 1))
    if smallest < spec.field:
        raise DescriptionError(
            sentence(
                "prednet.field",
                f"is larger than the {smallest} pixels of level {spec.levels - 1}",
                got=spec.field,
                cure="use larger frames, fewer levels or a smaller field",
            )
        )
    levels = [_Level(spec, level, rule) for level in range(spec.levels)]
    return Network(
        name=f"prednet-{spec.levels}",
        frame_ms=spec.frame_ms,
        populations=tuple(p for one in levels for p in one.populations()),
        projections=tuple(j for one in levels for j in one.projections()),
        encoder=spec.retina,
        readouts=tuple(r for one in levels for r in one.readouts()),
    )


def rate_network(network: Network, *, dt_ms: float = 1.0) -> Network:
    """Replace every spiking cell by its rate twin, and nothing else.

    Parameters
    ----------
    network : Network
    dt_ms : float
        Step of the simulation.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If a cell has no exact rate twin.
    """
    for p in network.populations:
        if isinstance(p.cell, IF | LIF | AdaptiveLIF):
            network = network.override(f"{p.name}.cell", rate_twin(p.cell, dt_ms=dt_ms))
    return network


class _Level:
    """Populations and projections of one level."""

    def __init__(self, spec: PredNetSpec, level: int, rule: Rule | None) -> None:
        self.spec, self.level, self.rule = spec, level, rule
        self.f = spec.n_channels(level)
        self.theta = spec.target_step * spec.retina.luminance_mV
        self.theta_p = spec.forecast_step * spec.retina.luminance_mV
        self.n_r = 2 * spec.contrast + 2 * spec.transient if level == 0 else 3 * self.f
        if self.n_r == 0:
            raise DescriptionError(
                sentence("prednet.contrast, transient", "are both off, so there is nothing to forecast from", cure="switch one on")
            )

    def name(self, part: str, level: int | None = None) -> str:
        return f"level{self.level if level is None else level}.{part}"

    # ---- populations

    def populations(self) -> list[Population]:
        spec, f = self.spec, self.f
        unit = spec.retina.luminance_mV
        persistent = (Receptor(name="persistent_exc", kinetics="integrating"), Receptor(name="persistent_inh", kinetics="integrating"))
        tau = spec.tau_forecast_ms
        dendrite = (Receptor(name="dendrite_exc", tau_ms=tau), Receptor(name="dendrite_inh", tau_ms=tau))
        partner = Receptor(name="partner", kinetics="integrating")
        pulse = Receptor(name="pulse", kinetics="pulse")
        pooled = (Receptor(name="pooled_exc", tau_ms=spec.frame_ms), Receptor(name="pooled_inh", tau_ms=spec.frame_ms))
        retinal = IF(tau_mem_ms=1.0, v_threshold_mV=unit, reset_by_mV=unit, v_floor_mV=0.0, threshold_jitter_mV=0.1 * unit)
        threshold = spec.error_threshold_ms * unit
        error = IF(
            tau_mem_ms=1.0, v_threshold_mV=threshold, reset_by_mV=threshold, v_floor_mV=-threshold, threshold_jitter_mV=0.1 * threshold
        )
        found = [
            self.make(
                "target",
                2 * f,
                self.change_cell(self.theta),
                (*(pooled if self.level else ()), partner),
                "change" if self.level == 0 else None,
            )
        ]
        found.append(self.relay("target_inh", 2 * f))
        if self.level == 0:
            for channel, present in (("contrast", spec.contrast), ("transient", spec.transient)):
                if present:
                    found.append(self.make(f"target_{channel}", 2, retinal, (), channel))
        else:
            found += [self.relay("pool", f, "excitatory"), self.relay("pool_inh", f)]
        level_receptors = (
            (Receptor(name="level_exc", kinetics="integrating"), Receptor(name="level_inh", kinetics="integrating")) if self.level else ()
        )
        found.append(self.make("representation", self.n_r, self.copy_cell(), (pulse, *level_receptors)))
        found.append(self.relay("representation_inh", self.n_r))
        found.append(self.make("prediction", 2 * f, self.change_cell(self.theta_p), (*persistent, *dendrite, partner)))
        found.append(self.relay("prediction_inh", 2 * f))
        found += [self.make(name, f, error, persistent) for name in ("error_pos", "error_neg")]
        return found

    def make(
        self, part: str, features: int, cell: IF | AdaptiveLIF, receptors: tuple[Receptor, ...], drive: str | None = None
    ) -> Population:
        return Population(name=self.name(part), shape=(*self.spec.size(self.level), features), cell=cell, receptors=receptors, drive=drive)

    def relay(self, part: str, features: int, sign: Literal["excitatory", "inhibitory"] = "inhibitory") -> Population:
        shape = (*self.spec.size(self.level), features)
        return Population(
            name=self.name(part), shape=shape, cell=self.copy_cell(), sign=sign, receptors=(Receptor(name="pulse", kinetics="pulse"),)
        )

    @staticmethod
    def copy_cell() -> IF:
        """A cell that fires once for every 1 mV pulse."""
        return IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0, v_floor_mV=0.0, threshold_jitter_mV=0.1)

    def change_cell(self, step_mV: float) -> AdaptiveLIF:
        """A cell that fires whenever its current has risen by another step."""
        return AdaptiveLIF(
            tau_mem_ms=self.spec.tau_change_ms,
            v_threshold_mV=0.5 * step_mV,
            reset_by_mV=step_mV,
            adaptation_mV=step_mV,
            threshold_jitter_mV=0.05 * step_mV,
        )

    # ---- projections

    def projections(self) -> list[Projection]:
        f, up, down = self.f, range(self.f), range(self.f, 2 * self.f)
        swap: Pairs = (*zip(up, down, strict=True), *zip(down, up, strict=True))
        frame, theta, theta_p = self.spec.frame_ms, self.theta, self.theta_p
        found = []
        for part, step in (("target", theta), ("prediction", theta_p)):
            found.append(self.join(part, part, "partner", OneToOne(pairs=swap), step, LAG_MS))
            found.append(self.join(part, f"{part}_inh", "pulse", OneToOne(), 1.0, LAG_MS))
        found.append(self.join("representation", "representation_inh", "pulse", OneToOne(), 1.0, LAG_MS))
        found += self.sensory()
        found.append(self.join("target", "prediction", "persistent_exc", OneToOne(), theta, frame))
        found.append(self.join("target_inh", "prediction", "persistent_inh", OneToOne(pairs=swap), theta, frame - LAG_MS))
        found += self.forecast(self.level, LocalField(size=self.spec.field))
        if self.spec.feedback and self.level + 1 < self.spec.levels:
            found += self.forecast(self.level + 1, LocalField(size=self.spec.feedback_field))
        to_up: Pairs = tuple((a, a) for a in up)
        to_down: Pairs = tuple((f + a, a) for a in up)
        for error, more, less in (("error_pos", to_up, to_down), ("error_neg", to_down, to_up)):
            found.append(self.join("target", error, "persistent_exc", OneToOne(pairs=more), theta, 2 * LAG_MS))
            found.append(self.join("target_inh", error, "persistent_inh", OneToOne(pairs=less), theta, LAG_MS))
            found.append(self.join("prediction", error, "persistent_exc", OneToOne(pairs=less), theta_p, 2 * LAG_MS))
            found.append(self.join("prediction_inh", error, "persistent_inh", OneToOne(pairs=more), theta_p, LAG_MS))
        return found

    def sensory(self) -> list[Projection]:
        """What reaches the target above level 0, and the representation."""
        f = self.f
        if self.level == 0:
            present = [c for c, on in (("contrast", self.spec.contrast), ("transient", self.spec.transient)) if on]
            return [
                self.join(f"target_{c}", "representation", "pulse", OneToOne(pairs=((0, 2 * i), (1, 2 * i + 1))), 1.0, LAG_MS)
                for i, c in enumerate(present)
            ]
        below = self.level - 1
        fan_in = 4 * 2 * self.spec.n_channels(below)
        found = []
        for error in ("error_pos", "error_neg"):
            weights = Uniform(low_mV=0.0, high_mV=2.0 * self.spec.pool_gain / fan_in)
            found.append(self.join(self.name(error, below), "pool", "pulse", LocalField(size=1), weights, LAG_MS))
        gain_mV = 2.0 * self.theta
        upper: Pairs = tuple((a, a) for a in range(f))
        found.append(self.join("pool", "target", "pooled_exc", OneToOne(pairs=upper), gain_mV, 2 * LAG_MS))
        found.append(self.join("pool", "pool_inh", "pulse", OneToOne(), 1.0, LAG_MS))
        found.append(self.join("pool_inh", "target", "pooled_inh", OneToOne(pairs=tuple((a, f + a) for a in range(f))), gain_mV, LAG_MS))
        level_mV = 0.02
        found.append(self.join("target", "representation", "level_exc", OneToOne(pairs=upper), level_mV, 2 * LAG_MS))
        found.append(
            self.join("target_inh", "representation", "level_inh", OneToOne(pairs=tuple((f + a, a) for a in range(f))), level_mV, LAG_MS)
        )
        found.append(self.join("target", "representation", "pulse", OneToOne(pairs=tuple((a, f + a) for a in range(2 * f))), 1.0, LAG_MS))
        return found

    def forecast(self, source_level: int, topology: Topology) -> list[Projection]:
        """Learned routes from a representation of one frame ago to the prediction, excitatory and inhibitory."""
        up: Pairs = tuple((a, a) for a in range(self.f))
        down: Pairs = tuple((a, self.f + a) for a in range(self.f))
        pos, neg = self.name("error_pos"), self.name("error_neg")
        signals = (
            Signal(name="excess", taps=(Tap(population=pos, pairs=up), Tap(population=neg, pairs=down))),
            Signal(name="deficit", taps=(Tap(population=neg, pairs=up), Tap(population=pos, pairs=down))),
        )
        weights = HalfNormal(scale_mV=self.spec.initial_forecast_mV)
        source, frame = self.name("representation", source_level), self.spec.frame_ms
        return [
            self.join(source, "prediction", "dendrite_exc", topology, weights, frame, signals),
            self.join(f"{source}_inh", "prediction", "dendrite_inh", topology, weights, frame - LAG_MS, signals),
        ]

    def join(
        self,
        source: str,
        target: str,
        receptor: str,
        topology: Topology,
        weights: Weights | float,
        delay_ms: float,
        signals: tuple[Signal, ...] = (),
    ) -> Projection:
        plastic = bool(signals) and self.rule is not None
        return Projection(
            source=source if source.startswith("level") else self.name(source),
            target=self.name(target),
            receptor=receptor,
            topology=topology,
            weights=Constant(value_mV=weights) if isinstance(weights, float) else weights,
            delay_ms=delay_ms,
            rule=self.rule if plastic else None,
            signals=signals if plastic else (),
            w_max_mV=self.spec.w_max_mV if plastic else None,
        )

    def readouts(self) -> list[ChangeReadout]:
        unit = self.spec.retina.luminance_mV if self.level == 0 else 1.0
        offset = self.spec.retina.grey if self.level == 0 else 0.0
        return [
            ChangeReadout(name=self.name("forecast"), population=self.name("prediction"), step=self.theta_p / unit, offset=offset),
            ChangeReadout(name=self.name("estimate"), population=self.name("target"), step=self.theta / unit, offset=offset),
        ]
