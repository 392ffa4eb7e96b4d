"""The pages about subscribers: the source streamflow, a module per page."""
