"""Second floor: one folder is one source; adding a source is adding a folder. Sources never import each other."""
