"""silicus: a laboratory for automated social science with language models as scientist and as subjects.

    import silicus

    study = silicus.draft("two people bargaining over a mug")
    run = silicus.run(study, folder="mug")
    silicus.estimate(run).summary()
    silicus.report(run)

Everything here is loaded when it is first used: importing silicus takes no key, no network and little time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from silicus.concepts.errors import SilicusError
    from silicus.concepts.study import Study
    from silicus.studies.verbs import Findings, Run, check, draft, estimate, load, report, run, save, tabulate

__all__ = [
    "Findings",
    "Run",
    "SilicusError",
    "Study",
    "check",
    "draft",
    "estimate",
    "load",
    "report",
    "run",
    "save",
    "tabulate",
]

_HOMES = {"SilicusError": "silicus.concepts.errors", "Study": "silicus.concepts.study"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'silicus' has no attribute '{name}'")
    value = getattr(import_module(_HOMES.get(name, "silicus.studies.verbs")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
