"""From a scenario to a structural causal model: the published format's import, and later the scientist's decisions."""
