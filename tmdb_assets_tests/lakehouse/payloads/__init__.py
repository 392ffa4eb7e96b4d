"""Tests of lakehouse/payloads."""
