"""The audit: every broken rule is named, every row is accounted for, and a wrong frame stops."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.contracts import (
    TRACE,
    Audit,
    ByDay,
    Contract,
    ContractError,
    FewADay,
    Owned,
    Whole,
    col,
    ge,
    in_range,
    isin,
    not_blank,
    set_aside,
    str_matches,
    within_days,
    within_instants,
)
from tmdb_assets.lakehouse.contracts.dictionary import dictionary_lines
from tmdb_assets.lakehouse.flow.quarantine import quarantine_contract
from tmdb_assets.lakehouse.rejections import REJECTION, VALUE_CHARACTERS
from tmdb_assets_tests import rejected
from tmdb_assets_tests.rejected import rejection, sentence

DAY = dt.date(2026, 3, 10)
REJECTION_FIELDS = [field.name for field in REJECTION.fields]
NEXT = dt.date(2026, 3, 11)


def films(duplicates: str = "first") -> Contract:
    return Contract(
        "toy",
        "clean",
        "films",
        "Films of a day.",
        grain=("date_id", "film_id"),
        kept=ByDay("date_id"),
        duplicates=duplicates,
        columns={
            "date_id": col(pl.Date, "Day (UTC)."),
            "film_id": col(pl.Int64, "Film.", ge(1)),
            "title": col(pl.String, "Title.", not_blank()),
            "mean_vote": col(pl.Float64, "Mean vote, 0 to 10.", in_range(0, 10), nullable=True),
            "country": col(pl.String, "Country code.", str_matches("[A-Z]{2}", "two capital letters"), nullable=True),
            "status": col(pl.String, "Status.", isin(["out", "planned"]), nullable=True),
        },
    )


def row(film_id: int | None = 1, day: dt.date = DAY, **values: Any) -> dict[str, Any]:
    return {
        "date_id": day,
        "film_id": film_id,
        "title": "A",
        "mean_vote": 5.0,
        "country": "FR",
        "status": "out",
    } | values


def frame(*rows: dict[str, Any], **trace: list[Any]) -> pl.DataFrame:
    made = pl.DataFrame(rows, schema=films().schema)
    return made.with_columns(pl.Series(name, values, dtype=TRACE[name]) for name, values in trace.items())


@pytest.mark.parametrize(
    ("values", "rule", "reason"),
    [
        ({"film_id": None}, "film_id must not be null", "film_id = null: must not be null"),
        ({"film_id": 0}, "film_id must be at least 1", "film_id = 0: must be at least 1"),
        ({"title": " \t"}, "title must not be blank", "title =  \t: must not be blank"),
    ],
)
def test_a_broken_rule_is_named_with_its_column_and_value(values: dict[str, Any], rule: str, reason: str) -> None:
    audit = Audit.of(films(), frame(row(7), row(**values)))
    assert audit.kept["film_id"].to_list() == [7]
    rejected = audit.quarantined.row(0, named=True)
    assert (rejected["rule"], rejected["reason"], rejected["row_number"]) == (rule, reason, 1)
    assert (rejected["date_id"], rejected["origin"]) == (DAY, "toy/clean/films")
    assert (rejected["column_name"], rejected["value"], audit.values.height) == (None, None, 0)


@pytest.mark.parametrize(
    ("values", "rule", "reason"),
    [
        ({"mean_vote": 10.5}, "mean_vote must lie between 0 and 10", "mean_vote = 10.5: must lie between 0 and 10"),
        ({"country": "fr"}, "country must be two capital letters", "country = fr: must be two capital letters"),
        ({"country": "FRA"}, "country must be two capital letters", "country = FRA: must be two capital letters"),
        ({"status": "lost"}, "status must be one of out, planned", "status = lost: must be one of out, planned"),
    ],
)
def test_a_value_that_may_be_unknown_is_set_aside_alone(values: dict[str, Any], rule: str, reason: str) -> None:
    audit = Audit.of(films(), frame(row(7), row(**values)))
    ((column, value),) = values.items()
    assert audit.kept.rows(named=True) == [row(7), row(**{column: None})]
    assert (audit.quarantined.height, audit.became["kept"], audit.accounted) == (0, 2, True)
    told = {"column_name": column, "value": str(value), "rule": rule, "reason": reason, "row_number": 2}
    entry = audit.values.row(0, named=True)
    assert entry.items() >= (told | {"date_id": DAY, "origin": "toy/clean/films"}).items()
    assert json.loads(entry["payload"])[column] == value
    assert (audit.rules, audit.lost) == ({rule: 1}, {column: 1})


def test_not_a_number_is_outside_of_every_interval() -> None:
    audit = Audit.of(films(), frame(row(mean_vote=float("nan"))))
    assert audit.values["rule"].to_list() == ["mean_vote must lie between 0 and 10"]
    assert audit.kept["mean_vote"].to_list() == [None]


def test_a_value_whose_row_is_not_kept_is_no_entry_and_is_named_with_its_row() -> None:
    rows = [row(0, status="lost"), row(1), row(1, status="lost"), row(2, status="lost"), row(2)]
    audit = Audit.of(films(), frame(*rows))
    assert audit.quarantined["reason"].to_list() == [
        "film_id = 0: must be at least 1; status = lost: must be one of out, planned"
    ]
    assert audit.values["payload"].str.json_path_match("$.film_id").to_list() == ["2"]
    assert audit.became == {"kept": 2, "quarantined": 1, "duplicates": 2}


def test_what_a_reader_set_aside_is_an_entry_of_its_own_however_it_is_called() -> None:
    first = [
        rejection("runtime", "1.5", "must be a whole number"),
        rejection("cast[3].order", "x", "must be a whole number"),
        rejection("cast[7].order", "y", "must be a whole number"),
    ]
    read = rejected.set_aside(first, None, [])
    audit = Audit.of(films(), frame(row(1, mean_vote=99.0), row(2), row(3)).with_columns(read))
    assert audit.kept["film_id"].to_list() == [1, 2, 3]
    assert audit.values.select("column_name", "value", "rule", "row_number").rows() == [
        ("runtime", "1.5", "runtime must be a whole number", 3),
        ("cast[].order", "x", "cast[].order must be a whole number", 4),
        ("cast[].order", "y", "cast[].order must be a whole number", 5),
        ("mean_vote", "99.0", "mean_vote must lie between 0 and 10", 6),
    ]
    assert audit.values["reason"].to_list()[:3] == [sentence(of) for of in first]
    assert audit.lost == {"runtime": 1, "cast[].order": 1, "mean_vote": 1}


def test_a_required_value_that_a_reader_set_aside_takes_its_row_along_for_that_reason() -> None:
    read = rejected.set_aside([rejection("title", "7", "must be a text")])
    refused = frame(row(title=None)).with_columns(read)
    audit = Audit.of(films(), refused)
    assert audit.quarantined.select("rule", "reason").rows() == [("title must be a text", "title = 7: must be a text")]
    assert (audit.values.height, audit.became["quarantined"]) == (0, 1)


def test_a_column_that_says_which_row_it_is_takes_its_row_along_though_it_may_be_null() -> None:
    seen = {"seen_on": col(pl.Date, "Day.", within_days(), nullable=True)}
    contract = Contract(
        "toy",
        "star",
        "t",
        "T.",
        ("a",),
        {"a": col(pl.Int64, "A."), **seen},
        kept=Owned(("a",), ("seen_on",)),
    )
    audit = Audit.of(contract, pl.DataFrame({"a": [1, 2], "seen_on": [dt.date(1, 1, 1), None]}, schema=contract.schema))
    assert (audit.kept["a"].to_list(), audit.quarantined.height, audit.values.height) == ([2], 1, 0)


def test_a_step_may_set_values_aside_before_it_computes_with_them() -> None:
    first = set_aside(films(), frame(row(1, mean_vote=99.0, country="x"), row(2)), "mean_vote")
    assert (first["mean_vote"].to_list(), first["country"].to_list()) == ([None, 5.0], ["x", "FR"])
    assert set_aside(films(), frame(row(1))).columns == frame(row(1)).columns, "nothing is moved where nothing is wrong"
    audit = Audit.of(films(), first)
    assert audit.values["column_name"].to_list() == ["mean_vote", "country"]
    assert audit.kept.filter(film_id=1).select("mean_vote", "country").row(0) == (None, None)


@pytest.mark.parametrize(
    "day", ["0000-01-01", "-0001-05-05", "+10000-01-01", "0202-01-01", "1899-12-31", "2200-01-01", "+262142-12-31"]
)
def test_days_that_nobody_can_show_are_set_aside(day: str) -> None:
    columns = {"a": col(pl.Int64, "A."), "on": col(pl.Date, "Day.", within_days(), nullable=True)}
    columns["at"] = col(pl.Datetime("us", "UTC"), "Instant.", within_instants(), nullable=True)
    contract = Contract("toy", "clean", "t", "T.", ("a",), columns)
    said = pl.Series([day]).str.to_date("%Y-%m-%d")
    audit = Audit.of(
        contract, pl.DataFrame({"a": [1], "on": said, "at": said.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")})
    )
    assert audit.kept.rows() == [(1, None, None)]
    assert set(audit.rules) == {f"{name} must lie between 1900-01-01 and 2199-12-31" for name in ("on", "at")}
    assert audit.values["payload"].str.json_decode(pl.Struct({"a": pl.Int64}))[0] == {"a": 1}


def test_every_rule_a_row_breaks_is_named_and_the_row_is_set_aside_once() -> None:
    audit = Audit.of(films(), frame(row(-1, title="", mean_vote=11.0, country="x"), row(2)))
    assert (audit.quarantined.height, audit.values.height) == (1, 0)
    assert set(audit.quarantined["rule"].item().split("; ")) == {
        "film_id must be at least 1",
        "title must not be blank",
        "mean_vote must lie between 0 and 10",
        "country must be two capital letters",
    }
    assert all(part in audit.quarantined["reason"].item() for part in ("film_id = -1", "mean_vote = 11", "country = x"))
    assert audit.rules == dict.fromkeys(audit.quarantined["rule"].item().split("; "), 1)


def test_unknown_where_unknown_is_allowed_keeps_the_row() -> None:
    assert Audit.of(films(), frame(row(mean_vote=None, country=None, status=None))).kept.height == 1


def test_a_rejected_row_carries_its_payload_and_pointer() -> None:
    audit = Audit.of(films(), frame(row(0), row(2), _payload=['{"id":0}', "{}"], _pointer=["page 3", None]))
    assert audit.quarantined.select("payload", "raw_pointer").row(0) == ('{"id":0}', "page 3")


def test_a_rejected_row_without_payload_is_kept_as_json() -> None:
    payload = Audit.of(films(), frame(row(0, title="Zoo"))).quarantined["payload"].item()
    assert '"film_id":0' in payload
    assert '"title":"Zoo"' in payload


def test_a_long_value_is_cut_in_the_reason_and_whole_in_the_payload() -> None:
    long = "x" * 5000
    rejected = Audit.of(films(), frame(row(status=long))).values.row(0, named=True)
    assert len(rejected["reason"]) < VALUE_CHARACTERS + 100
    assert len(rejected["value"]) == VALUE_CHARACTERS
    assert long in rejected["payload"]


def test_a_row_that_did_not_decode_is_set_aside_for_that_reason_alone() -> None:
    bad = row(None, title=None)
    why = [
        rejection("genres[3].id", "x", "must be a number", is_text=True),
        rejection("payload", "{", "must be JSON"),
        None,
    ]
    audit = Audit.of(films(), frame(bad, bad, row(3), _rejected=why))
    assert audit.quarantined.select("rule", "reason").rows() == [
        ("genres[].id must be a number", 'genres[3].id = "x": must be a number'),
        ("payload must be JSON", "payload = {: must be JSON"),
    ]
    assert audit.kept["film_id"].to_list() == [3]


@given(
    st.text(max_size=8) | st.sampled_from(["2017: foo", "a = b: c; d", "x (text begins y", "a\nb: c", "[3]", '"']),
    st.sampled_from(["release_date", "cast[].order", "page"]),
    st.sampled_from(["must be a date", "must be: = 1; or [2]", "x (text begins y"]),
    st.booleans(),
)
def test_any_value_and_rule_come_back_exactly(value: str, column: str, rule: str, is_text: bool) -> None:
    """Whatever a value says, also what looks like a rule or a column, the columns are what went in, and counted so."""
    why = rejection(column, value, rule, is_text)
    audit = Audit.of(films(), frame(row(1), row(2), _rejected=[why, None], _set_aside=[None, [why]]))
    assert audit.rejections.select(REJECTION_FIELDS).rows(named=True) == [why, why]
    assert audit.rejections["is_of_row"].to_list() == [True, False]
    assert audit.rules == {f"{column} {rule}": 2}
    assert (audit.quarantined["rule"].item(), audit.quarantined["reason"].item()) == (f"{column} {rule}", sentence(why))
    told = {"column_name": column, "value": value, "rule": f"{column} {rule}", "reason": sentence(why)}
    assert audit.values.select(told.keys()).row(0, named=True) == told


def test_the_row_number_is_the_position_within_the_day_whatever_days_come_together() -> None:
    first = [row(1), row(0), row(2), row(-5)]
    second = [row(0, NEXT), row(4, NEXT), row(-1, NEXT)]
    alone = pl.concat([Audit.of(films(), frame(*rows)).quarantined for rows in (first, second)])
    mixed = [second[0], first[0], first[1], second[1], second[2], first[2], first[3]]
    together = Audit.of(films(), frame(*mixed)).quarantined
    assert together.sort("date_id", "row_number").equals(alone)
    assert alone.select("date_id", "row_number").rows() == [(DAY, 1), (DAY, 3), (NEXT, 0), (NEXT, 2)]


def test_of_expected_duplicates_the_first_valid_row_counts() -> None:
    audit = Audit.of(films(), frame(row(1, title=""), row(1, title="B"), row(1, title="C"), row(1, NEXT, title="D")))
    assert audit.kept["title"].to_list() == ["B", "D"]
    assert (audit.duplicates, audit.quarantined.height, audit.accounted) == (1, 1, True)


def test_unexpected_duplicates_are_left_for_the_grain_check_to_refuse() -> None:
    audit = Audit.of(films("refuse"), frame(row(1), row(1)))
    assert (audit.kept.height, audit.duplicates) == (2, 0)


SOURCES = ("list", "details", "export")


def ranked() -> Contract:
    seen_in = {"status": col(pl.String, "Source.", isin(SOURCES))}
    return dataclasses.replace(films(), columns={**films().columns, **seen_in}, precedence=("status", SOURCES))


def test_the_best_source_of_a_grain_counts_wherever_it_stands() -> None:
    said = [("export", "a"), ("list", "b"), ("details", "c"), ("list", "d"), ("export", "e")]
    audit = Audit.of(
        ranked(), frame(*[row(1, status=status, title=title) for status, title in said], row(2, status="export"))
    )
    assert audit.kept.select("film_id", "title").rows() == [(1, "b"), (2, "A")]
    assert audit.became == {"kept": 2, "quarantined": 0, "duplicates": 1, "superseded": 3}
    assert audit.left_out.rows() == [(DAY, 1, True), (DAY, 1, True), (DAY, 1, False), (DAY, 1, True)]


def test_a_row_that_is_set_aside_supersedes_nothing() -> None:
    audit = Audit.of(ranked(), frame(row(1, status="list", title=""), row(1, status="export"), row(1, status="export")))
    assert audit.kept["status"].to_list() == ["export"]
    assert audit.became == {"kept": 1, "quarantined": 1, "duplicates": 1, "superseded": 0}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([DAY, NEXT]), st.sampled_from(SOURCES)), max_size=20))
def test_every_row_is_kept_set_aside_a_duplicate_or_superseded(drawn: list[tuple[int, dt.date, str]]) -> None:
    audit = Audit.of(ranked(), frame(*[row(film, day, status=source) for film, day, source in drawn]))
    valid = [(day, film, SOURCES.index(source)) for film, day, source in drawn if film]
    best = {grain: min(rank for *g, rank in valid if tuple(g) == grain) for grain in [(d, f) for d, f, _ in valid]}
    outranked = sum(rank > best[day, film] for day, film, rank in valid)
    assert {(d, f): SOURCES.index(s) for d, f, s in audit.kept.select("date_id", "film_id", "status").rows()} == best
    assert audit.became == {
        "kept": len(best),
        "quarantined": len(drawn) - len(valid),
        "duplicates": len(valid) - len(best) - outranked,
        "superseded": outranked,
    }
    assert audit.accounted


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"precedence": ("ghost", SOURCES)}, "column ghost: is named by the contract but is not among its columns"),
        ({"duplicates": "refuse"}, 'has a precedence: it needs duplicates "first"'),
        ({"stage": "raw"}, "is not for raw, which keeps what came"),
    ],
)
def test_a_precedence_needs_its_column_duplicates_and_a_table_that_is_derived(change: Any, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        dataclasses.replace(ranked(), **change)


def test_columns_may_come_in_any_order_and_leave_in_the_contracts_order() -> None:
    shuffled = frame(row(1)).select(reversed(films().columns))
    assert Audit.of(films(), shuffled).kept.columns == list(films().columns)


@pytest.mark.parametrize(
    ("change", "column", "problem"),
    [
        (lambda f: f.drop("title"), "title", "is missing from the frame"),
        (lambda f: f.with_columns(extra=1), "extra", "is not in the contract"),
        (lambda f: f.with_columns(pl.col("film_id").cast(pl.Int32)), "film_id", "must be Int64, the frame has Int32"),
        (lambda f: f.with_columns(date_id=pl.lit("2026-03-10")), "date_id", "must be Date, the frame has String"),
    ],
)
def test_a_frame_of_another_shape_is_a_fault_naming_table_and_column(change: Any, column: str, problem: str) -> None:
    with pytest.raises(ContractError) as raised:
        Audit.of(films(), change(frame(row(1))))
    assert (raised.value.table, raised.value.column, raised.value.problem) == ("toy/clean/films", column, problem)
    assert str(raised.value) == f"toy/clean/films, column {column}: {problem}"


def test_an_empty_frame_is_audited_too() -> None:
    audit = Audit.of(films(), films().empty())
    assert (audit.received, audit.kept.height, audit.quarantined.height, audit.accounted) == (0, 0, 0, True)
    assert audit.rules == {}
    assert audit.quarantined.schema == quarantine_contract("toy").schema


def test_quarantined_rows_keep_the_contract_of_the_quarantine() -> None:
    bad = Audit.of(films(), frame(row(0), row(1, title=" "))).quarantined
    assert Audit.of(quarantine_contract("toy"), bad).kept.height == 2


def test_a_table_may_have_columns_named_as_those_of_the_quarantine() -> None:
    names = ("row_number", "rule", "reason", "payload", "origin")
    columns = {"date_id": col(pl.Date, "Day."), **{n: col(pl.String, n, not_blank()) for n in names}}
    contract = Contract("toy", "raw", "drops", "Drops.", ("date_id", "row_number"), columns, kept=ByDay("date_id"))
    rows = [{"date_id": DAY, **dict.fromkeys(names, "x"), "rule": ""}, {"date_id": DAY, **dict.fromkeys(names, "y")}]
    audit = Audit.of(contract, pl.DataFrame(rows, schema=contract.schema))
    assert audit.kept["reason"].to_list() == ["y"]
    assert audit.quarantined.select("row_number", "rule", "reason").row(0) == (
        0,
        "rule must not be blank",
        "rule = : must not be blank",
    )


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63) + 1, 2**63 - 1))
def test_no_day_or_instant_stops_an_audit(day: int, instant: int) -> None:
    columns = {"a": col(pl.Int64, "A."), "on": col(pl.Date, "Day.", within_days(), nullable=True)}
    columns["at"] = col(pl.Datetime("us", "UTC"), "Instant.", within_instants())
    contract = Contract("toy", "clean", "t", "T.", ("a",), columns)
    frame = pl.DataFrame({"a": [1], "on": [day], "at": [instant]}).with_columns(pl.col("on").cast(pl.Int32))
    audit = Audit.of(contract, frame.cast(contract.schema))
    assert audit.accounted
    assert all(1900 <= kept["at"].year <= 2199 for kept in audit.kept.iter_rows(named=True))


def test_the_delta_schema_says_type_nullability_and_meaning() -> None:
    fields = {f.name: f for f in films().delta_schema.fields}
    assert [fields["film_id"].type.type, fields["film_id"].nullable] == ["long", False]
    assert [fields["mean_vote"].type.type, fields["mean_vote"].nullable] == ["double", True]
    assert fields["date_id"].type.type == "date"
    assert {n: f.metadata["comment"] for n, f in fields.items()} == {
        n: c.description for n, c in films().columns.items()
    }


@pytest.mark.parametrize(
    "stated",
    [
        {"grain": ("ghost",)},
        {"kept": ByDay("ghost")},
        {"kept": FewADay("ghost")},
        {"kept": Owned(("ghost",))},
        {"kept": Owned(("a",), ("ghost",))},
        {"references": {"ghost": "dim"}},
    ],
)
def test_a_contract_may_only_name_its_own_columns(stated: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="column ghost: is named by the contract but is not among its columns"):
        Contract("toy", "star", "t", "T.", columns={"a": col(pl.Int64, "A.")}, **({"grain": ("a",)} | stated))


@pytest.mark.parametrize(("nullable", "kept"), [(False, ByDay("day")), (True, Whole())])
def test_only_what_may_be_null_and_has_a_day_can_expire(nullable: bool, kept: ByDay | Whole) -> None:
    columns = {"day": col(pl.Date, "Day."), "text": col(pl.String, "Text.", nullable=nullable)}
    with pytest.raises(ContractError, match="column text: cannot expire"):
        Contract("toy", "clean", "t", "T.", ("day",), columns, kept=kept, expiring=("text",))


def test_the_dictionary_states_types_rules_and_nullability() -> None:
    text = "\n".join(dictionary_lines([films()]))
    assert "### `toy/clean/films`" in text
    assert "Grain: `date_id, film_id` · one partition per `date_id`" in text
    assert "| film_id | Int64 | no | Film. (must be at least 1) |" in text
    assert "| mean_vote | Float64 | yes | Mean vote, 0 to 10. (must lie between 0 and 10) |" in text


ANY_ROW = st.fixed_dictionaries(
    {
        "date_id": st.sampled_from([DAY, NEXT]),
        "film_id": st.none() | st.integers(-2, 4),
        "title": st.none() | st.sampled_from(["", " ", "A", "Ω"]),
        "mean_vote": st.none() | st.floats(-1, 11) | st.just(float("nan")),
        "country": st.none() | st.sampled_from(["FR", "fr", "FR\n", "NA", ""]),
        "status": st.none() | st.sampled_from(["out", "planned", "lost"]),
    }
)


def has_what_is_required(r: dict[str, Any]) -> bool:
    return r["film_id"] is not None and r["film_id"] >= 1 and bool((r["title"] or "").strip())


def without_what_breaks_a_rule(r: dict[str, Any]) -> dict[str, Any]:
    sound = {
        "mean_vote": r["mean_vote"] is None or 0 <= r["mean_vote"] <= 10,
        "country": r["country"] in {None, "FR", "NA"},
        "status": r["status"] in {None, "out", "planned"},
    }
    return {name: value if sound.get(name, True) else None for name, value in r.items()}


@given(st.lists(ANY_ROW, max_size=12), st.sampled_from(["first", "refuse"]), st.data())
def test_every_row_and_value_received_is_kept_or_set_aside(
    rows: list[dict[str, Any]], duplicates: str, data: st.DataObject
) -> None:
    refused = data.draw(
        st.lists(
            st.sampled_from([None, None, rejection("payload", "{", "must be JSON")]),
            min_size=len(rows),
            max_size=len(rows),
        )
    )
    audit = Audit.of(films(duplicates), frame(*rows, _rejected=refused))
    valid = [r for r, why in zip(rows, refused, strict=True) if why is None and has_what_is_required(r)]
    assert audit.accounted
    assert audit.received == len(rows)
    assert audit.quarantined.height == len(rows) - len(valid)
    count_once = {(r["date_id"], r["film_id"]): r for r in reversed(valid)}
    kept = valid if duplicates == "refuse" else [r for r in valid if any(r is k for k in count_once.values())]
    assert audit.kept.rows(named=True) == [without_what_breaks_a_rule(r) for r in kept]
    lost = [(r["date_id"], c) for r in kept for c, value in without_what_breaks_a_rule(r).items() if value is not r[c]]
    assert sorted(audit.values.select("date_id", "column_name").rows()) == sorted(lost)
    assert audit.lost == dict(Counter(column for _, column in lost))
    assert not audit.entries["reason"].str.strip_chars().eq("").any()
    numbers = audit.entries.select("date_id", "row_number")
    assert not numbers.is_duplicated().any()
