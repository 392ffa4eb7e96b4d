"""What a raw row is counted under: read apart from the clean tables, or their accounting would prove nothing."""

from __future__ import annotations

import pytest

from tmdb_assets.lakehouse.contracts.rules import MOST
from tmdb_assets.sources.moovitamix.counting import HISTORIES_ENDPOINT, _members, _names

AT = '"created_at": "2025-03-01T20:00:00"'


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"id": 1}', 1), ('{"id": 1.0}', 1), ('{"id": 1.5}', None), ('{"id": "1"}', 1), ('{"id": "x"}', None),
        ('{"id": null}', None),
        ('{"id": 1, "id": 2}', None), ('{"id": 1, "\\u0069d": 2}', None), ('{"id": 1, "id": 2, "id": 3}', None),
        ('{"id": 1, "of": {"id": 2}}', 1), ("[1]", None), ("{cut", None), ("{}", None),
    ],
)  # fmt: skip
def test_an_id_that_is_stated_twice_is_none(text: str, read: int | None) -> None:
    assert _members(text, "id") == (read, None)


def test_a_row_is_named_by_a_positive_id_and_a_history_by_its_moment_too() -> None:
    texts = [f'{{"id": {n}}}' for n in (0, 1, MOST, MOST + 1)]
    assert list(_names("users", texts)) == [texts[0], "1 None", f"{MOST} None", texts[3]]
    histories = [
        f'{{"user_id": 1, {AT}}}',
        f'{{"id": 1, {AT}}}',
        '{"user_id": 1}',
        '{"user_id": 1, "created_at": "soon"}',
    ]
    named, *others = _names(HISTORIES_ENDPOINT, histories)
    assert named.startswith("1 1740859200") and others == histories[1:]
    assert list(_names("users", [])) == []
