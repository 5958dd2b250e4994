"""Adapters to language models, one file a wire format; each renders a request, parses an answer, names a fault."""
