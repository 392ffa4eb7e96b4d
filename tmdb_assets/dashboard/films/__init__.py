"""The pages about films: the source tmdb, a module per page."""
