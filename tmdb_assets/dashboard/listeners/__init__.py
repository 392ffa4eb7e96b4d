"""The pages about listeners and tracks: the source moovitamix, a module per page."""
