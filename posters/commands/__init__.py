"""The command line, one file a command: reads arguments, calls an operation, prints its result."""
