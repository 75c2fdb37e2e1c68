"""A field that is not there is refused with the name that was meant, wherever a description is read from."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import ValidationError

from comparisons.sweeps.plan import Sweep
from plasticity import ErrorGated
from snn._edit import first_error
from snn.cells import SpikeSource
from snn.description import Network, Population
from snn.errors import DescriptionError
from snn.prednet import PredNetSpec

CELL = {"kind": "lif", "tau_mem_ms": 1.0, "v_threshold_mV": 1.0}
RUN = {"kind": "learn", "source": {"frames": "photographs", "size": 8}}


def network(**parts: Any) -> dict[str, Any]:
    population = {"name": "out", "shape": (2, 2, 2), "cell": CELL} | parts.pop("population", {})
    return {"name": "n", "frame_ms": 50.0, "populations": [population], "projections": [], **parts}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PredNetSpec(rows=16, colls=16), r"there is no field 'colls'; did you mean 'cols'\?"),  # type: ignore[call-arg]
        (lambda: ErrorGated(quantum_mv=1.0), r"there is no field 'quantum_mv'; did you mean 'quantum_mV'\?"),  # type: ignore[call-arg]
        (lambda: SpikeSource(tau=1.0), "there is no field 'tau'; known: kind, rate_Hz"),  # type: ignore[call-arg]
        (lambda: SpikeSource.model_validate(MappingProxyType({"rate_hz": 1.0})), r"there is no field 'rate_hz'; did you mean 'rate_Hz'\?"),
        (
            lambda: Network(**network(population={"cell": CELL | {"v_treshold_mV": 1.0}})),
            r"populations.0.cell.lif: there is no field 'v_treshold_mV'; did you mean 'v_threshold_mV'\?",
        ),
        (
            lambda: Network(**network(readouts=[{"name": "r", "population": "out", "per_hz": 1.0}])),
            r"readouts.0.RateReadout: there is no field 'per_hz'; did you mean 'per_Hz'\?",
        ),
        (lambda: Network(**network(readouts=[{"name": "r", "population": "out", "per_Hz": "x"}])), "RateReadout.per_Hz: Input should be"),
        (
            lambda: Sweep(run=RUN, vary={"plan.eta_start": {"low": 0.1, "hihg": 1.0}}),  # type: ignore[arg-type]
            r"there is no field 'hihg'; did you mean 'high'\?",
        ),
        (lambda: Sweep(run=RUN | {"levls": 2}), r"run: there is no field 'levls'; did you mean 'levels'\?"),  # type: ignore[arg-type]
    ],
)
def test_the_name_that_was_meant_is_said(make: Any, words: str) -> None:
    """Oracle: the sentence."""
    with pytest.raises((ValidationError, DescriptionError)) as refused:
        make()
    assert re.search(words, first_error(refused.value))


def test_json_is_read_alike() -> None:
    whole = Population(name="in", shape=(2, 2, 2), cell=SpikeSource(rate_Hz=3.0)).model_dump_json()
    assert Population.model_validate_json(whole).background_Hz == 3.0
    with pytest.raises(ValidationError, match=r"there is no field 'rate_hz'; did you mean 'rate_Hz'\?"):
        Population.model_validate_json(whole.replace("rate_Hz", "rate_hz"))
