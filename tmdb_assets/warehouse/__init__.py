"""The warehouse: what analysts get, published from the lake to every target.

lake ── star/*    ──►  contents.py   what a target holds, as the lake has it now
     └─ views/*   ──►  publish.py    the order of things: what changed is loaded, proved, and made visible all at once
                       target.py     what a target must be able to do
                       recorded.py   what a target says of itself, by which the next publication finds what changed
                       targets/      each place: the DuckDB file
                       assets.py     the same as assets in Dagster, one a source and target
file ──────────────►   reader.py     what a reader may import: open, check, ask, notice a replacement
"""
