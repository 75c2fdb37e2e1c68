"""The description of a network: populations, projections and what they add up to, as values without arrays.

Equal descriptions are equal, hash alike and have the same digest. An edit is a function from one value to another
(`Network.override`). Arrays live in `snn.state.State`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from snn._edit import first_error, rebuilt, replaced
from snn._model import Described, Positive
from snn._rules import fault
from snn.encoding import Retina
from snn.errors import DescriptionError, nearest, sentence
from snn.local import Rule
from snn.parts import MIXED, ChangeReadout, Population, Projection, RateReadout, Readout, Sign, Signal, Tap
from snn.pools import between_copies, to_pools
from snn.topology import Edges, Grid, IntArray, OneToOne, SharedKernel, edges, out_degree, problem, weight_shape
from snn.weights import may_be_negative

__all__ = ["MIXED", "ChangeReadout", "Network", "Population", "Projection", "RateReadout", "Readout", "Sign", "Signal", "Tap"]


class Network(Described):
    """A whole circuit.

    Parameters
    ----------
    name : str
        For people.
    frame_ms : float
        Time for which a frame is shown; it is also the delay of the forecast.
    populations : tuple of Population
    projections : tuple of Projection
    encoder : Retina, optional
        Needed when a population has a ``drive``.
    readouts : tuple of ChangeReadout or RateReadout
        All of one kind.

    Raises
    ------
    DescriptionError
        From the methods; construction raises pydantic's ``ValidationError`` (a ``ValueError``) with the same sentences.
    """

    name: str = "network"
    frame_ms: Positive = 50.0
    populations: Annotated[tuple[Population, ...], Field(min_length=1)]
    projections: tuple[Projection, ...] = ()
    encoder: Retina | None = None
    readouts: tuple[Readout, ...] = ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        names = [p.name for p in self.populations]
        for kind, listed in (
            ("population", names),
            ("projection", [p.name for p in self.projections]),
            ("readout", [r.name for r in self.readouts]),
        ):
            twice = sorted({n for n in listed if listed.count(n) > 1})
            if twice:
                raise ValueError(f"network.{kind}s: the name {twice[0]!r} is used twice; give each its own name or label")
        if self.encoder is None and any(p.drive for p in self.populations):
            raise ValueError("network.encoder: a population has a drive but there is no encoder; add encoder=Retina()")
        sizes = {p.shape[:2] for p in self.populations if p.drive}
        if len(sizes) > 1:
            raise ValueError(f"network.populations: driven populations have different sizes; got {sorted(sizes)}")
        for j in self.projections:
            self._check_projection(j, names)
        for r in self.readouts:
            if r.population not in names:
                raise ValueError(f"readout {r.name!r}: no population {r.population!r}; {nearest(r.population, names)}")
            if r.cumulative != self.readouts[0].cumulative:
                raise ValueError("network.readouts: spikes so far and rates cannot both be read; keep readouts of one kind")
            if r.cumulative and self.population(r.population).shape[2] % 2:
                raise ValueError(
                    f"readout {r.name!r}: needs an even number of features (up and down); got {self.population(r.population).shape[2]}"
                )
        return self

    def _check_projection(self, j: Projection, names: list[str]) -> None:
        for end in (j.source, j.target, *(t.population for s in j.signals for t in s.taps)):
            if end not in names:
                raise ValueError(f"projection {j.name!r}: no population {end!r}; {nearest(end, names)}")
        source, target = self.population(j.source), self.population(j.target)
        known = [r.name for r in target.receptors]
        if j.receptor not in known:
            raise ValueError(f"projection {j.name!r}: {j.target!r} has no receptor {j.receptor!r}; {nearest(j.receptor, known)}")
        why = problem(j.topology, *self.ends(j))
        if why:
            raise ValueError(f"projection {j.name!r}: {why}")
        if target.pools is not None and source.copies % target.pools:
            raise ValueError(
                f"projection {j.name!r}: the {source.copies} copies of {j.source!r} cannot be dealt out to the {target.pools} pools "
                f"of {j.target!r}; use a multiple"
            )
        if j.spread and (not isinstance(j.topology, SharedKernel) or j.rule is not None):
            raise ValueError(f"projection {j.name!r}: spread is for a fixed SharedKernel, whose sites have no weights of their own")
        if j.short_term is not None and source.graded:
            raise ValueError(
                f"projection {j.name!r}: short_term is used up by single spikes, and {j.source!r}, a rate unit, sends none; leave it out"
            )
        if may_be_negative(j.weights) and source.sign != MIXED:
            raise ValueError(
                f"projection {j.name!r}: weights are magnitudes >= 0, the sign belongs to {j.source!r}; got {j.weights!r}; "
                "to lift Dale's law set its sign to 'mixed'"
            )
        wrong = fault(j.rule) if j.rule else None
        if j.rule and wrong:
            raise ValueError(f"projection {j.name!r}: rule {j.rule.kind!r}: {wrong}")
        asked = {t.carried for t in j.rule.traces() if t.side == "signal"} if j.rule else set()
        given = {s.name for s in j.signals}
        if asked != given:
            raise ValueError(f"projection {j.name!r}: the rule reads the signals {sorted(asked)}; got {sorted(given)}")
        for name, tap in ((s.name, tap) for s in j.signals for tap in s.taps):
            why = problem(OneToOne(pairs=tap.pairs), self.population(tap.population).grid, target.grid)
            if why:
                raise ValueError(f"projection {j.name!r}: signal {name!r} from {tap.population!r}: {why}")

    @cached_property
    def _by_name(self) -> dict[str, Population]:
        return {p.name: p for p in self.populations}

    def population(self, name: str) -> Population:
        """Look up a population.

        Parameters
        ----------
        name : str

        Returns
        -------
        Population

        Raises
        ------
        DescriptionError
            If there is none of that name.
        """
        if name not in self._by_name:
            raise DescriptionError(sentence("network.populations", f"there is no population {name!r}", cure=nearest(name, self._by_name)))
        return self._by_name[name]

    def projection(self, name: str) -> Projection:
        """Look up a projection.

        Parameters
        ----------
        name : str

        Returns
        -------
        Projection

        Raises
        ------
        DescriptionError
            If there is none of that name.
        """
        for j in self.projections:
            if j.name == name:
                return j
        raise DescriptionError(
            sentence("network.projections", f"there is no projection {name!r}", cure=nearest(name, [j.name for j in self.projections]))
        )

    def weight_shape(self, name: str) -> tuple[int, ...]:
        """Shape of a projection's weight array.

        Parameters
        ----------
        name : str

        Returns
        -------
        tuple of int
        """
        j = self.projection(name)
        return weight_shape(j.topology, *self.ends(j))

    def ends(self, j: Projection) -> tuple[Grid, Grid]:
        """Give the two grids between which a projection's weights lie: of cells, or of units where the target has pools.

        Parameters
        ----------
        j : Projection

        Returns
        -------
        (Grid, Grid)
            Of the source and of the target.
        """
        source, target = self.population(j.source), self.population(j.target)
        return (source.grid, target.grid) if target.pools is None else (source.units, target.units)

    def edges(self, j: Projection) -> Edges:
        """List every synapse of a projection, from cell to cell.

        Parameters
        ----------
        j : Projection

        Returns
        -------
        Edges
            Arrays of shape (n_edges,), ascending in the source cell.
        """
        source, target = self.population(j.source), self.population(j.target)
        found = edges(j.topology, *self.ends(j))
        return found if target.pools is None else between_copies(found, source.copies, target.copies, target.pools)

    def currents(self, j: Projection) -> Edges:
        """List what a projection adds to: as `edges`, with the number of the synaptic current in place of the target cell.

        Parameters
        ----------
        j : Projection

        Returns
        -------
        Edges
            Arrays of shape (n_edges,), ascending in the source cell.
        """
        source, target = self.population(j.source), self.population(j.target)
        found = edges(j.topology, *self.ends(j))
        return found if target.pools is None else to_pools(found, source.copies, target.pools, target.units.n)

    def out_degree(self, j: Projection) -> IntArray:
        """Count the synapses that a spike of each source cell reaches.

        Parameters
        ----------
        j : Projection

        Returns
        -------
        ndarray of int, shape (n_pre,)
        """
        source, target = self.population(j.source), self.population(j.target)
        found = out_degree(j.topology, *self.ends(j))
        return found if target.pools is None else np.repeat(found * (target.copies // target.pools), source.copies)

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """Rows and cols of the frames that it expects; None when nothing is driven by frames."""
        return next((p.shape[:2] for p in self.populations if p.drive), None)

    @property
    def n_neurons(self) -> int:
        """Number of cells."""
        return sum(p.n for p in self.populations)

    def override(self, path: str, value: Any) -> Network:
        """Return a copy with one field changed.

        Parameters
        ----------
        path : str
            Dotted path that begins with a population's or a projection's name, or with a field of the network:
            ``level0.error_pos.cell.tau_mem_ms``, ``encoder.grey``, ``frame_ms``.
        value : object
            The new value.

        Returns
        -------
        Network

        Raises
        ------
        DescriptionError
            If the path names nothing or the value is refused.
        """
        for field in ("populations", "projections", "readouts"):
            items = getattr(self, field)
            for i, item in sorted(enumerate(items), key=lambda pair: -len(pair[1].name)):
                if path.startswith(item.name + "."):
                    new = replaced(item, path[len(item.name) + 1 :].split("."), value, path)
                    edited: Network = rebuilt(self, {field: (*items[:i], new, *items[i + 1 :])}, path, value)
                    return edited
        first = path.split(".")[0]
        if first not in type(self).model_fields:
            names = [*type(self).model_fields, *(p.name for p in self.populations), *(j.name for j in self.projections)]
            begins = [n for n in names if nearest(".".join(path.split(".")[: n.count(".") + 1]), [n]).startswith("did")]
            cure = nearest(path, begins or names)
            raise DescriptionError(sentence(path, "names no population, projection or field of the network", cure=cure))
        new_network = replaced(self, path.split("."), value, path)
        assert isinstance(new_network, Network)
        return new_network

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the description; equal descriptions, and only they, have equal digests."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """Write the description as JSON text that `Network.from_json` reads."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, rules: Iterable[type[Rule]] = ()) -> Network:
        """Read a description.

        Parameters
        ----------
        text : str
            What `to_json` wrote.
        rules : iterable of Rule classes
            The learning rules that may occur in it, such as ``plasticity.RULES``.

        Returns
        -------
        Network

        Raises
        ------
        DescriptionError
            If the text is not a description or names a rule that was not given.
        """
        known = {rule.model_fields["kind"].default: rule for rule in rules}
        try:
            data = json.loads(text)
            for j in data.get("projections", ()):
                if j.get("rule") is not None:
                    j["rule"] = _read_rule(j["rule"], known)
            return cls(**data)
        except (json.JSONDecodeError, ValidationError, AttributeError, TypeError) as error:
            raise DescriptionError(sentence("description", f"cannot be read: {first_error(error)}")) from error


def _read_rule(data: dict[str, Any], known: dict[str, type[Rule]]) -> Rule:
    """Make a rule of what a file holds; a rule that is made of rules holds them under ``rules``."""
    kind = data.get("kind")
    if kind not in known:
        raise DescriptionError(sentence("description.rule.kind", f"unknown rule {kind!r}", cure=nearest(str(kind), known)))
    parts = {"rules": tuple(_read_rule(part, known) for part in data["rules"])} if "rules" in data else {}
    return known[kind](**{**data, **parts})
