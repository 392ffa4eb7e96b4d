"""Tests of lakehouse/contracts."""
