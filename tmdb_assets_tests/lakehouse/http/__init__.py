"""Tests of lakehouse/http."""
