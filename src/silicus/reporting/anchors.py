"""Where each estimate stands in the report, so that every number can lead to its row."""

from __future__ import annotations

from silicus.concepts.estimate import EstimateTable

__all__ = ["anchors_of"]


def anchors_of(table: EstimateTable) -> tuple[str, ...]:
    """The id of each estimate's row, in the order of the table."""
    return tuple(f"estimate-{position}" for position in range(1, len(table.estimates) + 1))
