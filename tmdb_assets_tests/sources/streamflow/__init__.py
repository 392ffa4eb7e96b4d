"""Tests of the streamflow source: drops, snapshots, live tables, training set, views, sensor."""
