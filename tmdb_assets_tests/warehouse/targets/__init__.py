"""Tests of tmdb_assets/warehouse/targets."""
