"""The registry of extensions: names known without importing what they name.

A package adds a provider by an entry point in the group ``silicus.providers``:

    [project.entry-points."silicus.providers"]
    acme = "acme_silicus:AcmeProvider"
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

__all__ = ["PROVIDERS", "Registry"]


@dataclass
class Registry:
    """Extensions of one kind, by name.

    Attributes
    ----------
    group
        Entry-point group that other packages register under.
    built_in
        What this package brings: name to ``module:attribute``.
    """

    group: str
    built_in: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _targets(self) -> dict[str, str]:
        installed = {entry.name: entry.value for entry in entry_points(group=self.group)}
        return {**installed, **self.built_in}

    def names(self) -> tuple[str, ...]:
        """Every registered name, sorted."""
        return tuple(sorted(self._targets))

    def load(self, name: str) -> Any:
        """Import what ``name`` stands for; KeyError where nothing does."""
        module, _, attribute = self._targets[name].partition(":")
        return getattr(import_module(module), attribute)


PROVIDERS = Registry(
    "silicus.providers",
    {
        "rehearsal": "silicus.llm.rehearsal.provider:RehearsalProvider",
        "hf": "silicus.llm.providers.local_weights:LocalWeightsProvider",
    },
)
"""Adapters to language models: classes without constructor arguments, see ``silicus.llm.prompt.Provider``."""
