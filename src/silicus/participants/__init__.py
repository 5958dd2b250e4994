"""Who takes part: what each participant knows, sees, remembers and is asked."""
