"""Tests of the invented subscribers and their drops."""
