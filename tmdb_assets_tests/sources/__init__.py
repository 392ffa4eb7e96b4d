"""Tests of the sources, one folder each."""
