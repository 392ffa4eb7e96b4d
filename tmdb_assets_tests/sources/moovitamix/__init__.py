"""Tests of the moovitamix source."""
