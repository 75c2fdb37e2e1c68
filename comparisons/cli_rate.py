"""Commands for the rate side: the rate PredNet, and circuits trained by backprop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from comparisons.cli_options import Count, SourceOptions, numbers, pairs, say_learned
from comparisons.progress import TerminalReporter

Numbers = Annotated[tuple[float, ...], Parameter(consume_multiple=True, negative="")]


def train_rate(
    *,
    movies_from: SourceOptions,
    out: Path,
    cell: Literal["convlstm", "sublstm", "leaky"] = "convlstm",
    channels: str = "1,32",
    r_channels: str | None = None,
    pooling: Literal["max", "average"] = "max",
    loss: Literal["L_0", "L_all", "direct"] = "L_0",
    error_norm: Literal["mean", "rms"] = "mean",
    fixed_forget: Annotated[bool, Parameter(negative="")] = False,
    tau_frames: Numbers = (0.0, 1.0, 3.0),
    shared: bool = True,
    dale: Annotated[bool, Parameter(negative="")] = False,
    step_ms: float | None = None,
    tau_syn_ms: float = 20.0,
    updates: int = 1200,
    batch: int = 32,
    window: int = 10,
    lr: float = 2e-3,
    lr_end: float = 1e-4,
    schedule: Literal["cosine", "step"] = "cosine",
    clip_norm: float | None = None,
    mirror: Annotated[bool, Parameter(negative="")] = False,
    noise: float = 0.0,
    truncate: Count | None = None,
    start: str | None = None,
    seed: int = 0,
    resume: bool = False,
    figures: bool = True,
) -> None:
    """Train the rate PredNet by backprop, and leave a run folder.

    Parameters
    ----------
    movies_from
        What to learn from.
    out
        Run folder to make.
    cell
        What R is made of: the paper's convolutional LSTM, subtractive gates, or rectified leaky units.
    channels
        Channels of A and A-hat per level, with commas; as many as there are levels.
    r_channels
        Channels of R per level; as --channels when left out, but in level 0 as in level 1, since one channel holds no movie.
    pooling
        How A shrinks from level to level.
    loss
        Errors of level 0, of all levels, or, as a control, of a frame read from R, with no penalty on the error units.
    error_norm
        Mean of the error units, as published, or the root of the mean of their squares.
    fixed_forget
        For sublstm: learned constants in place of forget gates.
    tau_frames
        For leaky: time constants in frames, dealt out to the channels in turn.
    shared
        One kernel for all sites.
    dale
        For leaky: each channel of R is excitatory or inhibitory.
    step_ms
        For leaky with average pooling: run in milliseconds, with sub-steps of this length, so that it can be converted.
    tau_syn_ms
        With --step-ms: decay of its synapses.
    updates
        Steps of training.
    batch
        Windows in a step.
    window
        Frames of a window.
    lr
        Learning rate at the beginning.
    lr_end
        Learning rate at the end.
    schedule
        How it falls: along a cosine, or at once after half of the updates, as published.
    clip_norm
        Longest gradient.
    mirror
        Show half of the windows mirrored left to right.
    noise
        With --step-ms: noise of the rates while training, as a share of their root mean square; steadies the spiking form.
    truncate
        Frames through which gradients reach back, for windows that are long; the whole window when left out.
    start
        Run to begin with in place of chance, for instance one of longer sub-steps; its channels must be the same.
    seed
        Seed of everything.
    resume
        Go on with the unfinished run of the same options.
    figures
        Draw figures.

    Raises
    ------
    DescriptionError
        If an option belongs to a network in milliseconds and --step-ms is missing.
    """
    from comparisons.rate_job import RateJob
    from comparisons.rate_models import open_rate
    from comparisons.running import run_job
    from conversion.backprop_plan import BackpropPlan
    from conversion.rate_spec import RatePredNetSpec, Timing
    from snn.errors import DescriptionError, sentence

    source = movies_from.source(n_frames=window)
    if step_ms is None and tau_syn_ms != 20.0:
        raise DescriptionError(sentence("--tau-syn-ms", "belongs to a network in milliseconds", cure="give --step-ms too"))
    timing = None if step_ms is None else Timing(step_ms=step_ms, tau_syn_ms=tau_syn_ms, frame_ms=source.frame_ms)
    narrow = numbers(channels, "--channels")
    wide = (narrow[min(1, len(narrow) - 1)], *narrow[1:])
    model = RatePredNetSpec(
        rows=source.size,
        cols=source.size,
        channels=narrow,
        r_channels=wide if r_channels is None else numbers(r_channels, "--r-channels"),
        cell=cell,
        pooling=pooling,
        loss=loss,
        error_norm=error_norm,
        fixed_forget=fixed_forget,
        tau_frames=tau_frames,
        shared=shared,
        dale=dale,
        timing=timing,
    )
    plan = BackpropPlan(
        updates=updates,
        batch=batch,
        n_frames=window,
        lr=lr,
        lr_end=lr_end,
        schedule=schedule,
        clip_norm=clip_norm,
        mirror=mirror,
        noise=noise,
    )
    digest = None if start is None else open_rate(Path(start)).digest
    job = RateJob(source=source, model=model, plan=plan, seed=seed, start=start, start_digest=digest, truncate=truncate)
    summary = run_job(job, out, resume=resume, figures=figures, report=TerminalReporter())
    say_learned(out, summary, f"{summary['n_units']} units, {summary['n_parameters']} parameters")


def train_backprop(
    *,
    movies_from: SourceOptions,
    out: Path,
    cells: Literal["spiking", "rate"] = "spiking",
    updates: int = 300,
    batch: int = 16,
    window: int = 10,
    truncate: int = 2,
    slope: float = 0.3,
    lr: float = 0.05,
    lr_end: float = 0.0025,
    schedule: Literal["cosine", "step"] = "cosine",
    clip_norm: float | None = None,
    mirror: Annotated[bool, Parameter(negative="")] = False,
    train_dt_ms: float = 5.0,
    dt_ms: float = 1.0,
    lag_ms: float = 1.0,
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    seed: int = 0,
    resume: bool = False,
    figures: bool = True,
) -> None:
    """Train the circuit of one level by backprop through its spikes or rates, and leave a run folder.

    The synapses trained are those that `learn` changes; they stay non-negative.

    Parameters
    ----------
    movies_from
        What to learn from.
    out
        Run folder to make.
    cells
        Spiking cells with surrogate gradients, or their rate twins.
    updates
        Steps of training.
    batch
        Windows in a step.
    window
        Frames of a window.
    truncate
        Frames through which gradients reach back.
    slope
        Steepness of the surrogate of a spike, in units of the threshold.
    lr
        Learning rate at the beginning, in mV.
    lr_end
        Learning rate at the end.
    schedule
        How it falls: along a cosine, or at once after half of the updates.
    clip_norm
        Longest gradient.
    mirror
        Show half of the windows mirrored left to right.
    train_dt_ms
        Step, and delay of the short connections, while training; the weights are then put into the circuit at its own.
    dt_ms
        Step of the simulation.
    lag_ms
        Delay of the circuit's short connections, a multiple of the step.
    set_
        A field of the description to change: PATH=VALUE.
    seed
        Seed of everything.
    resume
        Go on with the unfinished run of the same options.
    figures
        Draw figures.
    """
    from comparisons.backprop_job import BackpropJob
    from comparisons.running import run_job
    from conversion.backprop_plan import BackpropPlan

    job = BackpropJob(
        source=movies_from.source(n_frames=window),
        plan=BackpropPlan(
            updates=updates, batch=batch, n_frames=window, lr=lr, lr_end=lr_end, schedule=schedule, clip_norm=clip_norm, mirror=mirror
        ),
        truncate=truncate,
        slope=slope,
        train_dt_ms=train_dt_ms,
        cells=cells,
        overrides=pairs(set_),
        seed=seed,
        dt_ms=dt_ms,
        lag_ms=lag_ms,
    )
    summary = run_job(job, out, resume=resume, figures=figures, report=TerminalReporter())
    say_learned(out, summary, f"{summary['n_neurons']} cells, {summary['n_synapses']} synapses")


def corners(
    *,
    out: Path = Path("runs/corners"),
    seeds: Count = 3,
    budgets: Numbers = (10.0, 40.0, 160.0),
    workers: Count = 1,
) -> None:
    """Train one circuit four ways, as rates or spikes, by backprop or the local rule, and compare errors and times.

    Parameters
    ----------
    out
        Folder for the runs; what is finished there is not run again.
    seeds
        Number of seeds.
    budgets
        Work of each, in seconds of one core.
    workers
        Processes side by side; times are right only with no more than there are free cores.
    """
    from comparisons.corners import run_corners

    print(run_corners(out, seeds=seeds, budgets_s=budgets, workers=workers))


def models(*, remake: Path | None = None) -> None:
    """List the small trained models that come with the package; their names stand for run folders everywhere.

    Parameters
    ----------
    remake
        Train them all anew into this folder, with the settings that are on record, instead.
    """
    from comparisons import shipped

    if remake is not None:
        shipped.remake(remake, TerminalReporter())
    else:
        print(shipped.table())


COMMANDS = (train_rate, train_backprop, corners, models)
