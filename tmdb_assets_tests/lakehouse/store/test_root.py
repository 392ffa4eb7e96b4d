"""Where a lake may lie: under any name it works, whole, or it is refused with one sentence before anything is
written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tmdb_assets.lakehouse.store import DeltaStore, LakeError, delta, retention
from tmdb_assets_tests.lakehouse.store.object_store import object_store, refusing_store
from tmdb_assets_tests.lakehouse.store.test_delta import COUNTS, DAYS, PARTS, SMALL, kept, rows

#: Names that something on the way to a table takes for something else.
FINE = [
    "my films/données",
    "100%",
    "a+b",
    "a&b",
    "it's",
    'a"b',
    "a*b",
    "a{b}",
    "a:b;c",
    "a@b",
    "~a",
    "$a",
    "a<b>`",
    "日本😀",
]
FINE_LOCALLY = ["a#b", "a?b", " a "]
FINE_IN_A_BUCKET = ["my films/données", "100%a+b&c'd\"e*f{g} ", "h:i;j@k~l$m<n>`o日本😀"]  # each costs seconds
UNFIT = ["a%20b", "%C3%A9", "a[b", "a]b", "[ab]", "a|b", "a\\b", "a\nb", "a\x7fb", "a^b", "a=b", "date_id=2026-03-01"]
UNFIT_IN_A_BUCKET = ["a?b", "a?token=s3cret", "a#b", "a//b", "./a", "a/../b", "a/."]
BUCKETS = [
    "s3://key:s3cret@lake/a",
    "s3://key:s3/cret@lake/a",
    "s3://la ke/a",
    "s3://läke/a",
    "s3://[/a",
    "s3://",
    "s3:///a",
]


def write(root: str) -> None:
    """All that is done to a lake, and what is read of it in between."""
    store = DeltaStore(root)
    store.refuse_unwritable_root()
    store.replace(COUNTS, rows(COUNTS, *[(d, "a", 1) for d in DAYS[:3]]), DAYS[:3], {})
    store.replace(COUNTS, rows(COUNTS, (DAYS[1], "b", 2)), DAYS[1:2], {})
    for n in (1, 2):
        store.replace(SMALL, rows(SMALL, (DAYS[0], "a", n)), DAYS[:1], {}, {"item": "a"})
    store.merge(PARTS, rows(PARTS, (1, 1, "x", DAYS[2]), (1, 2, "x", DAYS[2])), {})
    store.merge(PARTS, rows(PARTS, (1, 3, "x", DAYS[3])), {})
    assert kept(store, COUNTS, days=DAYS[1:2]) == [(DAYS[1], "b", 2)]
    assert kept(store, COUNTS, version=1, days=DAYS[1:2]) == [(DAYS[1], "a", 1)]
    assert retention.expire(store, COUNTS, DAYS[1], {}) == 1
    assert retention.upkeep(store, COUNTS, keep_hours=0)["files_deleted"] == 2
    retention.drop_past(store, PARTS)
    again = DeltaStore(root)
    assert kept(again, COUNTS) == [(DAYS[1], "b", 2), (DAYS[2], "a", 1)]
    assert (kept(again, SMALL), kept(again, PARTS)) == ([(DAYS[0], "a", 2)], [(1, 3, "x", DAYS[3])])


def refuse(root: str) -> str:
    """What is said by whoever writes first, and by whoever only reads."""
    said = set()
    for first in (DeltaStore.refuse_unwritable_root, lambda store: store.create(COUNTS), lambda s: s.scan(COUNTS)):
        with pytest.raises(LakeError) as raised:
            first(DeltaStore(root))
        said.add(str(raised.value))
    (sentence,) = said
    assert sentence.startswith("The lake root ")
    assert "TMDB_ASSETS_LAKE" in sentence
    assert sentence.isprintable()
    assert "s3cret" not in sentence
    return sentence


# -- folders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize("name", [*FINE, *FINE_LOCALLY])
def test_a_folder_of_an_unusual_name_is_a_lake_like_any_other(tmp_path: Path, name: str, form: str) -> None:
    if form != "{}" and {"?", "#"} & set(name):
        pytest.skip("an address has a ? or # only as an escape")
    write(form.format(tmp_path / name))
    assert [file.name for file in tmp_path.iterdir()] == [name.partition("/")[0]]
    assert (tmp_path / name / COUNTS.path / "_delta_log").is_dir()


@pytest.mark.parametrize("name", UNFIT)
def test_a_folder_in_which_no_table_would_be_found_is_refused_first(tmp_path: Path, name: str) -> None:
    refuse(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


NAME = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=12).filter(lambda n: n not in {".", ".."})


@given(name=NAME)
@example(name="a" * 300)
@example(name="\x00")
@example(name="\udce9")  # of a file system that is not in UTF-8
@example(name="%zz%")
def test_a_folder_of_any_name_works_or_is_refused_before_anything_is_written(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    store = DeltaStore(f"{folder}/{name}")
    try:
        store.refuse_unwritable_root()
    except LakeError as error:
        assert str(error).isprintable()
        assert list(folder.iterdir()) == []
    else:
        store.replace(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), DAYS[:1], {})
        assert kept(DeltaStore(store.root), COUNTS) == [(DAYS[0], "a", 1)]
        assert [os.fsencode(file.name) for file in folder.iterdir()] == [os.fsencode(name.rstrip("/"))]


def test_the_folder_above_counts_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a[b").mkdir()
    monkeypatch.chdir(tmp_path / "a[b")
    assert f"({'['} stands in its path, {tmp_path}/a[b/lake, where" in refuse("lake")
    (tmp_path / "plain").mkdir()
    Path("lake").symlink_to(tmp_path / "plain")
    write("lake")


def test_what_makes_deltalake_panic_all_the_same_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmdb_assets.lakehouse.store.root.LakeRoot._refuse_unfit", lambda self, path: None)
    with pytest.raises(LakeError, match=r"^The lake root \S+ cannot be used \(.+\): set TMDB_ASSETS_LAKE"):
        DeltaStore(tmp_path / "a[b").append(COUNTS, rows(COUNTS, (DAYS[0], "a", 1)), {})


# -- links -------------------------------------------------------------------------------------------------------------


def test_a_lake_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to("disk")
    write(str(tmp_path / "lake"))
    assert (tmp_path / "lake").is_symlink()
    assert kept(DeltaStore(tmp_path / "disk"), SMALL) == [(DAYS[0], "a", 2)]


@pytest.mark.parametrize("below", ["", "/below"])
@pytest.mark.parametrize(
    ("target", "said"), [("lake", "symbolic links"), ("unplugged", "unplugged"), ("no/such", "no")]
)
def test_a_link_that_leads_nowhere_is_no_lake(tmp_path: Path, target: str, said: str, below: str) -> None:
    """A lake made anew where a disk is not mounted would hide the one on the disk."""
    (tmp_path / "lake").symlink_to(target)
    assert said in refuse(f"{tmp_path}/lake{below}")
    assert [file.name for file in tmp_path.iterdir()] == ["lake"]


# -- buckets -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with object_store("lake") as variables:
        yield variables


@pytest.fixture
def bucket(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    return "s3://lake"


@pytest.mark.parametrize("name", FINE_IN_A_BUCKET)
def test_a_prefix_of_an_unusual_name_is_a_lake_like_any_other(bucket: str, name: str) -> None:
    write(f"{bucket}/{name}")


@pytest.mark.parametrize("name", [*UNFIT, *UNFIT_IN_A_BUCKET])
def test_a_prefix_under_which_no_table_would_be_found_is_refused_first(bucket: str, name: str) -> None:
    refuse(f"{bucket}/{name}")


@pytest.mark.parametrize("root", BUCKETS)
def test_what_no_bucket_is_called_is_refused_without_secrets(root: str) -> None:
    refuse(root)


@pytest.mark.parametrize(
    ("changed", "root", "said"),
    [
        ({}, "s3://nowhere/lake", "NoSuchBucket: The specified bucket does not exist"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "s3://lake/x", "Missing SecretAccessKey"),
        ({"AWS_ALLOW_HTTP": "false"}, "s3://lake/x", "URL scheme is not allowed"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "s3://lake/x", "Connection refused"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "s3://lake/x", "is a full URL, https://host"),
        ({"AZURE_STORAGE_ACCOUNT_NAME": ""}, "az://lake/x", "Account must be specified"),
    ],
)
def test_a_bucket_that_cannot_be_reached_is_one_sentence(
    bucket: str, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], root: str, said: str
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(delta, "RETRIES", 1)
    sentence = refuse_reading(root)
    assert said in sentence
    assert "see that the bucket is there and that AWS_*, AZURE_* or GOOGLE_* name a key" in sentence


def test_credentials_that_the_store_does_not_know_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_store() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        sentence = refuse_reading("s3://lake/x")
    assert "(InvalidAccessKeyId: No such key)" in sentence


def refuse_reading(root: str) -> str:
    """What is said of a bucket that cannot be asked."""
    with pytest.raises(LakeError) as raised:
        DeltaStore(root, {"max_retries": "1"}).create(COUNTS)
    sentence = str(raised.value)
    assert sentence.startswith(f"The lake root {root} cannot be ")
    assert sentence.isprintable()
    return sentence
