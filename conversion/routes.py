"""The four ways in which a negative weight can pass through inhibitory cells, as edits of a circuit of rate units."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from conversion.circuit import DT_MS, ZERO, Circuit, FloatArray, per_spike, r_max_of, rebuilt
from snn.description import MIXED, Population, Projection, Sign
from snn.state import Array
from snn.synapses import Receptor
from snn.topology import Dense, LocalField, OneToOne, channel_pairs

INHIBITORY: Sign = "inhibitory"
STAGE = "stage"
"""Receptor of interneurons."""


@dataclass
class Parts:
    """A circuit taken apart, and what is put together from it.

    Attributes
    ----------
    circuit : Circuit
        What is routed.
    tau_ei_ms : float
        Decay of the synapse onto interneurons.
    match_lag : bool
        Whether excitation gets the lag of inhibition.
    populations, projections, biases, per_unit, partners, partner_of
        The new circuit as it grows.
    """

    circuit: Circuit
    tau_ei_ms: float
    match_lag: bool
    populations: dict[str, Population] = field(default_factory=dict)
    projections: list[tuple[Projection, FloatArray]] = field(default_factory=list)
    biases: dict[str, Array] = field(default_factory=dict)
    per_unit: dict[str, FloatArray] = field(default_factory=dict)
    partners: set[str] = field(default_factory=set)
    partner_of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.partners |= self.circuit.partners
        self.partner_of |= self.circuit.partner_of

    def add(self, p: Population, like: str, bias: FloatArray | None = None) -> None:
        """Add a population whose rates mean what those of ``like`` mean; if it is new, it is a partner of that one.

        Parameters
        ----------
        p : Population
        like : str
            A population of the old circuit.
        bias : ndarray, shape (n,), optional
            Its constant currents.
        """
        self.populations[p.name] = p
        self.per_unit[p.name] = np.resize(self.circuit.per_unit_Hz[like], p.shape[2])
        if bias is not None and p.biased:
            self.biases[f"bias/{p.name}"] = bias
        if p.name not in self.circuit.per_unit_Hz:
            self.partners.add(p.name)
            # A partner of a partner stands beside the same population of the rate model.
            self.partner_of[p.name] = self.partner_of.get(like, like)

    def join(self, j: Projection, w: FloatArray) -> None:
        """Add a projection, unless all its weights are 0.

        Parameters
        ----------
        j : Projection
        w : ndarray, shape as ``Network.weight_shape`` says
        """
        if (w != 0).any():
            self.projections.append((j, w))

    def interneuron(self, name: str, like: Population, shape: tuple[int, int, int], sign: Sign) -> Population:
        """Add cells that follow what they are told.

        Parameters
        ----------
        name : str
        like : Population
            Whose rates theirs are to be compared with.
        shape : (int, int, int)
        sign : {'excitatory', 'inhibitory', 'mixed'}

        Returns
        -------
        Population
        """
        stage = Receptor(name=STAGE, tau_ms=self.tau_ei_ms)
        p = Population(name=name, shape=shape, cell=like.cell, sign=sign, receptors=(stage,))
        self.add(p, like.name)
        return p

    def follower(self, p: Population, name: str, sign: Sign) -> Population:
        """Add one interneuron for each unit of a population.

        Parameters
        ----------
        p : Population
            Whom they follow.
        name : str
        sign : {'excitatory', 'inhibitory', 'mixed'}

        Returns
        -------
        Population
        """
        made = self.interneuron(name, p, p.shape, sign)
        self.join(
            Projection(source=p.name, target=name, receptor=STAGE, topology=OneToOne(), weights=ZERO, delay_ms=DT_MS),
            np.full((p.shape[0], p.shape[1], p.shape[2]), per_spike(r_max_of(p), self.tau_ei_ms)),
        )
        return made

    def mixed(self) -> list[Population]:
        """Populations to be routed."""
        return [p for p in self.circuit.network.populations if p.sign == MIXED]

    def keep(self, sign: Sign = "excitatory") -> None:
        """Take over every population; the mixed ones with a sign.

        Parameters
        ----------
        sign : {'excitatory', 'inhibitory', 'mixed'}
        """
        for p in self.circuit.network.populations:
            new = p.model_copy(update={"sign": sign}) if p.sign == MIXED else p
            self.add(new, p.name, self.circuit.bias(p.name))

    def outgoing(self, *, routed: bool) -> list[tuple[Projection, FloatArray]]:
        """List projections of mixed populations, or those of all others.

        Parameters
        ----------
        routed : bool
            Whether of the mixed ones.

        Returns
        -------
        list of (Projection, ndarray)
            With their weights, of the shape that ``Network.weight_shape`` says.
        """
        of = self.circuit.network.population
        return [(j, self.circuit.weights(j.name)) for j in self.circuit.network.projections if (of(j.source).sign == MIXED) == routed]

    def whole(self) -> Circuit:
        """Put the new circuit together."""
        partners = frozenset(self.partners), self.partner_of
        return rebuilt(self.circuit, self.populations.values(), self.projections, self.biases, self.per_unit, *partners)


def _positive(w: FloatArray) -> FloatArray:
    return np.maximum(w, 0.0)


def _from(j: Projection, source: str, **more: object) -> Projection:
    return j.model_copy(update={"source": source, **more})


def twin(parts: Parts) -> Circuit:
    """Give every population of mixed sign an inhibitory partner with the same inputs.

    Parameters
    ----------
    parts : Parts
        Of the circuit to be routed; nothing is put together yet.

    Returns
    -------
    Circuit
    """
    signs: dict[str, tuple[bool, bool]] = {}
    for p in parts.mixed():
        ws = [w for j, w in parts.outgoing(routed=True) if j.source == p.name]
        signs[p.name] = any((w > 0).any() for w in ws), any((w < 0).any() for w in ws)
    partner = {name: f"{name}_inh" for name, (plus, minus) in signs.items() if plus and minus}
    for p in parts.circuit.network.populations:
        bias = parts.circuit.bias(p.name)
        sign: Sign = p.sign if p.sign != MIXED else INHIBITORY if signs[p.name] == (False, True) else "excitatory"
        parts.add(p.model_copy(update={"sign": sign}), p.name, bias)
        if p.name in partner:
            parts.add(p.model_copy(update={"name": partner[p.name], "sign": INHIBITORY}), p.name, bias)
    for j in parts.circuit.network.projections:
        w = parts.circuit.weights(j.name)
        for target in (j.target, partner.get(j.target)):
            if target is None:
                continue
            here = j.model_copy(update={"target": target})
            if j.source in partner:
                parts.join(here, _positive(w))
                parts.join(_from(here, partner[j.source]), _positive(-w))
            else:
                parts.join(here, np.abs(w) if j.source in signs else w)
    return parts.whole()


def relay(parts: Parts) -> Circuit:
    """Let an inhibitory cell follow every unit, and with matched lag an excitatory one too.

    Parameters
    ----------
    parts : Parts
        Of the circuit to be routed; nothing is put together yet.

    Returns
    -------
    Circuit
    """
    parts.keep()
    excites, inhibits = {}, {}
    for p in parts.mixed():
        excites[p.name] = parts.follower(p, f"{p.name}_exc", "excitatory").name if parts.match_lag else p.name
        inhibits[p.name] = parts.follower(p, f"{p.name}_inh", INHIBITORY).name
    for j, w in parts.outgoing(routed=True):
        parts.join(_from(j, excites[j.source]), _positive(w))
        parts.join(_from(j, inhibits[j.source]), _positive(-w))
    for j, w in parts.outgoing(routed=False):
        parts.join(j, w)
    return _without_idle(parts)


def feedforward(parts: Parts) -> Circuit:
    """Let inhibitory cells, one for each unit of a target, sum what is to be taken away; excitatory ones the rest, if lags match.

    Parameters
    ----------
    parts : Parts
        Of the circuit to be routed; nothing is put together yet.

    Returns
    -------
    Circuit
    """
    parts.keep()
    network = parts.circuit.network
    made: dict[str, Population] = {}
    for j, w in parts.outgoing(routed=True):
        target = network.population(j.target)
        tau = next(r.tau_ms for r in target.receptors if r.name == j.receptor)
        assert tau is not None
        for part, sign, ending in ((w, "excitatory", "exc"), (-w, INHIBITORY, "inh")):
            if ending == "exc" and not parts.match_lag:
                parts.join(j, _positive(part))
                continue
            name = f"{j.target}_{j.receptor.replace('.', '_')}_{ending}"
            if not (part > 0).any():
                continue
            if name not in made:
                made[name] = parts.interneuron(name, target, target.shape, sign)  # type: ignore[arg-type]
                parts.join(
                    Projection(source=name, target=j.target, receptor=j.receptor, topology=OneToOne(), weights=ZERO, delay_ms=DT_MS),
                    np.full(target.shape, per_spike(r_max_of(target), tau)),
                )
            # The whole of the synapse's effect now passes a receptor with another time constant.
            parts.join(j.model_copy(update={"target": name, "receptor": STAGE}), _positive(part) * tau / parts.tau_ei_ms)
    for j, w in parts.outgoing(routed=False):
        parts.join(j, w)
    return parts.whole()


def parisien(parts: Parts) -> Circuit:
    """Raise every weight of a source site by a product until none is negative, and let one inhibitory cell take it away.

    Parisien, Anderson & Eliasmith (2008), https://doi.org/10.1162/neco.2008.07-06-295.

    Parameters
    ----------
    parts : Parts
        Of the circuit to be routed; nothing is put together yet.

    Returns
    -------
    Circuit
    """
    parts.keep()
    excites = {p.name: parts.follower(p, f"{p.name}_exc", "excitatory").name if parts.match_lag else p.name for p in parts.mixed()}
    network = parts.circuit.network
    for j, w in parts.outgoing(routed=True):
        source = network.population(j.source)
        if isinstance(j.topology, OneToOne):
            j, w = _as_field(j, w, source, network.population(j.target))
        dense = isinstance(j.topology, Dense)
        n_pre = w.shape[0] if dense else w.shape[2]
        share = 1.0 / n_pre
        # For each target, the most negative weight that any cell of the source site has on it.
        raised = np.maximum(-w / share, 0.0).max(axis=0 if dense else 2, keepdims=True)
        parts.join(_from(j, excites[j.source]), w + raised * share)
        if not (raised > 0).any():
            continue
        first, stop = getattr(j.topology, "pre_features", None) or (0, source.shape[2])
        name = f"{j.source}_inh_{first}_{stop}" + ("_all" if dense else "")
        rows, cols = (1, 1) if dense else source.shape[:2]
        if name not in parts.populations:
            parts.interneuron(name, source, (rows, cols, 1), INHIBITORY)
            each = share * per_spike(r_max_of(source), parts.tau_ei_ms)
            told = Dense() if dense else LocalField(size=1, pre_features=(first, stop))
            shape = (n_pre, 1) if dense else (rows, cols, stop - first, 1, 1, 1)
            parts.join(
                Projection(source=j.source, target=name, receptor=STAGE, topology=told, weights=ZERO, delay_ms=DT_MS),
                np.full(shape, each),
            )
        taken = j.topology if dense else j.topology.model_copy(update={"pre_features": None})
        parts.join(_from(j, name, topology=taken), raised)
    for j, w in parts.outgoing(routed=False):
        parts.join(j, w)
    return _without_idle(parts)


def staged(parts: Parts) -> Circuit:
    """Let a follower of either sign stand between every mixed population and all that it reaches.

    Parameters
    ----------
    parts : Parts
        Of the circuit to be routed; nothing is put together yet.

    Returns
    -------
    Circuit
    """
    parts.keep(MIXED)
    follower = {p.name: parts.follower(p, f"{p.name}_rel", MIXED).name for p in parts.mixed()}
    for j, w in parts.outgoing(routed=True):
        parts.join(_from(j, follower[j.source]), w)
    for j, w in parts.outgoing(routed=False):
        parts.join(j, w)
    return parts.whole()


def _as_field(j: Projection, w: FloatArray, source: Population, target: Population) -> tuple[Projection, FloatArray]:
    """Write one-to-one weights as a field of one site, in which every feature may meet every other."""
    rows, cols = source.shape[:2]
    found = np.zeros((rows, cols, source.shape[2], 1, 1, target.shape[2]))
    assert isinstance(j.topology, OneToOne)
    for k, (a, b) in enumerate(channel_pairs(j.topology, source.units, target.units)):
        found[:, :, a, 0, 0, b] = w[:, :, k]
    return j.model_copy(update={"topology": LocalField(size=1)}), found


def _without_idle(parts: Parts) -> Circuit:
    """Leave out followers that reach nothing."""
    used = {j.source for j, _ in parts.projections} | parts.circuit.per_unit_Hz.keys()
    idle = parts.populations.keys() - used
    parts.populations = {name: p for name, p in parts.populations.items() if name not in idle}
    parts.projections = [(j, w) for j, w in parts.projections if j.target not in idle]
    parts.per_unit = {name: x for name, x in parts.per_unit.items() if name not in idle}
    parts.partners -= idle
    parts.partner_of = {name: of for name, of in parts.partner_of.items() if name not in idle}
    return parts.whole()
