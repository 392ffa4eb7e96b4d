"""Tests of the warehouse: publishing it, reading it, and the file in the hands of its analysts."""
