"""Commands that turn a rate model into spiking populations, and compare the two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from comparisons.cli_options import SourceOptions
from comparisons.progress import TerminalReporter

Numbers = Annotated[tuple[float, ...], Parameter(consume_multiple=True, negative="")]
Counts = Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative="")]


def convert(
    run: Path,
    /,
    *,
    out: Path,
    frames: str | None = None,
    baseline: Literal["none", "identical", "percentile", "global_gain"] = "none",
    copies: int | None = None,
    fan_in: int | None = None,
    r_max_hz: float | None = None,
    percentile: float | None = None,
    dead: Literal["refuse", "keep", "keep_all"] | None = None,
    unshare: bool | None = None,
    spread: float | None = None,
    route: Literal["twin", "relay", "feedforward_inhibition", "parisien"] | None = None,
    tau_ei_ms: float | None = None,
    match_lag: bool | None = None,
    neuron: Literal["if", "lif", "lif_rheobase"] | None = None,
    gain: float | None = None,
    calibrate: str | None = None,
    calibration_frames: int | None = None,
    seed: int | None = None,
) -> None:
    """Convert a trained rate model to excitatory and inhibitory spiking populations, and leave a run folder.

    Parameters
    ----------
    run
        Run folder of `train-rate --step-ms` or `distil`.
    out
        Run folder to make.
    frames
        Where the frames that the model learned from lie now; as in its run when left out.
    baseline
        Begin with the choices of a simpler method, for comparison.
    copies
        Cells for each unit; 16 when left out.
    fan_in
        Copies of a unit that reach one cell; all when left out.
    r_max_hz
        Rate that tells the scale's activity; 100 when left out.
    percentile
        Of a channel's activities above 0: its scale; 95 when left out.
    dead
        What to do about channels that are silent while calibrating; keep_all: and about whole populations.
    unshare
        Give every site weights of its own.
    spread
        By how much they then differ: standard deviation of the logarithm of a factor.
    route
        How negative weights become inhibitory cells; twin when left out.
    tau_ei_ms
        Decay of the synapse onto interneurons; 2 when left out.
    match_lag
        Give excitation the lag of inhibition, for routes through interneurons.
    neuron
        Integrate-and-fire, leaky ones made straight, or leaky ones at their rheobase.
    gain
        For leaky cells at their rheobase: current for an activity at the scale, in units of the threshold.
    calibrate
        Passes with commas, out of open_loop, teacher_forced and closed_loop; none for none.
    calibration_frames
        Frames to calibrate on; 40 when left out.
    seed
        Seed of everything.
    """
    from comparisons import run_folder
    from comparisons.converting import LEDGER, convert_run, ledger_table
    from conversion.recipe import BASELINES, Recipe

    passes = None if calibrate is None else tuple(name for name in calibrate.replace("none", "").split(",") if name)
    given = {
        "copies": copies, "fan_in": fan_in, "r_max_Hz": r_max_hz, "percentile": percentile, "dead": dead, "unshare": unshare,
        "spread": spread, "route": route, "tau_ei_ms": tau_ei_ms, "match_lag": match_lag, "neuron": neuron, "gain": gain,
        "calibrate": passes,
        "calibration_frames": calibration_frames, "seed": seed,
    }  # fmt: skip
    chosen = BASELINES[baseline].model_dump() if baseline != "none" else {}
    recipe = Recipe(**{**chosen, **{k: v for k, v in given.items() if v is not None}})
    summary = convert_run(run, out, recipe, frames=frames, report=TerminalReporter())
    print(ledger_table(run_folder.read_json(out / LEDGER)))
    size = summary["manifest"]["size"]
    print(
        f"{out}: {size['cells']} cells, {size['synapses']} synapses with {size['stored_weights']} stored weights, "
        f"{size['memory_bytes'] / 2**20:.0f} MiB; {100 * summary['manifest']['dale']:.0f} % of the synapses obey Dale's law"
    )


def fidelity(
    rate: Path,
    spiking: Path,
    /,
    *,
    frames: str,
    clips: str = "",
    only: Literal["all", "held-out"] = "all",
    n_frames: int = 40,
    out: Path | None = None,
    copies: Counts = (),
    rates_hz: Numbers = (),
) -> None:
    """Compare a spiking circuit with the rate model that it was made from, population by population.

    Parameters
    ----------
    rate
        Run folder of the rate model.
    spiking
        Run folder of `convert`.
    frames
        Video file, folder or zip of frames, .npz, .npy, or the word photographs.
    clips
        Names of clips, with commas; all when left out.
    only
        All frames, or only those that the rate model has not learned from.
    n_frames
        Frames to compare on, from the beginning of each clip.
    out
        Folder for the figures and the numbers as JSON.
    copies
        Convert the rate model anew with each of these numbers of copies, and draw how the error falls.
    rates_hz
        The same for rates at the scale.
    """
    from comparisons.cli_options import names
    from comparisons.fidelity_runs import compare, draw, recipes, sweep, table
    from comparisons.scoring_runs import Frames

    report = TerminalReporter()
    wanted = Frames(frames, names(clips), only)
    recipes(spiking, copies, rates_hz)  # what cannot be converted is refused before anything is compared
    found = compare(rate, spiking, wanted, n_frames, report)
    print(table(found))
    points = sweep(rate, spiking, wanted, n_frames, copies, rates_hz, report) if copies or rates_hz else []
    if out is not None:
        draw(out, found, points)
        print(f"figures and numbers: {out}")


def adapt(
    converted: Path,
    /,
    *,
    movies_from: SourceOptions,
    out: Path,
    passes: int = 1,
    eta_start: float = 0.004,
    eta_end: float = 0.0005,
    c: float = 4.0,
    seed: int = 0,
    resume: bool = False,
    figures: bool = True,
) -> None:
    """Let a converted circuit go on learning by the local rule of its forecast, and leave a run folder.

    Its synapses from representation to prediction get weights of their own, also between copies, and learn from the spikes of
    the error cells.

    Parameters
    ----------
    converted
        Run folder of `convert`.
    movies_from
        What to learn from.
    out
        Run folder to make.
    passes
        How often every stretch is shown.
    eta_start
        Learning rate at the beginning.
    eta_end
        Learning rate at the end.
    c
        Floor of the rule's normaliser, in squared trace units.
    seed
        Seed of the order of stretches.
    resume
        Go on with the unfinished run of the same options.
    figures
        Draw figures.
    """
    from comparisons import run_folder
    from comparisons.adapt_job import AdaptJob
    from comparisons.cli_options import say_learned
    from comparisons.fidelity_runs import converted as open_converted
    from comparisons.running import run_job
    from plasticity.training import Plan

    folder = run_folder.resolve(converted)
    open_converted(folder)
    job = AdaptJob(
        source=movies_from.source(),
        converted=str(converted),
        converted_digest=run_folder.sha256(folder / "weights.npz"),
        plan=Plan(passes=passes, eta_start=eta_start, eta_end=eta_end),
        c=c,
        seed=seed,
    )
    summary = run_job(job, out, resume=resume, figures=figures, report=TerminalReporter())
    say_learned(out, summary, f"{summary['n_neurons']} cells, {summary['n_plastic']} plastic synapses")


def size(
    run: Path,
    /,
    *,
    nrmse: float | None = None,
    copies: int | None = None,
    r_max_hz: float = 100.0,
    route: Literal["twin", "relay", "feedforward_inhibition", "parisien"] = "twin",
    unshare: bool = True,
) -> None:
    """Say what a conversion will take before anything is built: copies, synapses, memory, operations.

    Parameters
    ----------
    run
        Run folder of `train-rate --step-ms` or `distil`.
    nrmse
        Wanted error of the error units, from which the copies follow.
    copies
        Cells for each unit, in its place.
    r_max_hz
        Rate that tells the scale's activity.
    route
        How negative weights become inhibitory cells.
    unshare
        Give every site weights of its own.
    """
    from comparisons.converting import rate_run
    from conversion.sizing import expected_nrmse, size_for

    spec = rate_run(run).model.spec
    found = size_for(spec, nrmse=nrmse, copies=copies, r_max_Hz=r_max_hz, route=route, share=not unshare)
    tau = spec.timing.tau_syn_ms if spec.timing is not None else 20.0
    print(
        f"{found.copies} cells for each unit (expected NRMSE of the error units {expected_nrmse(found.copies, r_max_hz, tau):.3f}): "
        f"{found.cells} cells, {found.synapses} synapses with {found.stored_weights} stored weights, "
        f"{found.memory_bytes / 2**20:.0f} MiB, about {found.synaptic_operations_per_frame:.2g} synaptic operations a frame"
    )


COMMANDS = (convert, fidelity, adapt, size)
