"""Tests of lakehouse/flow."""
