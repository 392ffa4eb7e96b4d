"""Tests of lakehouse/store."""
