"""Tests of the first floor: what Dagster sees of the lakehouse."""
