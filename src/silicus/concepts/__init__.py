"""The nouns: frozen types, their validation, the error tree. No input or output."""
