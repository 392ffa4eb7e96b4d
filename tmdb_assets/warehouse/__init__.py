"""The warehouse: one DuckDB file for analysts, published from the lake.

lake ── star/*    ──►  contents.py   what the file holds, as the lake has it now
     └─ views/*   ──►  publish.py    a copy of the file brought up to date beside it, checked, then one rename
                       assets.py     the same as assets in Dagster, one a source
file ──────────────►   reader.py     what a reader may import: open, check, ask, notice a replacement
"""
