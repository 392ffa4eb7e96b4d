"""Tables as files to take along: CSV and Excel, either of which a spreadsheet opens as it is.

What belongs here: frame -> bytes. What does not: the buttons (layout.py), what stands in the table (a page's question).
A text that a spreadsheet would take for a formula or a link stays a text: titles come from strangers.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import polars as pl
from xlsxwriter import Workbook

#: What one sheet and one cell of Excel hold.
MOST_ROWS, MOST_CHARACTERS = 1_048_575, 32_767


def as_csv(frame: pl.DataFrame) -> bytes:
    """Every row and column, lists joined by ` | `; UTF-8 with the mark that spreadsheets look for.

    A text that would be taken for a formula has an apostrophe before it.
    """
    safe = _flat(frame).with_columns(
        pl.when(pl.col(pl.String).str.contains(r"^[=+\-@\t\r]"))
        .then("'" + pl.col(pl.String))
        .otherwise(pl.col(pl.String))
        .name.keep()
    )
    return "\ufeff".encode() + safe.write_csv().encode()


def as_excel(frame: pl.DataFrame, about: Sequence[str]) -> bytes:
    """Every column as a table of Excel, as many rows as a sheet takes; a second sheet says what it is: `about`, by
    line."""
    flat = _flat(frame.head(MOST_ROWS)).with_columns(pl.col(pl.String).str.slice(0, MOST_CHARACTERS))
    made = BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(made, {"in_memory": True, "nan_inf_to_errors": True, **plain}) as book:
        flat.write_excel(
            book, "Table", freeze_panes=(1, 0), dtype_formats={pl.Int64: "0", pl.Float64: "General"}, autofit=True
        )
        sheet = book.add_worksheet("About")
        said = [*about, f"Rows: {flat.height} of {frame.height}"] if flat.height < frame.height else about
        for place, line in enumerate(said):
            sheet.write_string(place, 0, line)
    return made.getvalue()


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.List(pl.String)).list.join(" | "))
