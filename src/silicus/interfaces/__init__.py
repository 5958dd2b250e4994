"""Where people meet the laboratory: the command line."""
