"""Conducting the planned sessions: the study folder, the archive of what happened, the event loop, resume."""
