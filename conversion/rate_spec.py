"""Sizes and choices of the rate PredNet."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from snn._model import Described, NonNegative, Positive

Count = Annotated[int, Field(ge=1)]
TAU_FRAMES, INHIBITORY_SHARE = (0.0, 1.0, 3.0), 0.25


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
        For ``leaky``: time constants in frames, dealt out to the channels in turn; 0 has no memory of its own.
    shared : bool
        Whether all sites use one kernel, as in a convolution.
    dale : bool
        For ``leaky``: whether each channel of R is excitatory or inhibitory. The error units keep both signs, through
        an inhibitory partner of each.
    inhibitory_share : float
        Share of the channels of R that are inhibitory where ``dale`` holds.

    References
    ----------
    Lotter, Kreiman & Cox (2017), https://doi.org/10.48550/arXiv.1605.08104. Subtractive gates: Costa et al. (2017),
    https://doi.org/10.48550/arXiv.1711.02448. Leaky rectified units, as used for conversion to spikes: Rueckauer et al.
    (2017), https://doi.org/10.3389/fnins.2017.00682.
    """

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
        above = self.r[level + 1] if level + 1 < self.levels else 0
        return self.r[level] + 2 * self.channels[level] + above

    @property
    def n_gates(self) -> int:
        """Convolutions of a recurrent cell, counted in output channels per channel of R."""
        return {"convlstm": 4, "sublstm": 3 if self.fixed_forget else 4, "leaky": 1}[self.cell]
