"""The command that distils a rate PredNet into one that converts to spikes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from comparisons.cli_options import SourceOptions, numbers, say_learned
from comparisons.progress import TerminalReporter

Numbers = Annotated[tuple[float, ...], Parameter(consume_multiple=True, negative="")]


def distil(
    teacher: Path,
    /,
    *,
    movies_from: SourceOptions,
    out: Path,
    channels: str | None = None,
    r_channels: str | None = None,
    tau_frames: Numbers | None = None,
    shared: bool | None = None,
    dale: bool | None = None,
    step_ms: float = 10.0,
    tau_syn_ms: float = 20.0,
    forecast_weight: float = 1.0,
    frame_weight: float = 1.0,
    prediction_weight: float = 0.03,
    target_weight: float = 0.03,
    error_weight: float = 0.1,
    representation_weight: float = 0.03,
    from_teacher: bool = True,
    updates: int = 1200,
    batch: int = 16,
    window: int = 10,
    lr: float = 2e-3,
    lr_end: float = 1e-4,
    schedule: Literal["cosine", "step"] = "cosine",
    clip_norm: float | None = None,
    mirror: Annotated[bool, Parameter(negative="")] = False,
    noise: float = 0.0,
    seed: int = 0,
    resume: bool = False,
    figures: bool = True,
) -> None:
    """Distil a rate PredNet, gated or not, into rectified leaky units in milliseconds, which convert to spikes.

    Parameters
    ----------
    teacher
        Run folder, name of a shipped model, or .safetensors file of a rate PredNet.
    movies_from
        What both are shown.
    out
        Run folder to make.
    channels
        Channels of A and A-hat per level of the student, with commas; the teacher's when left out.
    r_channels
        Channels of R per level of the student; the teacher's when left out.
    tau_frames
        Time constants of the synapses of R in frames, in blocks of channels; a leaky teacher's, or 0, 1 and 3.
    shared
        One kernel for all sites; as the teacher when left out.
    dale
        Each channel of R is excitatory or inhibitory; as the teacher when left out.
    step_ms
        Sub-step of training.
    tau_syn_ms
        Decay of a synaptic current.
    forecast_weight
        Weight of the difference from the teacher's forecast.
    frame_weight
        Weight of the difference from the frame itself.
    prediction_weight
        Weight of the differences in A-hat of upper levels.
    target_weight
        Weight of the differences in A of upper levels, after pooling.
    error_weight
        Weight of the differences in E+ and E- of every level.
    representation_weight
        Weight of the differences in R of every level.
    from_teacher
        Begin with those weights of a leaky teacher that fit.
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
        How it falls: along a cosine, or at once after half of the updates.
    clip_norm
        Longest gradient.
    mirror
        Show half of the windows mirrored left to right.
    noise
        Noise of the student's rates while it learns, as a share of their root mean square; steadies its spiking form.
    seed
        Seed of everything.
    resume
        Go on with the unfinished run of the same options.
    figures
        Draw figures.
    """
    from comparisons.distil_job import DistilJob, report_table, teacher_for
    from comparisons.running import run_job
    from conversion.backprop_plan import BackpropPlan
    from conversion.distil_plan import DistilPlan, student_of
    from conversion.rate_spec import Timing

    source = movies_from.source(n_frames=window)
    taught_by = teacher_for(teacher, source)
    student = student_of(
        taught_by.model.spec,
        Timing(step_ms=step_ms, tau_syn_ms=tau_syn_ms, frame_ms=source.frame_ms),
        channels=None if channels is None else numbers(channels, "--channels"),
        r_channels=None if r_channels is None else numbers(r_channels, "--r-channels"),
        tau_frames=tau_frames,
        shared=shared,
        dale=dale,
    )
    job = DistilJob(
        source=source,
        teacher=str(teacher),
        teacher_digest=taught_by.digest,
        model=student,
        match=DistilPlan(
            forecast=forecast_weight,
            frame=frame_weight,
            prediction=prediction_weight,
            target=target_weight,
            error=error_weight,
            representation=representation_weight,
            from_teacher=from_teacher,
        ),
        plan=BackpropPlan(
            updates=updates,
            batch=batch,
            n_frames=window,
            lr=lr,
            lr_end=lr_end,
            schedule=schedule,
            clip_norm=clip_norm,
            mirror=mirror,
            noise=noise,
        ),
        seed=seed,
    )
    summary = run_job(job, out, resume=resume, figures=figures, report=TerminalReporter())
    say_learned(out, summary, f"{summary['n_units']} units, {summary['n_parameters']} parameters")
    print(report_table(summary["distillation"]))


COMMANDS = (distil,)
