"""Who answers a view: its text is SQL with a contract, and an engine runs it over tables."""
