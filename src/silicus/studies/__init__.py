"""The recipes: where the rooms meet."""
