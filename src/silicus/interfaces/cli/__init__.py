"""The command line: one file a command or two, thin; the work is done in the rooms."""
