"""The constraint ladder: from PredNet to a spiking circuit that learns locally, one constraint a rung; as plans, without running any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from comparisons.backprop_job import CIRCUIT_PLAN, BackpropJob
from comparisons.ladder_minutes import FULL, QUICK, Minutes
from comparisons.learning import Job
from comparisons.movies import PHOTOGRAPHS, Source
from comparisons.phenomena import PHENOMENA
from comparisons.rate_job import RateJob
from comparisons.sweeps.conversion import Conversion
from comparisons.sweeps.plan import Point, SweptJob
from conversion.backprop_plan import BackpropPlan
from conversion.rate_spec import RatePredNetSpec, Timing
from conversion.recipe import Recipe
from plasticity.training import Plan
from snn.errors import DescriptionError, nearest, sentence

LadderName = Literal["quick", "full"]
DesignName = Literal["cumulative", "leave-one-out", "single"]
DESIGNS: tuple[DesignName, ...] = get_args(DesignName)
RUNG = "rung"
"""Column of a table that names the rung."""
TRUNCATE = 10
"""Frames through which gradients of rate networks reach back."""
SPREAD = 0.1
"""Standard deviation of the logarithm by which sites differ that share no weights: alike to the last digit, they would share them still."""


@dataclass(frozen=True)
class Scale:
    """How large a ladder is.

    Attributes
    ----------
    size : int
        Rows and columns of a frame.
    channels, r_channels : tuple of int
        Of the rate PredNet, an entry a level; the circuit has as many levels.
    n_movies, n_frames : int
        From which everything learns; long, so that what runs away does so while it learns.
    batch, updates : int
        Of rate networks. Many small steps: with 400 of 8 or of 4 windows the network in milliseconds did not pass the gate in one of two
        seeds (0.88 of the error of copying), with 800 of 2 it does (0.73).
    circuit_updates : int
        Of the circuit under backprop, 16 windows of 10 frames each: 75 are as many frames as the local rule sees.
    copies : int
        Spiking cells for each unit of what is converted.
    seeds : int
    """

    size: int
    channels: tuple[int, ...] = (1, 8)
    r_channels: tuple[int, ...] = (8, 16)
    n_movies: int = 300
    n_frames: int = 40
    batch: int = 2
    updates: int = 800
    circuit_updates: int = 75
    copies: int = 8
    seeds: int = 3

    @property
    def source(self) -> Source:
        """Drifting photographs, the same for every rung."""
        return Source(frames=PHOTOGRAPHS, size=self.size, n_movies=self.n_movies, n_frames=self.n_frames)

    def rate(self, **model: Any) -> RateJob:
        """Describe the training of a rate PredNet.

        Parameters
        ----------
        **model
            Fields of `RatePredNetSpec`, where they are not those of PredNet as published.

        Returns
        -------
        RateJob
        """
        sizes: dict[str, Any] = {"rows": self.size, "cols": self.size, "channels": self.channels, "r_channels": self.r_channels}
        plan = BackpropPlan(updates=self.updates, batch=self.batch, n_frames=self.n_frames, lr=3e-3, clip_norm=1.0)
        spec = RatePredNetSpec(**(sizes | {"error_norm": "rms"} | model))
        return RateJob(source=self.source, model=spec, plan=plan, truncate=TRUNCATE)

    def converted(self, **recipe: Any) -> Conversion:
        """Describe the conversion of the rung before spikes.

        Parameters
        ----------
        **recipe
            Fields of `Recipe`.

        Returns
        -------
        Conversion
        """
        choices: dict[str, Any] = {"copies": self.copies, "dead": "keep"} | recipe
        return Conversion(rate=self.rate(**IN_MILLISECONDS), recipe=Recipe(**choices))

    def circuit(self) -> BackpropJob:
        """Describe the circuit of spiking cells under backprop.

        Returns
        -------
        BackpropJob
        """
        plan = CIRCUIT_PLAN.model_copy(update={"updates": self.circuit_updates})
        return BackpropJob(source=self.source, levels=len(self.channels), plan=plan)

    def local(self, **circuit: Any) -> Job:
        """Describe the circuit with its local rule.

        Parameters
        ----------
        **circuit
            Fields of `Job`.

        Returns
        -------
        Job
        """
        # Two levels blow up at the rates of one, in five of six tries; what is cut makes errors large at first, which the guard must let.
        plan = Plan(passes=1, eta_start=0.2, eta_end=0.02, max_rate_Hz=1000.0)
        return Job(source=self.source, levels=len(self.channels), plan=plan, **circuit)


AVERAGE = {"pooling": "average"}
LEAKY = AVERAGE | {"cell": "leaky"}
IN_MILLISECONDS = LEAKY | {"timing": Timing()}


@dataclass(frozen=True)
class Rung:
    """One network of a ladder.

    Attributes
    ----------
    changes : str
        What it changes of the rung with which it is compared, one clause.
    job : callable
        From scale to what determines a run of it, with seed 0.
    after : str
        The rung with which it is compared, where that is not the base of its design.
    """

    changes: str
    job: Callable[[Scale], SweptJob]
    after: str = ""


CUMULATIVE: Mapping[str, Rung] = MappingProxyType(
    {
        "prednet": Rung("PredNet: convolutional LSTMs, max pooling, shared signed weights, backprop", lambda s: s.rate()),
        "average": Rung("average pooling", lambda s: s.rate(**AVERAGE)),
        "leaky": Rung("leaky rectified cells in place of gates", lambda s: s.rate(**LEAKY)),
        "milliseconds": Rung("synapses and delays in milliseconds", lambda s: s.rate(**IN_MILLISECONDS)),
        "spikes": Rung(
            "spikes (converted), with Dale's law: what is negative goes through inhibitory cells", lambda s: s.converted(unshare=False)
        ),
        "unshared": Rung("a weight of its own at every site, 10 % apart", lambda s: s.converted(spread=SPREAD)),
        "circuit": Rung("the circuit: change coding, fixed channels in place of a learned representation", lambda s: s.circuit()),
        "local": Rung("a local rule in place of backprop", lambda s: s.local()),
    }
)
"""From PredNet to biology: each rung has all constraints of those before it."""
LEFT_OUT: Mapping[str, Rung] = MappingProxyType(
    {
        "circuit": Rung("backprop in place of the local rule", CUMULATIVE["circuit"].job),
        "local-rates": Rung("rates in place of spikes", lambda s: s.local(cells="rate")),
        "local-shared": Rung("all sites share their weights", lambda s: s.local(ablations=("shared",))),
        "local-signed": Rung("one synapse of either sign in place of a pair", lambda s: s.local(ablations=("signed",))),
        "local-one-threshold": Rung("one threshold for all cells of a population", lambda s: s.local(ablations=("jitter_off",))),
        "local-16-bit": Rung("weights rounded to 16 bits, once learned", lambda s: s.local(weight_bits=16)),
        "local-8-bit": Rung("weights rounded to 8 bits, once learned", lambda s: s.local(weight_bits=8)),
        "local-4-bit": Rung("weights rounded to 4 bits, once learned", lambda s: s.local(weight_bits=4)),
        "local-no-lag-match": Rung("excitation that does not wait for inhibition", lambda s: s.local(ablations=("lag_match_off",))),
        "local-no-feedback": Rung("no feedback from the level above", lambda s: s.local(ablations=("feedback_cut",))),
        "local-no-inhibition": Rung("no inhibition that is learned", lambda s: s.local(ablations=("inhibition_cut",))),
        "local-no-context": Rung("a forecast that hears of its own site only", lambda s: s.local(ablations=("context_cut",))),
        "local-no-transients": Rung("nothing that tells what has just changed", lambda s: s.local(ablations=("transient_cut",))),
        "local-no-persistence": Rung(
            "a forecast that does not begin from the frame before", lambda s: s.local(ablations=("persistence_cut",))
        ),
    }
)
"""From the last rung of the ladder: each leaves one piece of biology out."""
SINGLE: Mapping[str, Rung] = MappingProxyType(
    {
        "average": Rung("average pooling", CUMULATIVE["average"].job),
        "prednet-leaky": Rung("leaky rectified cells in place of gates", lambda s: s.rate(cell="leaky")),
        "prednet-subtractive": Rung("subtractive gates", lambda s: s.rate(cell="sublstm")),
        "prednet-unshared": Rung("a weight of its own at every site", lambda s: s.rate(shared=False)),
        "leaky-dale": Rung("Dale's law for channels of R", lambda s: s.rate(**LEAKY, dale=True), after="leaky"),
        "leaky-half-inhibitory": Rung(
            "half of the channels of R inhibitory in place of a quarter",
            lambda s: s.rate(**LEAKY, dale=True, inhibitory_share=0.5),
            after="leaky-dale",
        ),
        "spikes-four-cells": Rung("four cells a unit in place of eight", lambda s: s.converted(unshare=False, copies=4), after="spikes"),
        "hidden-random-feedback": Rung(
            "feedback of errors stays random", lambda s: s.local(recipe="hidden", ablations=("feedback_random",)), after="hidden"
        ),
        "local-noise": Rung("spikes by chance onto the cells of the forecast", lambda s: s.local(ablations=("noise",)), after="local"),
        "prednet-one-level": Rung("no level above", lambda s: s.rate(channels=s.channels[:1], r_channels=s.r_channels[:1])),
        "prednet-no-feedback": Rung("R hears nothing of the level above", lambda s: s.rate(cut=("feedback",))),
        "prednet-no-recurrence": Rung("R has no memory", lambda s: s.rate(cut=("recurrence",))),
        "prednet-merged-errors": Rung("error units answer errors of both signs alike", lambda s: s.rate(cut=("error_sign",))),
        "prednet-no-penalty": Rung("no penalty on error units", lambda s: s.rate(loss="direct")),
    }
)
"""From PredNet, where nothing else is said: each imposes one thing, or takes one away."""


@dataclass(frozen=True)
class Comparison:
    """Two rungs that differ in one thing.

    Attributes
    ----------
    rung, after : str
        Names; the first has the change, and there is nothing before the first rung of a ladder.
    changes : str
        What changes, one clause or several.
    """

    rung: str
    after: str
    changes: str


@dataclass(frozen=True)
class Ladder:
    """Which rungs are climbed, how they are compared, and at which scale.

    Attributes
    ----------
    scale : Scale
    cumulative : tuple of str
        Rungs of `CUMULATIVE`; what those left out change counts for the next.
    designs : tuple of str
        Further designs: 'leave-one-out' from the last rung, 'single' from the first.
    phenomena : tuple of str
        For which the networks are asked.
    minutes : mapping of str to Minutes
        What a network of each rung takes.
    """

    scale: Scale
    cumulative: tuple[str, ...]
    designs: tuple[DesignName, ...]
    phenomena: tuple[str, ...]
    minutes: Mapping[str, Minutes]

    def comparisons(self) -> dict[DesignName, tuple[Comparison, ...]]:
        """List what is compared with what.

        Returns
        -------
        dict of str to tuple of Comparison
            Per design.
        """
        found: dict[DesignName, tuple[Comparison, ...]] = {}
        chain, before, skipped = [], "", []
        for name, rung in CUMULATIVE.items():
            skipped.append(rung.changes)
            if name in self.cumulative:
                chain.append(Comparison(name, before, "; ".join(skipped)))
                before, skipped = name, []
        if "cumulative" in self.designs:
            found["cumulative"] = tuple(chain)
        for design, base, rungs in (("leave-one-out", "local", LEFT_OUT), ("single", "prednet", SINGLE)):
            if design in self.designs:
                found[design] = tuple(Comparison(name, rung.after or base, rung.changes) for name, rung in rungs.items())
        return found

    def rungs(self) -> dict[str, SweptJob]:
        """List the networks of all designs, each once.

        Returns
        -------
        dict of str to job
            With seed 0, by name.
        """
        names = dict.fromkeys(name for design in self.comparisons().values() for c in design for name in (c.after, c.rung) if name)
        return {name: ALL[name].job(self.scale) for name in sorted(names, key=list(ALL).index)}

    def points(self) -> tuple[Point, ...]:
        """List the runs, seed by seed, so that one stopped early has whole ladders.

        Returns
        -------
        tuple of Point
            With the rung as what is set.
        """
        rungs = self.rungs()
        converted = [job.rate for job in rungs.values() if isinstance(job, Conversion)]

        # No worker waits for a network to convert: that is the first of its seed, and what is made from it the last.
        def when(name: str) -> int:
            return 0 if rungs[name] in converted else 2 if isinstance(rungs[name], Conversion) else 1

        order = sorted(rungs, key=when)
        return tuple(
            Point(rungs[name].model_copy(update={"seed": seed}), {RUNG: name}) for seed in range(self.scale.seeds) for name in order
        )


BASES: Mapping[str, Rung] = MappingProxyType(
    {"hidden": Rung("the circuit with a representation that learns", lambda s: s.local(recipe="hidden"))}
)
"""What rungs of `SINGLE` are compared with, where it is no rung itself."""


def frames_learned(job: SweptJob) -> int:
    """Count the frames that a network learns from, each as often as it is shown.

    Parameters
    ----------
    job : Job, BackpropJob, RateJob or Conversion

    Returns
    -------
    int
    """
    if isinstance(job, Conversion):
        return frames_learned(job.rate)
    if isinstance(job, Job):
        return job.plan.passes * job.source.n_movies * job.source.n_frames
    return job.plan.updates * job.plan.batch * job.plan.n_frames


ALL: Mapping[str, Rung] = MappingProxyType({**CUMULATIVE, **LEFT_OUT, **BASES, **SINGLE})
"""Every rung by name; where two designs have one, it is the same network."""
ASKED = ("size_tuning", "flow_halt", "on_off")
LADDERS: Mapping[LadderName, Ladder] = MappingProxyType(
    {
        "quick": Ladder(
            Scale(size=16),
            ("prednet", "leaky", "milliseconds", "spikes", "circuit", "local"),
            ("cumulative",),
            ASKED,
            QUICK,
        ),
        "full": Ladder(
            Scale(size=24, seeds=5),
            tuple(CUMULATIVE),
            ("cumulative", "leave-one-out"),
            ASKED,
            FULL,
        ),
    }
)
"""By the name that the command line takes."""


def ladder(name: LadderName, designs: tuple[str, ...] = (), phenomena: tuple[str, ...] = (), seeds: int | None = None) -> Ladder:
    """Give a ladder by name.

    Parameters
    ----------
    name : {'quick', 'full'}
    designs : tuple of {'cumulative', 'leave-one-out', 'single'}
        In place of its own.
    phenomena : tuple of str
        In place of its own.
    seeds : int, optional
        In place of its own.

    Returns
    -------
    Ladder

    Raises
    ------
    DescriptionError
        If there is no such ladder, design or phenomenon, or no seed.
    """
    for what, asked_for, known in (("ladder", (name,), LADDERS), ("design", designs, DESIGNS), ("phenomenon", phenomena, PHENOMENA)):
        for one in asked_for:
            if one not in known:
                raise DescriptionError(sentence("ladder", f"there is no {what} {one!r}", cure=nearest(one, known)))
    if seeds is not None and seeds < 1:
        raise DescriptionError(sentence("ladder.seeds", "is the number of seeds", got=seeds, allowed=">= 1"))
    found = LADDERS[name]
    asked: Any = tuple(dict.fromkeys(designs)) or found.designs
    scale = found.scale if seeds is None else replace(found.scale, seeds=seeds)
    return replace(found, scale=scale, designs=asked, phenomena=tuple(dict.fromkeys(phenomena)) or found.phenomena)
