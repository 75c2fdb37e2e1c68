"""What a conversion does: every choice of every step, as one value."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from conversion.dale import Route
from snn._model import Described, NonNegative, Positive

Count = Annotated[int, Field(ge=1, le=1024)]
Pass = Literal["open_loop", "teacher_forced", "closed_loop"]


class Recipe(Described):
    """Choices of a conversion.

    Parameters
    ----------
    copies : int
        Cells for each unit of the rate model.
    fan_in : int, optional
        Copies of a source that reach one cell; all of them when left out.
    r_max_Hz : float
        Rate that tells the scale's activity.
    percentile : float
        Of a channel's activities above 0, on the calibration clips: the scale. Cells can fire faster than that.
    scaling : {'channel', 'population', 'global'}
        What has a scale of its own.
    dead : {'refuse', 'keep', 'keep_all'}
        What to do about channels that are silent on the calibration clips; ``keep`` refuses populations that are silent as a whole,
        which a network before it has learned can have.
    unshare : bool
        Whether sites get weights of their own; otherwise they share kernels.
    spread : float
        Standard deviation of the logarithm of the factors by which sites differ: one for each weight, or with shared kernels
        one for each source unit.
    route : {'twin', 'relay', 'feedforward_inhibition', 'parisien'}
        How negative weights become inhibitory cells.
    tau_ei_ms : float
        Decay of the synapse onto interneurons.
    match_lag : bool
        Whether excitation gets the lag of inhibition.
    neuron : {'if', 'lif', 'lif_rheobase'}
        Integrate-and-fire cells; leaky ones whose answer is made straight; leaky ones at their rheobase with one gain.
    copies_differ : bool
        Whether copies rest at staggered distances from threshold; without it they are identical.
    tau_rest_ms : float, optional
        For ``if``: return to rest while the current is not above 0.
    tau_mem_ms, t_ref_ms : float
        For leaky cells.
    gain : float
        For ``lif_rheobase``: current for an activity at the scale, in units of the threshold.
    calibrate : tuple of str
        Passes, out of ``open_loop``, ``teacher_forced`` and ``closed_loop``. The later two mend what is wrong with scales or
        gains; circuits in which nothing is wrong do not gain by them.
    calibration_frames : int
        Frames of the calibration clips, of which those at the beginning of a clip, while it settles, do not count; the passes
        use the first few of each clip that count.
    seed : int

    References
    ----------
    Percentile scaling: Rueckauer et al. (2017), https://doi.org/10.3389/fnins.2017.00682. Calibration by layer: Li et al.
    (2021), https://doi.org/10.48550/arXiv.2106.06984. One gain for leaky cells at rheobase: Kim, Li & Sejnowski (2019),
    https://doi.org/10.1073/pnas.1905926116.
    """

    copies: Count = 16
    fan_in: Count | None = None
    r_max_Hz: Annotated[float, Field(ge=1, le=500)] = 100.0
    percentile: Annotated[float, Field(ge=50, le=100)] = 95.0
    scaling: Literal["channel", "population", "global"] = "channel"
    dead: Literal["refuse", "keep", "keep_all"] = "refuse"
    unshare: bool = True
    spread: NonNegative = 0.0
    route: Route = "twin"
    tau_ei_ms: Positive = 2.0
    match_lag: bool = True
    neuron: Literal["if", "lif", "lif_rheobase"] = "if"
    copies_differ: bool = True
    tau_rest_ms: Positive | None = 2.0
    tau_mem_ms: Positive = 10.0
    t_ref_ms: NonNegative = 0.0
    gain: Positive = 1.0
    calibrate: tuple[Pass, ...] = ("open_loop",)
    calibration_frames: Annotated[int, Field(ge=3)] = 40
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.fan_in is not None and self.copies % self.fan_in:
            raise ValueError(f"fan_in must divide the {self.copies} copies; got {self.fan_in}")
        for name, applies, to in (
            ("tau_rest_ms", self.neuron == "if", "neuron 'if'"),
            ("tau_mem_ms", self.neuron != "if", "neurons that leak"),
            ("t_ref_ms", self.neuron != "if", "neurons that leak"),
            ("gain", self.neuron == "lif_rheobase", "neuron 'lif_rheobase'"),
            ("tau_ei_ms", self.route != "twin", "routes with interneurons"),
            ("match_lag", self.route != "twin", "routes with interneurons"),
        ):
            if not applies and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} belongs to {to}; got {getattr(self, name)} with neuron {self.neuron!r} and route {self.route!r}")
        return self


BASELINES = {
    "identical": Recipe(copies_differ=False),
    "percentile": Recipe(percentile=99.9, scaling="population", copies_differ=False, tau_rest_ms=None, calibrate=(), unshare=False),
    "global_gain": Recipe(scaling="global", percentile=99.9, neuron="lif_rheobase", copies_differ=False, t_ref_ms=2.0, calibrate=()),
}
"""What others do, for comparison: copies that do not differ; classic percentile conversion, whose cells remember how much
they were inhibited; one scale and one gain for the whole network, after Kim, Li & Sejnowski (2019)."""
