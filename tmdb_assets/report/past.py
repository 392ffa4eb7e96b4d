"""The warehouse as it stood on a day that is not its newest: the same views, over what was observed up to that day.

What belongs here: the statements that make a session see the warehouse so. What does not: any question (answers.py),
any definition of a figure: those are the views' own texts, which the report is given.

A temporary view takes the place of each table that has days, and holds those up to the day that a question looks back
on; the views are asked anew over these.
What the warehouse keeps as last observed alone (titles, genres, money) has no past: who asks must know.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tmdb_assets.warehouse.reader import Warehouse

SCHEMA = "tmdb"
USE = f"USE {SCHEMA}"

#: Views of a row per film at most that several questions rest on: answered once a day.
ANSWERED_ONCE = frozenset({"vw_movie_latest", "vw_trending", "vw_breakouts"})

_COLUMNS = f"""
SELECT table_name, column_name, data_type
FROM duckdb_columns()
WHERE schema_name = '{SCHEMA}' AND database_name = current_database()
ORDER BY table_name, column_index
"""
_NAME = re.compile(r"\b[a-z]\w*")


@dataclass(frozen=True)
class Past:
    """How a warehouse is asked about a past day. `views`: the text of every view by its name, each after those it
    reads."""

    views: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, warehouse: Warehouse, views: Mapping[str, str]) -> "Past":
        """The past of a warehouse. Raises WarehouseError."""
        columns: dict[str, dict[str, str]] = {}
        for table, column, kind in warehouse.query(_COLUMNS).iter_rows():
            columns.setdefault(table, {})[column] = kind
        return cls(views, columns)

    def statements(self, first: dt.date, day: dt.date, questions: Iterable[str]) -> list[str]:
        """What makes a session answer the questions as of a day, of what was observed since the first one.

        However long the history, a day costs what lies between the two.
        """
        wanted = self._wanted(questions)
        return [USE, *self._tables(first, day), *(self._view(name) for name in self.views if name in wanted)]

    def _wanted(self, texts: Iterable[str]) -> set[str]:
        """The views that texts name, and those that these read."""
        found: set[str] = set()
        left = set(_NAME.findall(" ".join(texts)))
        while more := (left & self.views.keys()) - found:
            found |= more
            left = {name for view in more for name in _NAME.findall(self.views[view])}
        return found

    def _tables(self, first: dt.date, day: dt.date) -> Iterator[str]:
        for table, columns in self.columns.items():
            if table in self.views:
                continue
            kept = f"SELECT * FROM {SCHEMA}.{table} WHERE date_id BETWEEN DATE '{first}' AND DATE '{day}'"
            by_then = f"CASE WHEN gone_on <= DATE '{day}' THEN gone_on END"
            gone = f"SELECT * REPLACE ({by_then} AS gone_on) FROM {SCHEMA}.{table}"
            if columns.get("date_id") == "DATE":
                yield f"CREATE TEMP VIEW {table} AS {kept}"
            elif "gone_on" in columns:
                yield f"CREATE TEMP VIEW {table} AS {gone}"

    def _view(self, name: str) -> str:
        """A view with the types that the warehouse has for it, be it a view there or a table of answers."""
        text = self.views[name].rstrip().rstrip(";")
        typed = self.columns.get(name, {})
        columns = ", ".join(f'CAST("{column}" AS {is_a}) AS "{column}"' for column, is_a in typed.items())
        kind = "TABLE" if name in ANSWERED_ONCE else "VIEW"
        return f"CREATE TEMP {kind} {name} AS SELECT {columns or '*'} FROM ({text}\n) AS answer"
