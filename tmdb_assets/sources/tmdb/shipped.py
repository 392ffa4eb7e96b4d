"""Facts that ship with the project: the continent of each country, the price level of each year in the USA.

What belongs here: the files of tmdb_assets/reference, read and typed. What does not: what is made of them (star.py).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tmdb_assets.lakehouse.errors import LakehouseError
from tmdb_assets.sources.tmdb import contracts

REFERENCE = Path(__file__).parents[2] / "reference"
COUNTRY_CONTINENT = REFERENCE / "country_continent.csv"
US_CPI = REFERENCE / "us_cpi.csv"
RESTORE = "restore it from the project"


class ReferenceFileError(LakehouseError):
    """A file of tmdb_assets/reference cannot be used. The message names the file, what is wrong and what to do."""


def country_continents(path: Path = COUNTRY_CONTINENT) -> pl.DataFrame:
    """iso_3166_1, name, continent of every code, as shipped; `NA` is Namibia, not a null.

    Raises ReferenceFileError when the file is missing, unreadable, or lacks a column, a code or a known continent.
    """
    table = _shipped(path, pl.Schema(dict.fromkeys(("iso_3166_1", "name", "continent"), pl.String())), "countries")
    bad = table.with_row_index("line", offset=2).filter(
        pl.col("iso_3166_1").is_null() | ~pl.col("continent").is_in(contracts.CONTINENTS).fill_null(False)
        | pl.col("iso_3166_1").is_duplicated()
    )  # fmt: skip
    if bad.height:
        line, code, _, continent = bad.row(0)
        raise ReferenceFileError(
            f"The file {path}, line {line}: code {code!r} with continent {continent!r} cannot be used "
            f"(a code once, a continent of {', '.join(contracts.CONTINENTS)}): {RESTORE}."
        )
    return table


def us_cpi(path: Path = US_CPI) -> pl.DataFrame:
    """year, cpi_u (annual average, 1982-84 is 100) of every year with a published average, as shipped.

    Raises ReferenceFileError when the file is missing, unreadable, or lacks a column, a year or an index.
    """
    table = _shipped(path, contracts.DIM_CPI.schema, "years")
    index = pl.col("cpi_u")
    bad = table.with_row_index("line", offset=2).filter(
        pl.col("year").is_null() | pl.col("year").is_duplicated()
        | ~(index.is_finite() & (index > 0)).fill_null(False)
    )  # fmt: skip
    if bad.height:
        line, year, value = bad.row(0)
        raise ReferenceFileError(
            f"The file {path}, line {line}: year {year} with index {value} cannot be used "
            f"(a year once, an index above 0): {RESTORE}."
        )
    return table


def _shipped(path: Path, schema: pl.Schema, what: str) -> pl.DataFrame:
    """A file of tmdb_assets/reference, typed; an error says which file it is and why it cannot be read."""
    try:
        table = pl.read_csv(path, schema=schema, null_values=[""])
    except (OSError, pl.exceptions.PolarsError, UnicodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReferenceFileError(f"The file {path} cannot be read ({reason}): {RESTORE}.") from None
    if not table.height:
        raise ReferenceFileError(f"The file {path} has no {what}: {RESTORE}.")
    return table
