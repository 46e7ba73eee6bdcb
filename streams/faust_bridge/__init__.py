"""Faust for roles: everything that depends on private names of Faust, mode or aiokafka (see `private_names.py`)."""
