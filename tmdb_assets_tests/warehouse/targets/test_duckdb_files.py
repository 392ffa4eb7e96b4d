"""What lies beside a DuckDB file, as those who clear up look for it."""

from __future__ import annotations

from pathlib import Path

from tmdb_assets.warehouse.targets.duckdb_files import all_beside


def test_a_folder_of_that_name_is_none_of_it(tmp_path: Path) -> None:
    """A setting that names a folder by mistake must not cost what is in it."""
    file = tmp_path / "warehouse.duckdb"
    for name in ("", ".wal", ".next"):
        (tmp_path / f"{file.name}{name}").mkdir()
    assert all_beside(file) == []
    (tmp_path / f"{file.name}.tmp").mkdir()
    (tmp_path / f"{file.name}.next.wal").write_text("")
    assert {found.name for found in all_beside(file)} == {f"{file.name}.tmp", f"{file.name}.next.wal"}
