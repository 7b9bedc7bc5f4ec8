"""Experiments that one command reproduces; each writes its tables and plots."""
