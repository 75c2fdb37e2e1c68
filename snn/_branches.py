"""Gated branches of a level's forecast: rival forecasters at every site, and the inhibition that shuts all but the best.

One linear forecaster a site cannot express "same image, other direction". With K branches each learns a motion of its
own, and what has just explained the neighbourhood best is heard (F target channels, K branches; branch K, which has no
cells of its own, is copying: the forecast that nothing changes):

==================  =========  ====================================================================================
population          features   what it tells
==================  =========  ====================================================================================
branch              2 F K      up and down changes of each branch's correction of the last frame
branch_error_pos    F (K + 1)  target above what the branch (or copying) forecasts
branch_error_neg    F (K + 1)  the reverse
surprise            1          how much copying errs, over 2 by 2 sites
surprise_inh        K + 1      how much each branch, or copying, errs there, inhibitory
selector            K + 1      competes with its rivals; loses drive with its branch's error one frame ago
selector_inh        K + 1      divides what all branches tell the prediction cell
==================  =========  ====================================================================================

A selector's drive is ``tonic + c (E_copy - E_k)`` with E the mean error of the neighbourhood one frame ago, so that no
drive depends on how hard the movie is. Every spike of a selector takes ``rivalry`` from the others, so that near equals
share and the rest are silent. A selector opens the dendrite of its branch on the prediction cell; the inhibition of all
selectors, that of copying too, divides: the forecast is the mean of the branches, weighted by how often each has won.
Where copying has been right its selector wins, all branches are shut, and the forecast is the last frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from snn.cells import IF
from snn.description import Population, Projection, Signal, Tap
from snn.synapses import Receptor
from snn.topology import LocalField, OneToOne

if TYPE_CHECKING:
    from snn._level import Level, Pairs


class Branches:
    """Populations and projections of a level's K branches.

    Parameters
    ----------
    level : Level
    """

    def __init__(self, level: Level) -> None:
        self.level, self.spec, self.f, self.k = level, level.spec, level.f, level.spec.branches
        self.theta = self.spec.branch_step * self.spec.retina.luminance_mV

    def up(self, branch: int) -> list[int]:
        """Features of a branch that tell increases."""
        return list(range(2 * self.f * branch, 2 * self.f * branch + self.f))

    def down(self, branch: int) -> list[int]:
        """Features of a branch that tell decreases."""
        return [self.f + a for a in self.up(branch)]

    def errors(self, branch: int) -> list[int]:
        """Features of the error cells of a branch; those of copying come last."""
        return list(range(self.f * branch, self.f * (branch + 1)))

    # ---- populations

    def receptors(self) -> tuple[Receptor, ...]:
        """Dendrites of the prediction cell: one a branch, and what shuts it."""
        branch = [Receptor(name=f"branch{k}", kinetics="integrating", gate=f"gate{k}", shunt="shunt") for k in range(self.k)]
        gates = [*(f"gate{k}" for k in range(self.k)), "shunt"]
        return (*branch, *(Receptor(name=name, kinetics="gate", tau_ms=self.spec.gating.tau_gate_ms) for name in gates))

    def populations(self) -> list[Population]:
        """All populations of the branches."""
        level, gating = self.level, self.spec.gating
        tau = self.spec.tau_forecast_ms
        dendrite = (Receptor(name="dendrite_exc", tau_ms=tau), Receptor(name="dendrite_inh", tau_ms=tau))
        partner = Receptor(name="partner", kinetics="integrating")
        evidence = (
            Receptor(name="evidence_exc", tau_ms=gating.tau_evidence_ms),
            Receptor(name="evidence_inh", tau_ms=gating.tau_evidence_ms),
            Receptor(name="rival", kinetics="pulse"),
        )
        selector = IF(tau_mem_ms=1.0, v_threshold_mV=1.0, reset_by_mV=1.0, v_floor_mV=-gating.depth_mV, threshold_jitter_mV=0.02)
        shape = (*self.spec.size(level.level), self.k + 1)
        errors = self.f * (self.k + 1)
        return [
            level.make("branch", 2 * self.f * self.k, level.change_cell(self.theta), (*dendrite, partner)),
            level.relay("branch_inh", 2 * self.f * self.k),
            *(level.make(f"branch_error_{sign}", errors, level.error_cell(), level.persistent()) for sign in ("pos", "neg")),
            self._pooling("surprise", 1, "excitatory"),
            self._pooling("surprise_inh", self.k + 1, "inhibitory"),
            Population(name=level.name("selector"), shape=shape, cell=selector, receptors=evidence, biased=True, bias_mV=gating.tonic_mV),
            level.relay("selector_inh", self.k + 1),
        ]

    def _pooling(self, part: str, features: int, sign: Literal["excitatory", "inhibitory"]) -> Population:
        """Cells of a coarser grid that fire once for so many errors of the sites below."""
        errors = float(self.spec.gating.pooled_spikes)
        cell = IF(tau_mem_ms=1.0, v_threshold_mV=errors, reset_by_mV=errors, v_floor_mV=0.0, threshold_jitter_mV=0.5)
        rows, cols = self.spec.size(self.level.level)
        receptors = (Receptor(name="pulse", kinetics="pulse"),)
        return Population(name=self.level.name(part), shape=(rows // 2, cols // 2, features), cell=cell, sign=sign, receptors=receptors)

    # ---- projections

    def projections(self) -> list[Projection]:
        """All projections of the branches but those that learn."""
        return [*self._forecasts(), *self._errors(), *self._selection()]

    def _forecasts(self) -> list[Projection]:
        """Each branch tells its forecast to a dendrite of its own on the prediction cell."""
        join, lag, every = self.level.join, self.spec.lag_ms, range(self.k)
        ups, downs = [a for k in every for a in self.up(k)], [a for k in every for a in self.down(k)]
        swap: Pairs = (*zip(ups, downs, strict=True), *zip(downs, ups, strict=True))
        found = [
            join("branch", "branch", "partner", OneToOne(pairs=swap), self.theta, lag),
            join("branch", "branch_inh", "pulse", OneToOne(), 1.0, lag),
        ]
        for k in every:
            same = (*zip(self.up(k), range(self.f), strict=True), *zip(self.down(k), range(self.f, 2 * self.f), strict=True))
            other = (*zip(self.down(k), range(self.f), strict=True), *zip(self.up(k), range(self.f, 2 * self.f), strict=True))
            found.append(join("branch", "prediction", f"branch{k}", OneToOne(pairs=same), self.theta, 2 * lag))
            found.append(join("branch_inh", "prediction", f"branch{k}", OneToOne(pairs=other), self.theta, lag))
        return found

    def _errors(self) -> list[Projection]:
        """Error cells of a branch: the target, less what it was one frame ago, less what the branch adds."""
        join, lag, frame = self.level.join, self.spec.lag_ms, self.spec.frame_ms
        found = []
        for sign in ("pos", "neg"):
            cell = f"branch_error_{sign}"
            more, less = (0, self.f) if sign == "pos" else (self.f, 0)
            gains = tuple((more + a, e + a) for e in (self.errors(k)[0] for k in range(self.k + 1)) for a in range(self.f))
            loses = tuple((less + a, e + a) for e in (self.errors(k)[0] for k in range(self.k + 1)) for a in range(self.f))
            for part, step in self.level.luminance:
                found.append(join(part, cell, "persistent_exc", OneToOne(pairs=gains), step, 2 * lag))
                found.append(join(f"{part}_inh", cell, "persistent_inh", OneToOne(pairs=loses), step, lag))
                found.append(join(part, cell, "persistent_exc", OneToOne(pairs=loses), step, frame + 2 * lag, label="past"))
                found.append(join(f"{part}_inh", cell, "persistent_inh", OneToOne(pairs=gains), step, frame + lag, label="past"))
            up, down = (self.up, self.down) if sign == "pos" else (self.down, self.up)
            explained = tuple(pair for k in range(self.k) for pair in zip(up(k), self.errors(k), strict=True))
            missed = tuple(pair for k in range(self.k) for pair in zip(down(k), self.errors(k), strict=True))
            found.append(join("branch", cell, "persistent_exc", OneToOne(pairs=missed), self.theta, 2 * lag))
            found.append(join("branch_inh", cell, "persistent_inh", OneToOne(pairs=explained), self.theta, lag))
            found.append(join(cell, "surprise_inh", "pulse", LocalField(size=1, depthwise=True), 1.0, lag))
            copying = LocalField(size=1, pre_features=(self.k, self.k + 1))
            found.append(join(cell, "surprise", "pulse", copying, 1.0, lag))
        return found

    def _selection(self) -> list[Projection]:
        """Evidence of one frame ago, rivalry, and what the winner shuts."""
        join, lag, frame, gating = self.level.join, self.spec.lag_ms, self.spec.frame_ms, self.spec.gating
        n, pooled = self.k + 1, gating.pool_px**2 / gating.pooled_spikes
        per_spike = gating.sharpness_mV * self.spec.error_threshold_ms / (gating.tau_evidence_ms * pooled)
        found = [join("surprise", "selector", "evidence_exc", LocalField(size=gating.pool_px), per_spike, frame - lag)]
        own = LocalField(size=gating.pool_px, depthwise=True)
        found.append(join("surprise_inh", "selector", "evidence_inh", own, per_spike, frame - lag))
        rivals = tuple((a, b) for a in range(n) for b in range(n) if a != b)
        found.append(join("selector", "selector_inh", "pulse", OneToOne(), 1.0, lag))
        found.append(join("selector_inh", "selector", "rival", OneToOne(pairs=rivals), gating.rivalry_mV, lag))
        for k in range(self.k):
            opened = OneToOne(pairs=tuple((k, b) for b in range(2 * self.f)))
            found.append(join("selector", "prediction", f"gate{k}", opened, gating.opening, 2 * lag))
        every = OneToOne(pairs=tuple((a, b) for a in range(n) for b in range(2 * self.f)))
        found.append(join("selector_inh", "prediction", "shunt", every, gating.opening, lag))
        return found

    def signals(self) -> tuple[Signal, ...]:
        """What teaches a branch: its own error cells, and how much of the time it is heard."""
        every = range(self.k)
        up = tuple(pair for k in every for pair in zip(self.errors(k), self.up(k), strict=True))
        down = tuple(pair for k in every for pair in zip(self.errors(k), self.down(k), strict=True))
        own = tuple((k, q) for k in every for q in (*self.up(k), *self.down(k)))
        all_ = tuple((a, q) for a in range(self.k + 1) for q in range(2 * self.f * self.k))
        pos, neg, selector = (self.level.name(x) for x in ("branch_error_pos", "branch_error_neg", "selector"))
        return (
            Signal(name="excess", taps=(Tap(population=pos, pairs=up), Tap(population=neg, pairs=down))),
            Signal(name="deficit", taps=(Tap(population=neg, pairs=up), Tap(population=pos, pairs=down))),
            Signal(name="heard", taps=(Tap(population=selector, pairs=own),)),
            Signal(name="rivals", taps=(Tap(population=selector, pairs=all_),)),
        )
