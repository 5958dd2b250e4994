"""Prompt to completion: providers, the keyed call, reading of answers, the embedded rehearsal model."""
