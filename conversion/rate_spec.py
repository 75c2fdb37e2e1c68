"""Sizes and choices of the rate PredNet."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from snn._model import Described, NonNegative, Positive

Count = Annotated[int, Field(ge=1)]
Cut = Literal["recurrence", "feedback", "error_sign"]
TAU_FRAMES, INHIBITORY_SHARE = (0.0, 1.0, 3.0), 0.25


class Timing(Described):
    """How a rate network runs in milliseconds, with the synapses that its spiking form will have.

    Parameters
    ----------
    step_ms : float
        Sub-step of training; a whole number of them makes a frame.
    tau_syn_ms : float
        Decay of a synaptic current.
    frame_ms : float
        Time for which a frame is shown, and delay of the connections that carry memory.
    hop_ms : float
        Lag of a connection without a long delay, over that of its synapse: half a step of the spiking form at 1 ms.

    Notes
    -----
    Train with the kernel of deployment: lpRNN, https://doi.org/10.48550/arXiv.1905.10692, has the same idea.
    """

    step_ms: Positive = 10.0
    tau_syn_ms: Positive = 20.0
    frame_ms: Positive = 50.0
    hop_ms: NonNegative = 0.5

    @model_validator(mode="after")
    def _whole(self) -> Self:
        n = self.frame_ms / self.step_ms
        if round(n) < 2 or abs(n - round(n)) > 1e-9:
            raise ValueError(f"step_ms must divide frame_ms {self.frame_ms} into two or more sub-steps; got {self.step_ms}")
        if self.hop_ms >= self.step_ms / 2:
            raise ValueError(f"hop_ms must be below half of step_ms; got {self.hop_ms} and {self.step_ms}")
        return self

    @property
    def n_steps(self) -> int:
        """Sub-steps of a frame."""
        return round(self.frame_ms / self.step_ms)


class RatePredNetSpec(Described):
    """Sizes and choices of the rate PredNet.

    Parameters
    ----------
    rows, cols : int
        Size of a frame; each level above has half of it.
    channels : tuple of int
        Channels of A and A-hat per level; the first is 1 for grey frames, 3 for colour.
    r_channels : tuple of int, optional
        Channels of R per level; as ``channels`` when left out, as published.
    cell : {'convlstm', 'sublstm', 'leaky'}
        What R is made of: the paper's convolutional LSTM, an LSTM with subtractive gates, or rectified leaky units.
    pooling : {'max', 'average'}
        How A shrinks from level to level.
    loss : {'L_0', 'L_all', 'direct'}
        What training lowers: the errors of level 0, those of all levels (0.1 for those above), or, as a control without
        any penalty on the error units, the error of a frame that a convolution of its own reads from R of level 0.
    error_norm : {'mean', 'rms'}
        How training measures a frame's error: the mean of the error units, as published, or the root of the mean of
        their squares, which suits a score of squared errors better.
    kernel : int
        Side of every convolution, odd.
    pixel_max : float
        Ceiling of the forecast.
    fixed_forget : bool
        For ``sublstm``: a learned constant in place of the forget gate.
    tau_frames : tuple of float
        For ``leaky``: time constants in frames, dealt out to the channels in turn; 0 has no memory of its own. With
        ``timing`` they are those of the synapses of R, in blocks of channels; 0 stands for ``tau_syn_ms``.
    shared : bool
        Whether all sites use one kernel, as in a convolution.
    dale : bool
        For ``leaky``: whether each channel of R is excitatory or inhibitory. The error units keep both signs, through
        an inhibitory partner of each.
    inhibitory_share : float
        Share of the channels of R that are inhibitory where ``dale`` holds.
    timing : Timing, optional
        For ``leaky``: the network runs in milliseconds, with synapses; left out, one step a frame, as published.
    cut : tuple of {'recurrence', 'feedback', 'error_sign'}
        What is taken away, as a control: R hears neither itself nor its memory; R does not hear the level above; both
        populations of error units answer errors of both signs, each half as much. Weights of what is cut stay, and hear nothing.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104. Subtractive gates: Costa et al. (2017),
    https://doi.org/10.48550/arXiv.1711.02448. Leaky rectified units, as used for conversion to spikes: Rueckauer et al.
    (2017), https://doi.org/10.3389/fnins.2017.00682.
    """

    later_fields: ClassVar[frozenset[str]] = frozenset({"cut"})

    rows: Count
    cols: Count
    channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 32)
    r_channels: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    cell: Literal["convlstm", "sublstm", "leaky"] = "convlstm"
    pooling: Literal["max", "average"] = "max"
    loss: Literal["L_0", "L_all", "direct"] = "L_0"
    error_norm: Literal["mean", "rms"] = "mean"
    kernel: Count = 3
    pixel_max: Positive = 1.0
    fixed_forget: bool = False
    tau_frames: Annotated[tuple[NonNegative, ...], Field(min_length=1)] = TAU_FRAMES
    shared: bool = True
    dale: bool = False
    inhibitory_share: Annotated[float, Field(gt=0, lt=1)] = INHIBITORY_SHARE
    timing: Timing | None = None
    cut: tuple[Cut, ...] = ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.r_channels is not None and len(self.r_channels) != self.levels:
            raise ValueError(f"r_channels must have one entry a level, as channels has: {self.levels}; got {len(self.r_channels)}")
        factor = 2 ** (self.levels - 1)
        if self.rows % factor or self.cols % factor:
            raise ValueError(f"rows and cols must be multiples of {factor} for {self.levels} levels; got {self.rows}x{self.cols}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd; got {self.kernel}")
        if self.dale and self.cell != "leaky":
            raise ValueError(
                f"dale needs cell 'leaky': R of a {self.cell!r} cell is signed, so it has no excitatory or inhibitory channels"
            )
        if self.cell != "leaky" and self.tau_frames != TAU_FRAMES:
            raise ValueError(f"tau_frames belongs to cell 'leaky'; got cell {self.cell!r}")
        if not self.dale and self.inhibitory_share != INHIBITORY_SHARE:
            raise ValueError(f"inhibitory_share needs dale; got {self.inhibitory_share}")
        if self.fixed_forget and self.cell != "sublstm":
            raise ValueError(f"fixed_forget belongs to cell 'sublstm'; got cell {self.cell!r}")
        if self.timing is not None and self.channels[0] != 1:
            raise ValueError(f"timing needs channels that begin with 1: the eye of its spiking form sees luminance; got {self.channels}")
        if self.timing is not None and (self.cell != "leaky" or self.pooling != "average" or self.loss != "L_0"):
            raise ValueError(
                "timing needs cell 'leaky', pooling 'average' and loss 'L_0', which have a form in spikes; "
                f"got {self.cell!r}, {self.pooling!r} and {self.loss!r}"
            )
        if len(set(self.cut)) < len(self.cut):
            raise ValueError(f"cut names something twice; got {self.cut}")
        if self.cut and self.timing is not None:
            raise ValueError(f"cut belongs to a network of one step a frame (timing left out); got {self.cut}")
        if "feedback" in self.cut and self.levels == 1:
            raise ValueError("cut: a network of one level has no feedback to be cut; give two channels or more, or leave it out")
        return self

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.channels)

    @property
    def r(self) -> tuple[int, ...]:
        """Channels of R per level."""
        return self.channels if self.r_channels is None else self.r_channels

    def size(self, level: int) -> tuple[int, int]:
        """Rows and columns of a level.

        Parameters
        ----------
        level : int

        Returns
        -------
        (int, int)
        """
        return self.rows // 2**level, self.cols // 2**level

    def inputs(self, level: int) -> int:
        """Channels that reach R of a level: R and E of the frame before, and R of the level above.

        Parameters
        ----------
        level : int

        Returns
        -------
        int
        """
        return self.r[level] + 2 * self.channels[level] + self._above(level)

    def deaf(self, level: int) -> int:
        """Channels among those that reach R of a level that are cut.

        Parameters
        ----------
        level : int

        Returns
        -------
        int
        """
        return self.r[level] * ("recurrence" in self.cut) + self._above(level) * ("feedback" in self.cut)

    def _above(self, level: int) -> int:
        """Channels of R of the level above; none above the last."""
        return self.r[level + 1] if level + 1 < self.levels else 0

    @property
    def n_gates(self) -> int:
        """Convolutions of a recurrent cell, counted in output channels per channel of R."""
        return {"convlstm": 4, "sublstm": 3 if self.fixed_forget else 4, "leaky": 1}[self.cell]
