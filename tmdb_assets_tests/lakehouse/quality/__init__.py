"""Tests of lakehouse/quality."""
