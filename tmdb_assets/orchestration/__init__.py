"""First floor: the seam between Dagster and the lakehouse. Knows no source."""
