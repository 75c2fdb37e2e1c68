"""One level of the circuit: which populations it has and what connects them."""

from __future__ import annotations

from typing import Literal

from snn._branches import Branches
from snn._hidden import Hidden, HiddenRules
from snn.cells import IF, AdaptiveLIF, TwoCompartment
from snn.description import ChangeReadout, Population, Projection, Signal, Tap
from snn.errors import DescriptionError, sentence
from snn.local import Rule
from snn.prednet_spec import PredNetSpec
from snn.synapses import Receptor
from snn.topology import LocalField, OneToOne, Topology
from snn.weights import Constant, HalfNormal, Uniform, Weights

APICAL = tuple(Receptor(name=f"apical_{sign}", kinetics="integrating", compartment="dendrite") for sign in ("exc", "inh"))
Pairs = tuple[tuple[int, int], ...]


class Level:
    """Populations and projections of one level."""

    def __init__(
        self,
        spec: PredNetSpec,
        level: int,
        rule: Rule | None,
        inhibitory_rule: Rule | None,
        hidden_rules: HiddenRules | None = None,
    ) -> None:
        self.spec, self.level, self.rule, self.inhibitory_rule = spec, level, rule, inhibitory_rule
        self.f = spec.n_channels(level)
        self.theta = spec.target_step * spec.retina.luminance_mV
        self.theta_p = spec.forecast_step * spec.retina.luminance_mV
        self.n_r = 2 * spec.contrast + 2 * spec.transient if level == 0 else 3 * self.f
        coarse = (("target_coarse", spec.coarse.steps * self.theta),) if level == 0 and spec.coarse.steps > 1 else ()
        self.luminance: tuple[tuple[str, float], ...] = (("target", self.theta), *coarse)
        self.branches = Branches(self) if level == 0 and spec.branches > 1 else None
        self.hidden = Hidden(self, hidden_rules or HiddenRules()) if level == 0 and spec.hidden else None
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
        persistent = self.persistent()
        tau = spec.tau_forecast_ms
        dendrite = (Receptor(name="dendrite_exc", tau_ms=tau), Receptor(name="dendrite_inh", tau_ms=tau))
        partner = Receptor(name="partner", kinetics="integrating")
        pulse = Receptor(name="pulse", kinetics="pulse")
        pooled = (Receptor(name="pooled_exc", tau_ms=spec.frame_ms), Receptor(name="pooled_inh", tau_ms=spec.frame_ms))
        retinal = IF(tau_mem_ms=1.0, v_threshold_mV=unit, reset_by_mV=unit, v_floor_mV=0.0, threshold_jitter_mV=0.1 * unit)
        found = []
        for part, cell, others in self.luminance_cells():
            receptors = (*(pooled if self.level else ()), partner, *others)
            found.append(self.make(part, 2 * f, cell, receptors, "change" if self.level == 0 else None))
            found.append(self.relay(f"{part}_inh", 2 * f))
        if self.level == 0:
            for channel, present in (("contrast", spec.contrast), ("transient", spec.transient)):
                if present:
                    found.append(self.make(f"target_{channel}", 2, retinal, (), channel))
        else:
            found += [self.relay("pool", f, "excitatory"), self.relay("pool_inh", f)]
        level_receptors = (
            (Receptor(name="level_exc", kinetics="integrating"), Receptor(name="level_inh", kinetics="integrating")) if self.level else ()
        )
        if self.hidden is None:
            found.append(self.make("representation", self.n_r, self.copy_cell(), (pulse, *level_receptors)))
        else:
            found += self.hidden.populations()
        found.append(self.relay("representation_inh", self.n_r if self.hidden is None else spec.hidden))
        dendrites = dendrite if self.branches is None else self.branches.receptors()
        cell, apical = self.change_cell(self.theta_p), APICAL if spec.apical_ms else ()
        foretelling = apical_cell(cell, spec.apical_ms) if spec.apical_ms else cell
        found.append(self.make("prediction", 2 * f, foretelling, (*persistent, *dendrites, partner, *apical)))
        found.append(self.relay("prediction_inh", 2 * f))
        found += [self.make(name, f, self.error_cell(), persistent) for name in ("error_pos", "error_neg")]
        return found if self.branches is None else [*found, *self.branches.populations()]

    def luminance_cells(self) -> list[tuple[str, AdaptiveLIF, tuple[Receptor, ...]]]:
        """Change cells of the target, fine ones and where asked for coarse ones, and how the pairs hear of each other."""
        coarse = self.spec.coarse
        if len(self.luminance) == 1:
            return [("target", self.change_cell(self.theta), ())]
        others = (Receptor(name="other_pair", kinetics="integrating"),)
        fine, step = self.change_cell(self.theta, coarse.tau_fine_ms), self.luminance[1][1]
        return [("target", fine, others), ("target_coarse", self.change_cell(step, coarse.tau_coarse_ms, coarse.threshold), others)]

    @staticmethod
    def persistent() -> tuple[Receptor, Receptor]:
        """Receptors on which change spikes add up to what they tell of."""
        return Receptor(name="persistent_exc", kinetics="integrating"), Receptor(name="persistent_inh", kinetics="integrating")

    def error_cell(self) -> IF:
        """A cell that fires whenever a current has lasted for long enough."""
        threshold = self.spec.error_threshold_ms * self.spec.retina.luminance_mV
        return IF(
            tau_mem_ms=1.0, v_threshold_mV=threshold, reset_by_mV=threshold, v_floor_mV=-threshold, threshold_jitter_mV=0.1 * threshold
        )

    def make(
        self, part: str, features: int, cell: IF | AdaptiveLIF | TwoCompartment, receptors: tuple[Receptor, ...], drive: str | None = None
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

    def change_cell(self, step_mV: float, tau_ms: float | None = None, threshold: float = 0.5) -> AdaptiveLIF:
        """A cell that fires whenever its current has risen by another step."""
        return AdaptiveLIF(
            tau_mem_ms=tau_ms or self.spec.tau_change_ms,
            v_threshold_mV=threshold * step_mV,
            reset_by_mV=step_mV,
            adaptation_mV=step_mV,
            threshold_jitter_mV=0.05 * step_mV,
        )

    # ---- projections

    def projections(self) -> list[Projection]:
        f, up, down = self.f, range(self.f), range(self.f, 2 * self.f)
        swap: Pairs = (*zip(up, down, strict=True), *zip(down, up, strict=True))
        frame, theta_p = self.spec.frame_ms, self.theta_p
        found = []
        for part, step in (*self.luminance, ("prediction", theta_p)):
            found.append(self.join(part, part, "partner", OneToOne(pairs=swap), step, self.spec.lag_ms))
            found.append(self.join(part, f"{part}_inh", "pulse", OneToOne(), 1.0, self.spec.lag_ms))
        found.append(self.join("representation", "representation_inh", "pulse", OneToOne(), 1.0, self.spec.lag_ms))
        found += self.sensory()
        for part, step in self.luminance:
            found.append(self.join(part, "prediction", "persistent_exc", OneToOne(), step, frame))
            found.append(self.join(f"{part}_inh", "prediction", "persistent_inh", OneToOne(pairs=swap), step, frame - self.spec.lag_ms))
        for (part, step), (other, _) in zip(self.luminance, self.luminance[::-1], strict=True):
            if part != other:
                found.append(self.join(part, other, "partner", OneToOne(pairs=swap), step, self.spec.lag_ms))
                found.append(self.join(f"{part}_inh", other, "other_pair", OneToOne(), step, self.spec.lag_ms))
        found += self.forecast(self.level, LocalField(size=self.spec.field))
        if self.spec.feedback and self.level + 1 < self.spec.levels:
            found += self.forecast(self.level + 1, LocalField(size=self.spec.feedback_field))
        to_up: Pairs = tuple((a, a) for a in up)
        to_down: Pairs = tuple((f + a, a) for a in up)
        for error, more, less in (("error_pos", to_up, to_down), ("error_neg", to_down, to_up)):
            for part, step in self.luminance:
                found.append(self.join(part, error, "persistent_exc", OneToOne(pairs=more), step, 2 * self.spec.lag_ms))
                found.append(self.join(f"{part}_inh", error, "persistent_inh", OneToOne(pairs=less), self.born(step), self.spec.lag_ms))
            found.append(self.join("prediction", error, "persistent_exc", OneToOne(pairs=less), theta_p, 2 * self.spec.lag_ms))
            found.append(self.join("prediction_inh", error, "persistent_inh", OneToOne(pairs=more), self.born(theta_p), self.spec.lag_ms))
        if self.spec.apical_ms:
            found += self.apical(swap)
        found += [] if self.branches is None else self.branches.projections()
        return found if self.hidden is None else [*found, *self.hidden.projections()]

    def apical(self, swap: Pairs) -> list[Projection]:
        """What comes and what is foretold, as they meet on the dendrites of prediction cells: each cell sees the error of its own sign."""
        found, lag = [], self.spec.lag_ms
        for part, step in self.luminance:
            found.append(self.join(part, "prediction", "apical_exc", OneToOne(), step, 2 * lag))
            found.append(self.join(f"{part}_inh", "prediction", "apical_inh", OneToOne(pairs=swap), step, lag))
        found.append(self.join("prediction", "prediction", "apical_exc", OneToOne(pairs=swap), self.theta_p, 2 * lag))
        found.append(self.join("prediction_inh", "prediction", "apical_inh", OneToOne(), self.theta_p, lag))
        return found

    def born(self, balanced_mV: float) -> Weights | float:
        """Weights of inhibition onto error cells before anything has balanced them."""
        mismatch = 0.0 if self.level else self.spec.mismatch
        return Uniform(low_mV=balanced_mV * (1 - mismatch), high_mV=balanced_mV * (1 + mismatch)) if mismatch else balanced_mV

    def sensory(self) -> list[Projection]:
        """What reaches the target above level 0, and the representation."""
        f = self.f
        if self.hidden is not None:
            return self.hidden.inputs()
        if self.level == 0:
            present = [c for c, on in (("contrast", self.spec.contrast), ("transient", self.spec.transient)) if on]
            return [
                self.join(f"target_{c}", "representation", "pulse", OneToOne(pairs=((0, 2 * i), (1, 2 * i + 1))), 1.0, self.spec.lag_ms)
                for i, c in enumerate(present)
            ]
        below = self.level - 1
        fan_in = 4 * 2 * self.spec.n_channels(below)
        found = []
        for error in ("error_pos", "error_neg"):
            weights = Uniform(low_mV=0.0, high_mV=2.0 * self.spec.pool_gain / fan_in)
            found.append(self.join(self.name(error, below), "pool", "pulse", LocalField(size=1), weights, self.spec.lag_ms))
        gain_mV = 2.0 * self.theta
        upper: Pairs = tuple((a, a) for a in range(f))
        found.append(self.join("pool", "target", "pooled_exc", OneToOne(pairs=upper), gain_mV, 2 * self.spec.lag_ms))
        found.append(self.join("pool", "pool_inh", "pulse", OneToOne(), 1.0, self.spec.lag_ms))
        found.append(
            self.join("pool_inh", "target", "pooled_inh", OneToOne(pairs=tuple((a, f + a) for a in range(f))), gain_mV, self.spec.lag_ms)
        )
        level_mV = 0.02
        found.append(self.join("target", "representation", "level_exc", OneToOne(pairs=upper), level_mV, 2 * self.spec.lag_ms))
        found.append(
            self.join(
                "target_inh", "representation", "level_inh", OneToOne(pairs=tuple((f + a, a) for a in range(f))), level_mV, self.spec.lag_ms
            )
        )
        found.append(
            self.join("target", "representation", "pulse", OneToOne(pairs=tuple((a, f + a) for a in range(2 * f))), 1.0, self.spec.lag_ms)
        )
        return found

    def forecast(self, source_level: int, topology: Topology) -> list[Projection]:
        """Learned routes from a representation of one frame ago to the prediction, excitatory and inhibitory."""
        up: Pairs = tuple((a, a) for a in range(self.f))
        down: Pairs = tuple((a, self.f + a) for a in range(self.f))
        # With a learned representation the partners of the error cells teach: what they tell comes when feedback comes.
        late = "" if self.hidden is None else "_inh"
        pos, neg = self.name(f"error_pos{late}"), self.name(f"error_neg{late}")
        signals: tuple[Signal, ...] = (
            Signal(name="excess", taps=(Tap(population=pos, pairs=up), Tap(population=neg, pairs=down))),
            Signal(name="deficit", taps=(Tap(population=neg, pairs=up), Tap(population=pos, pairs=down))),
        )
        weights = HalfNormal(scale_mV=self.spec.initial_forecast_mV)
        source = self.name("representation", source_level)
        # A lag more lets both halves of symmetric growth see the same spikes in the same frame.
        frame = self.spec.frame_ms + (0.0 if self.hidden is None else self.spec.lag_ms)
        learner = "prediction"
        if self.branches is not None:
            signals, learner = self.branches.signals(), "branch"
        return [
            self.join(source, learner, "dendrite_exc", topology, weights, frame, signals),
            self.join(f"{source}_inh", learner, "dendrite_inh", topology, weights, frame - self.spec.lag_ms, signals),
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
        label: str = "",
        rule: Rule | Literal["forecast"] | None = "forecast",
    ) -> Projection:
        if rule == "forecast":
            rule = self.inhibitory_rule if source.endswith("_inh") else self.rule
        asked = {t.carried for t in rule.traces() if t.side == "signal"} if rule else set()
        plastic = bool(signals) and rule is not None
        signals = tuple(s for s in signals if s.name in asked)
        return Projection(
            source=source if source.startswith("level") else self.name(source),
            target=self.name(target),
            receptor=receptor,
            topology=topology,
            weights=Constant(value_mV=weights) if isinstance(weights, float) else weights,
            delay_ms=delay_ms,
            rule=rule if plastic else None,
            signals=signals if plastic else (),
            w_max_mV=self.spec.w_max_mV if plastic else None,
            label=label,
        )

    def readouts(self) -> list[ChangeReadout]:
        unit = self.spec.retina.luminance_mV if self.level == 0 else 1.0
        offset = self.spec.retina.grey if self.level == 0 else 0.0
        found = [
            ChangeReadout(name=self.name("forecast"), population=self.name("prediction"), step=self.theta_p / unit, offset=offset),
            ChangeReadout(name=self.name("estimate"), population=self.name("target"), step=self.theta / unit, offset=offset),
        ]
        for part, step in self.luminance[1:]:
            found.append(ChangeReadout(name=self.name("estimate_coarse"), population=self.name(part), step=step / unit))
        return found


def apical_cell(cell: AdaptiveLIF, tau_ms: float) -> TwoCompartment:
    """The same cell with a dendrite that its soma does not hear of."""
    same = {name: getattr(cell, name) for name in ("tau_mem_ms", "v_threshold_mV", "reset_by_mV", "adaptation_mV", "threshold_jitter_mV")}
    return TwoCompartment(tau_dend_ms=tau_ms, coupling=0.0, **same)
