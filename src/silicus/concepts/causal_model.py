"""Which variable acts on which: the hypotheses of a study as an acyclic graph of linear equations."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema, model_validator

from silicus.concepts.keyed import Keyed
from silicus.concepts.noun import Noun
from silicus.concepts.variables import Variable

__all__ = ["CausalModel", "Equation", "parse_equation"]

_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]*")


class Equation(Noun):
    """One outcome and the terms that act on it: ``deal ~ budget + minimum + budget:minimum``."""

    outcome: str
    """Name of the variable explained."""
    terms: tuple[tuple[str, ...], ...]
    """Each term is one name, or several whose product acts (an interaction). May be empty."""

    def __str__(self) -> str:
        right = " + ".join(":".join(term) for term in self.terms) or "1"
        return f"{self.outcome} ~ {right}"

    @property
    def causes(self) -> tuple[str, ...]:
        """Every variable on the right, once, in order of appearance."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term))

    @classmethod
    def example(cls) -> Self:
        """The mug study's equation."""
        return parse_equation("deal ~ buyer_budget + seller_minimum + seller_attachment")  # type: ignore[return-value]


def parse_equation(text: str) -> Equation:
    """Read ``y ~ a + b + a:b``; ``a*b`` means ``a + b + a:b``, a lone ``1`` is the constant.

    Raises
    ------
    ValueError
        Where the text is not such an equation; the message names the part that is not understood.
    """
    outcome, tilde, right = text.partition("~")
    outcome = outcome.strip()
    if not tilde or "~" in right or not _NAME.fullmatch(outcome):
        raise ValueError(f"expected one equation such as 'y ~ x1 + x2', got {text.strip()!r}")
    terms: list[tuple[str, ...]] = []
    for part in right.split("+"):
        part = part.strip()
        if part == "1":
            continue
        names = [name.strip() for name in re.split(r"[:*]", part)]
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{part or 'an empty term'!r} in {text.strip()!r} is not a variable, nor several joined by : or *"
                )
        if len(set(names)) < len(names):
            raise ValueError(f"{part!r} multiplies a variable by itself; add the product as a variable of its own")
        if "*" in part:
            if ":" in part or len(names) > 2:
                raise ValueError(f"{part!r}: '*' joins exactly two variables; write longer products with ':'")
            terms += [(names[0],), (names[1],)]
        terms.append(tuple(names))
    distinct = {frozenset(term): term for term in reversed(terms)}
    ordered = tuple(dict.fromkeys(distinct[frozenset(term)] for term in terms))
    if outcome in {name for term in ordered for name in term}:
        raise ValueError(f"{outcome!r} stands on both sides of {text.strip()!r}")
    return Equation(outcome=outcome, terms=ordered)


def _equation_from_text(value: Any) -> Any:
    return parse_equation(value) if isinstance(value, str) else value


EquationText = Annotated[
    Equation,
    BeforeValidator(_equation_from_text),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "~", "examples": ["deal ~ buyer_budget + seller_minimum"]}),
]
"""An equation that a file writes as text."""


class CausalModel(Noun):
    """The variables of a study and the paths between them: acyclic, one equation an outcome."""

    variables: Keyed[Variable]
    """Causes carry a treatment, outcomes and mediators a measure."""
    paths: tuple[EquationText, ...]
    """One equation an outcome or mediator, such as ``deal ~ buyer_budget + seller_minimum``."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        self.ordered_equations  # noqa: B018  (raises on a cycle)
        return self

    @property
    def ordered_equations(self) -> tuple[Equation, ...]:
        """The equations, each after those that explain its causes.

        Raises
        ------
        ValueError
            Where the paths run in a circle; the message walks it.
        """
        by_outcome = {equation.outcome: equation for equation in self.paths}
        try:
            order = TopologicalSorter({e.outcome: e.causes for e in self.paths}).static_order()
            return tuple(by_outcome[name] for name in order if name in by_outcome)
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise ValueError(f"the paths run in a circle: {circle}; a causal model has no circles") from None

    @property
    def treatments(self) -> tuple[Variable, ...]:
        """The variables that the experiment sets."""
        return tuple(variable for variable in self.variables if variable.treatment is not None)

    @property
    def measured(self) -> tuple[Variable, ...]:
        """The variables that are measured: outcomes and mediators."""
        return tuple(variable for variable in self.variables if variable.measure is not None)

    def variable(self, name: str) -> Variable:
        """The variable of that name; KeyError if there is none."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise KeyError(name)

    @classmethod
    def example(cls) -> Self:
        """A buyer's budget acts on whether there is a deal."""
        return cls(
            variables=(Variable.example(), Variable.example_outcome()),
            paths=(Equation(outcome="deal", terms=(("buyer_budget",),)),),
        )
