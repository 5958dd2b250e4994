"""What is estimated, fixed before there are data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from silicus.concepts.noun import Noun

__all__ = ["Analysis"]


class Analysis(Noun):
    """How the causal model's paths are estimated; the estimands are the paths themselves."""

    errors: Literal["standard", "hc3", "cluster"] = "standard"
    """Standard errors: from expected information, heteroskedasticity-robust, or clustered."""
    cluster: str | None = None
    """The column that clustered errors cluster on: ``condition``, or a cause."""
    confidence_level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Coverage that the intervals aim at."""
    censored: Literal["exclude", "keep"] = "exclude"
    """Whether sessions that the cap ended enter the analysis."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if (self.errors == "cluster") != (self.cluster is not None):
            raise ValueError("'errors: cluster' and 'cluster: <column>' go together")
        return self

    @classmethod
    def example(cls) -> Self:
        """Errors clustered on the condition, for a design with replicates."""
        return cls(errors="cluster", cluster="condition")
