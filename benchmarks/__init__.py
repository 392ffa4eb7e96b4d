"""Benchmarks: each measures one figure and prints it beside its floor or its peer, measured in the same run.

What belongs here: one module a figure with `measure() -> Figure`, and what they share. What does not: tests; a figure
that misses its mark is printed as missed, and nothing fails.
"""
