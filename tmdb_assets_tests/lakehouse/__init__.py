"""Tests of the ground floor: contracts, Delta store, HTTP, SQL."""
