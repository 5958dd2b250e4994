"""Factors and levels to conditions to planned sessions: what is run, and whether the plan can answer the question."""
