"""A source as a newcomer writes it: two lists of a made-up API of books. A test adds its folder and runs a day of
it."""
