"""Tests of how things stand: the lake, the runs, both at once."""
