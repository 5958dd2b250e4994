"""How outcomes are measured: items, coders, transcripts and answers to values, values to a dataset."""
