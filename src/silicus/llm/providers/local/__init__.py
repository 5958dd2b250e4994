"""A checkpoint in this process, through transformers: loading it, drawing answers, exact log-probabilities."""
