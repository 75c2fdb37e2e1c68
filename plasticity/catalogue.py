"""What is known of each rule beyond its equation: an example of it, its kin in other simulators, and the script that shows it.

A rule of the package has one entry here. Tests and benchmarks take their example of a rule from it, and `plasticity.rule_tables`
makes the tables of docs/rules.md from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from plasticity.apical import ApicalError
from plasticity.bcm import BCM
from plasticity.compose import Compose
from plasticity.credit import CreditGated
from plasticity.dendritic import DendriticPrediction
from plasticity.dendritic_balance import BranchBalance, BranchInput
from plasticity.efficient import EfficientBalance, EfficientInput
from plasticity.eprop import EProp
from plasticity.feedback import SymmetricFeedback, SymmetricForecast
from plasticity.hebbian import CorrelationMeasuring, Oja
from plasticity.homeostasis import L1Norm, SynapticScaling, TargetRate
from plasticity.inhibitory import VogelsRate, VogelsSTDP
from plasticity.latent import LatentPrediction
from plasticity.lateral import LateralEqualising
from plasticity.nearest import NearestSTDP
from plasticity.predictive import ErrorGated, GatedDelta
from plasticity.reward import RewardModulatedSTDP, SurpriseModulatedSTDP
from plasticity.single_cell import SingleCellPrediction
from plasticity.stdp import PairSTDP, TripletSTDP
from plasticity.turnover import Structural
from plasticity.voltage import VoltageSTDP
from plasticity.weight_dependent import PowerLawSTDP, WeightDependentSTDP
from snn.cells import AdEx, Cell
from snn.description import Sign
from snn.local import Rule

__all__ = ["CATALOGUE", "RuleEntry"]


@dataclass(frozen=True)
class RuleEntry:
    """One rule of the package.

    Attributes
    ----------
    family : str
        What it is for, in the order of the tables.
    rule : Rule
        An example of it, with constants that move weights between 0 and 2 mV within some frames.
    source : {'excitatory', 'inhibitory'}
        Sign of the sources for which it is meant.
    note : str
        What else it needs, that its terms do not say.
    cell : Cell, optional
        That it needs, where others run it and it means nothing there.
    script : str
        Name of the script in ``examples/`` that shows it; empty where there is none.
    nest : tuple of str
        Synapse models of NEST 3.10 that do the same, but for what the tests say.
    brian2 : tuple of str
        Scripts in ``examples/`` of Brian2's sources that have it.
    """

    family: str
    rule: Rule
    source: Sign = "excitatory"
    note: str = ""
    cell: Cell | None = None
    script: str = ""
    nest: tuple[str, ...] = ()
    brian2: tuple[str, ...] = ()


TIMING, THIRD, INHIBITION, STATISTICS = "spike timing", "reward and surprise", "inhibition", "statistics of the input"
FORECAST, CREDIT, HOMEOSTASIS, WHOLE = "forecasts", "teachers and credit", "homeostasis", "structure"
PAIR = PairSTDP(a_plus_mV=0.2, a_minus_mV=0.3)
NEAREST = ("stdp_nn_symm_synapse", "stdp_nn_pre_centered_synapse", "stdp_nn_restr_synapse")
# Its constants are those of the cell that `snn.testing.rules.cell_for` chooses for it.
DENDRITE = DendriticPrediction(eta_mV=5.0, attenuation=2.0 / 3.0, theta_mV=0.8, width_mV=1.0, tau_dend_ms=12.0, tau_syn_ms=4.0)
VOGELS = ("frompapers/Vogels_et_al_2011", "synapses/homeostatic_stdp_at_inhibitory_synapes")
CLOPATH = ("frompapers/Clopath_et_al_2010_homeostasis", "frompapers/Clopath_et_al_2010_no_homeostasis")
VOLTAGE = VoltageSTDP(a_ltd=0.3, a_ltp=0.4, theta_high_mV=0.3, lag_ms=3.0, usual_mV=0.2)
PEAKED = AdEx(tau_mem_ms=10.0, v_onset_mV=1.0, v_threshold_mV=2.0, peak_mV=5.0, peak_ms=2.0, t_ref_ms=2.0)
ERRORS, SPIKES = "error cells as its source", "an `AdEx` cell whose peak is held"

CATALOGUE: dict[type[Rule], RuleEntry] = {
    PairSTDP: RuleEntry(TIMING, PAIR, script="stdp", nest=("stdp_synapse",), brian2=("synapses/STDP",)),
    TripletSTDP: RuleEntry(TIMING, TripletSTDP(), script="stdp", nest=("stdp_triplet_synapse",), brian2=("frompapers/Diehl_Cook_2015",)),
    WeightDependentSTDP: RuleEntry(TIMING, WeightDependentSTDP(), script="weight_distribution", nest=("stdp_synapse",)),
    PowerLawSTDP: RuleEntry(TIMING, PowerLawSTDP(), script="weight_distribution", nest=("stdp_pl_synapse_hom",)),
    NearestSTDP: RuleEntry(TIMING, NearestSTDP(a_plus_mV=0.2, a_minus_mV=0.3), script="weight_distribution", nest=NEAREST),
    VoltageSTDP: RuleEntry(TIMING, VOLTAGE, note=SPIKES, cell=PEAKED, script="voltage_stdp", nest=("clopath_synapse",), brian2=CLOPATH),
    RewardModulatedSTDP: RuleEntry(
        THIRD, RewardModulatedSTDP(), script="reward", nest=("stdp_dopamine_synapse",), brian2=("frompapers/Izhikevich_2007",)
    ),
    SurpriseModulatedSTDP: RuleEntry(THIRD, SurpriseModulatedSTDP(), script="reward"),
    VogelsSTDP: RuleEntry(INHIBITION, VogelsSTDP(), "inhibitory", script="balance", nest=("vogels_sprekeler_synapse",), brian2=VOGELS),
    VogelsRate: RuleEntry(INHIBITION, VogelsRate(), "inhibitory", script="error_balance"),
    EfficientBalance: RuleEntry(INHIBITION, EfficientBalance(), "inhibitory", script="efficient_code"),
    BranchBalance: RuleEntry(INHIBITION, BranchBalance(), "inhibitory", note="branches as its target", script="dendritic_balance"),
    EfficientInput: RuleEntry(STATISTICS, EfficientInput(), script="efficient_code"),
    BranchInput: RuleEntry(STATISTICS, BranchInput(), note="branches as its target", script="dendritic_balance"),
    Oja: RuleEntry(STATISTICS, Oja(), script="sparse_code"),
    CorrelationMeasuring: RuleEntry(STATISTICS, CorrelationMeasuring(), script="sparse_code"),
    BCM: RuleEntry(STATISTICS, BCM(), script="selectivity"),
    LatentPrediction: RuleEntry(STATISTICS, LatentPrediction(), script="selectivity"),
    ErrorGated: RuleEntry(FORECAST, ErrorGated(), script="simulation"),
    GatedDelta: RuleEntry(FORECAST, GatedDelta(), note="gated branches"),
    ApicalError: RuleEntry(FORECAST, ApicalError(), note="what comes and the cell's own forecast meet on it (recipe `dendritic`)"),
    SymmetricForecast: RuleEntry(FORECAST, SymmetricForecast(), script="alignment"),
    SingleCellPrediction: RuleEntry(FORECAST, SingleCellPrediction(), script="anticipation"),
    SymmetricFeedback: RuleEntry(CREDIT, SymmetricFeedback(), note=ERRORS, script="alignment"),
    CreditGated: RuleEntry(CREDIT, CreditGated()),
    EProp: RuleEntry(CREDIT, EProp(), script="eprop", nest=("eprop_synapse", "eprop_synapse_bsshslm_2020")),
    DendriticPrediction: RuleEntry(CREDIT, DENDRITE, note="with `Escape`", script="dendritic_prediction", nest=("urbanczik_synapse",)),
    TargetRate: RuleEntry(HOMEOSTASIS, TargetRate(), "inhibitory", note="a steady source", script="homeostasis"),
    SynapticScaling: RuleEntry(HOMEOSTASIS, SynapticScaling(), script="turnover"),
    L1Norm: RuleEntry(HOMEOSTASIS, L1Norm(), brian2=("frompapers/Diehl_Cook_2015",)),
    LateralEqualising: RuleEntry(WHOLE, LateralEqualising(), note="nights (`plasticity.sleep`)"),
    Structural: RuleEntry(WHOLE, Structural(rules=(PAIR,)), note="`regrown` between clips", script="turnover"),
    Compose: RuleEntry(WHOLE, Compose(rules=(TripletSTDP(), L1Norm(total_mV=2.0, share=0.1)))),
}
"""By the class of the rule."""
