"""A million films at once: what timeline.py draws for one film, drawn for all of them as columns.

What belongs here: the columns of all films, their numbers on a day, and who changed on a day. What does not: the lists
and the files made of them (wide.py). The draws are others than those of `make_film`, the rules are the same, and a test
holds the numbers of a day against those of `Film`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

import polars as pl

from tmdb_assets.sandbox.tmdb import timeline
from tmdb_assets.sandbox.tmdb.noise import salt
from tmdb_assets.sandbox.tmdb.timeline import EPOCH, Film

NEVER: Final = 9_999_999
"""A day that does not come: of films that stay, of dates that are shown to the end."""
GENRES: Final = [
    genres for profile in timeline.GENRE_PROFILES for genres in (profile, timeline.with_one_more(profile))
] + [()]
"""What the column `genres` counts; the last is no genre at all."""
_GOLD: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1
_DRAWS: Final = 2**35
"""The steps of `mix` from here on draw a film, and nothing else."""
_SALT: Final = pl.col("salt")


def mixed(number: pl.Expr, step: int | pl.Expr) -> pl.Expr:
    """`noise.mix` of columns of unsigned integers."""
    x = number + (_whole(step * _GOLD) if isinstance(step, int) else step.cast(pl.UInt64) * _whole(_GOLD))
    x = (x ^ (x // _whole(1 << 30))) * _whole(0xBF58476D1CE4E5B9)
    x = (x ^ (x // _whole(1 << 27))) * _whole(0x94D049BB133111EB)
    return x ^ (x // _whole(1 << 31))


def unit(number: pl.Expr, step: int | pl.Expr) -> pl.Expr:
    """`noise.unit` of columns."""
    return (mixed(number, step) // _whole(1 << 11)).cast(pl.Float64) / 9007199254740992.0


def draw(seed: int, born: Sequence[int], stride: int) -> pl.DataFrame:
    """All films, one a row, by their first days; `stride` is how far the parts of a franchise lie apart."""
    numbers = pl.int_range(len(born), dtype=pl.UInt32, eager=True)
    films = pl.LazyFrame({"number": numbers, "born": born}).with_columns(
        pl.col("born").cast(pl.Int32), salt=mixed(_whole(salt(f"{seed}:wide")), pl.col("number"))
    )
    films = films.with_columns(
        _franchises(stride),
        lifetime=(-_never_zero(_drawn(0)).log() / timeline.DELETIONS_PER_FILM_AND_DAY).cast(pl.Int64),
        language=_drawn(1).mul(timeline.LANGUAGE_WEIGHTS[-1]).map_batches(_languages, pl.UInt8),
        genres=_places(2, len(timeline.GENRE_PROFILES)) * 2 + (_drawn(3) >= 0.8).cast(pl.UInt8),
        adult=_drawn(4) < 0.008,
        video=_drawn(5) < 0.012,
    ).with_columns(
        movie_id=100 + pl.col("number").cast(pl.Int64) * 37 + (_SALT % _whole(37)).cast(pl.Int64),
        gone=pl.min_horizontal(pl.col("born") + 1 + pl.col("lifetime"), NEVER).cast(pl.Int32),
        fame=_normal(6) + pl.when(pl.col("part") > 0).then(0.5).otherwise(0.0),
        release=_first_release().cast(pl.Int32),
    )
    return _with_figures(_with_releases(films).drop("lifetime")).collect()


def put_in(films: pl.DataFrame, chosen: Sequence[Film]) -> pl.DataFrame:
    """The films with some of them replaced by others of the same number: those with planted oddities."""
    rows = [
        {
            "number": film.number,
            "born": film.born,
            "salt": film.salt,
            "franchise": 0,
            "part": 0,
            "language": timeline.LANGUAGES.index(film.language),
            "genres": GENRES.index(film.genre_ids),
            "adult": film.adult,
            "video": film.video,
            "movie_id": film.movie_id,
            "gone": film.gone or NEVER,
            "fame": film.fame,
            "shown_0": film.releases[0][1],
            "since_1": NEVER,
            "shown_1": 0,
            "since_2": NEVER,
            "shown_2": 0,
            "premiere": film.premiere,
            **{name: getattr(film, name) for name in ("base", "peak", "decay", "votes", "rating")},
        }
        for film in chosen
    ]
    others = films.filter(~pl.col("number").is_in([film.number for film in chosen]))
    return pl.concat([others, pl.DataFrame(rows, schema=dict(films.schema))]).sort("number").rechunk()


def film_of(row: dict[str, object], genres: tuple[int, ...], named: tuple[str, str]) -> Film:
    """One row as the film that the rest of the sandbox knows."""
    values = {name: row[name] for name in ("number", "movie_id", "salt", "born", "adult", "video", "fame", "premiere")}
    figures = {name: row[name] for name in ("base", "peak", "decay", "votes", "rating")}
    shown = [(row["born"], row["shown_0"]), (row["since_1"], row["shown_1"]), (row["since_2"], row["shown_2"])]
    return Film(
        **values,  # type: ignore[arg-type]  # a row of these columns has these types
        **figures,  # type: ignore[arg-type]  # as above
        gone=None if row["gone"] == NEVER else row["gone"],  # type: ignore[arg-type]  # as above
        language=timeline.LANGUAGES[int(str(row["language"]))],
        genre_ids=genres,
        releases=[(since, release) for since, release in shown if since != NEVER],  # type: ignore[misc]  # as above
        quirks=frozenset(),
        part=(row["franchise"], row["part"]) if row["part"] else None,  # type: ignore[arg-type]  # as above
        named=named,
    )


# -- a day -------------------------------------------------------------------------------------------------------------


def visible(day: int) -> pl.Expr:
    """`Film.visible`."""
    return (pl.col("born") <= day) & (pl.col("gone") > day)


def popularity(day: int) -> pl.Expr:
    """`Film.popularity`, without breakouts."""
    phase = (_SALT % _whole(1000)).cast(pl.Float64) + day
    wave = (phase / ((_SALT % _whole(61)).cast(pl.Float64) + 40)).sin()
    since = (day - pl.col("premiere")).cast(pl.Float64)
    peak = pl.col("peak")
    before = 0.35 + 0.8 * peak * (pl.max_horizontal(since, -700.0) / 25).exp()
    around = (
        pl.when(pl.col("premiere") == 0)
        .then(0.35 + 0.8 * peak * math.exp(-700 / 25))
        .when(since < 0)
        .then(before)
        .when(since < 500)
        .then(1 + peak * (-since / pl.col("decay")).exp())
        .otherwise(1.0)
    )
    value = pl.col("base") * (1 + 0.22 * wave) * timeline.WEEK[(day + 6) % 7] * around
    return (value * (0.93 + 0.14 * unit(_SALT, day))).round(4)


def vote_count(day: int) -> pl.Expr:
    """`Film.vote_count`, without breakouts and oddities."""
    since = (day - pl.col("premiere")).cast(pl.Float64) + unit(_SALT + _whole(1), day)
    share = 0.55 * (1 - (-since / 90).exp()) + 0.12 * (since / 200).log1p()
    out = (pl.col("premiere") != 0) & (pl.col("premiere") <= day)
    return pl.when(out).then(pl.col("votes") * share).otherwise(0).cast(pl.Int32)


def release_on(day: int) -> pl.Expr:
    """`Film.release_on`."""
    shown = pl.when(pl.col("since_2") <= day).then(pl.col("shown_2")).when(pl.col("since_1") <= day)
    return shown.then(pl.col("shown_1")).otherwise(pl.col("shown_0"))


def changes(films: pl.DataFrame, first: int, last: int, every: int) -> pl.DataFrame:
    """Which films without oddities appeared or were edited on some days in a row, at most `every` of them: a row
    (day, number) each. The edits are those of `timeline.steady_edits`."""
    premiere = pl.col("premiere")
    told = premiere + timeline.REPORTED[0] + (_SALT % _whole(timeline.REPORTED[1])).cast(pl.Int32)
    by_release = [told, *(premiere - left for left in timeline.STATUS_DAYS)]
    steady = [pl.when(day > EPOCH).then(day) for day in (_steady_edit(first, every), _steady_edit(last, every))]
    edits = [pl.col("since_1"), pl.col("since_2"), *(pl.when(premiere != 0).then(day) for day in by_release), *steady]
    named = {f"edit_{place}": day for place, day in enumerate(edits)}
    days = films.lazy().select("number", "born", "gone", **named).collect()
    found = [days.filter(pl.col("born").is_between(max(first, EPOCH), last)).select("number", day="born")]
    for name in named:
        day = pl.col(name)
        on = (day > pl.col("born")) & (day < pl.col("gone")) & day.is_between(first, last)
        found.append(days.filter(on).select("number", day=day.cast(pl.Int32)))
    return pl.concat(found).unique().select("day", "number").sort("day", "number")


def _steady_edit(day: int, every: int) -> pl.Expr:
    """The day of the edit in the stretch that a day belongs to."""
    phase = (_SALT % _whole(every)).cast(pl.Int32)
    stretch = (phase + day) // every
    return stretch * every - phase + (every * unit(_SALT, timeline.EDIT_DAY + stretch.cast(pl.Int64))).cast(pl.Int32)


# -- the draws ---------------------------------------------------------------------------------------------------------


def _whole(value: int) -> pl.Expr:
    return pl.lit(value & _MASK, dtype=pl.UInt64)


def _drawn(step: int) -> pl.Expr:
    return unit(_SALT, _DRAWS + step)


def _places(step: int, count: int) -> pl.Expr:
    """A place below `count`."""
    return (_drawn(step) * count).cast(pl.UInt8)


def _normal(step: int) -> pl.Expr:
    """A number of the normal distribution, of two draws (Box and Muller)."""
    return (-2 * _never_zero(_drawn(step)).log()).sqrt() * (2 * math.pi * _drawn(step + 1000)).cos()


def _never_zero(drawn: pl.Expr) -> pl.Expr:
    return 1 - drawn


def _days(step: int, at_most: int | pl.Expr) -> pl.Expr:
    return (_drawn(step) * at_most).cast(pl.Int64)


def _languages(drawn: pl.Series) -> pl.Series:
    weights = pl.Series(timeline.LANGUAGE_WEIGHTS[:-1], dtype=pl.Float64)
    return weights.search_sorted(drawn, side="right").cast(pl.UInt8)


def _franchises(stride: int) -> list[pl.Expr]:
    """`catalogue.part_of`; part 0 is none."""
    number = pl.col("number").cast(pl.Int64)
    residue, run = number % stride, number // stride
    has = residue % 12 == 5
    return [
        pl.when(has).then(residue * 1000 + run // 3).otherwise(0).alias("franchise"),
        pl.when(has).then(run % 3 + 1).otherwise(0).cast(pl.UInt8).alias("part"),
    ]


def _first_release() -> pl.Expr:
    """The first release date that a film shows, by the rules of `timeline`'s."""
    born, kind, spread = pl.col("born").cast(pl.Int64), _drawn(10), _drawn(11)
    in_a_series, recent = pl.col("part") > 0, pl.col("born") >= EPOCH
    age = 35 - (mixed(pl.col("franchise").cast(pl.UInt64), 1) % _whole(20)).cast(pl.Int64) - 4 * pl.col("part")
    oldest = EPOCH - dt.date(1925, 1, 1).toordinal()
    return (
        pl.when(recent & in_a_series)
        .then(born + 20 + _days(11, 90))
        .when(recent & (kind < 0.48))
        .then(born + 10 + _days(11, 380))
        .when(recent & (kind < 0.68))
        .then(born - _days(11, 60))
        .when(~recent & in_a_series)
        .then(EPOCH - 365 * age + _days(11, 300))
        .when(~recent & (kind < 0.06))
        .then(born + 5 + _days(11, 300))
        .otherwise(born - 1 - (oldest * spread.pow(2.2)).cast(pl.Int64))
    )


def _with_releases(films: pl.LazyFrame) -> pl.LazyFrame:
    """The dates shown one after the other: announced without one, postponed once, or corrected long afterwards."""
    born, release = pl.col("born").cast(pl.Int64), pl.col("release").cast(pl.Int64)
    films = films.with_columns(dated=(_drawn(12) >= 0.01) | (release <= born))
    ahead = pl.col("dated") & (release > born + 40)
    films = films.with_columns(
        ahead=ahead,
        announced=pl.when(ahead & (_drawn(13) < 0.08)).then(born + 1 + _days(14, release - born - 2)).otherwise(born),
        corrected=pl.col("dated") & ~ahead & (_drawn(15) < 0.15),
    )
    announced, late = pl.col("announced"), pl.col("announced") != pl.col("born")
    films = films.with_columns(
        postponed=announced + 1 + _days(16, release - announced - 1),
        moved=pl.col("ahead") & (_drawn(17) < 0.3),
    ).with_columns(moved=pl.col("moved") & (pl.col("postponed") < release))
    moved, corrected = pl.col("moved"), pl.col("corrected")
    new_date = release + 14 + _days(18, 120)
    correction = pl.max_horizontal(born, EPOCH) + 30 + _days(19, 2500)
    second = pl.when(moved).then(pl.col("postponed")).when(corrected).then(correction)
    shown = pl.when(moved).then(new_date).when(corrected).then(release + 1 + _days(20, 3))
    day = pl.Int32
    return films.with_columns(
        shown_0=pl.when(late | ~pl.col("dated")).then(0).otherwise(release).cast(day),
        since_1=pl.when(late).then(announced).otherwise(second.otherwise(NEVER)).cast(day),
        shown_1=pl.when(late).then(release).otherwise(shown.otherwise(0)).cast(day),
        since_2=pl.when(late & moved).then(pl.col("postponed")).otherwise(NEVER).cast(day),
        shown_2=pl.when(late & moved).then(new_date).otherwise(0).cast(day),
        premiere=pl.when(~pl.col("dated")).then(0).when(moved).then(new_date).otherwise(release).cast(day),
    ).drop("release", "dated", "ahead", "announced", "corrected", "postponed", "moved")


def _with_figures(films: pl.LazyFrame) -> pl.LazyFrame:
    born, fame, premiere = pl.col("born"), pl.col("fame"), pl.col("premiere")
    came = pl.when(premiere == 0).then(born).otherwise(premiere)
    age = pl.max_horizontal(0, pl.max_horizontal(born, EPOCH) - came) / timeline.YEAR
    return films.with_columns(
        base=(0.55 + 0.85 * fame + 0.25 * _normal(30)).exp() / (1 + age / 45),
        peak=(1.5 + 9 * _drawn(31).pow(2)) * (0.3 * fame).exp(),
        decay=18 + 30 * _drawn(32),
        votes=(4.6 + 1.6 * fame + 0.4 * _normal(33)).exp(),
        rating=(6.3 + 0.25 * fame + 0.9 * _normal(34)).clip(3.2, 8.7),
    )
