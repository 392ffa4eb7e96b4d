"""Ground floor: contracts, Delta tables, HTTP and SQL. Knows no source and no Dagster."""
