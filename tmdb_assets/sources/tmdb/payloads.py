"""The shapes of TMDB's JSON answers that the lake understands.

What belongs here: one msgspec struct per answer or nested object, keys as TMDB spells them (source of the shapes:
developer.themoviedb.org/reference, movie-details, discover-movie, movie-changes, configuration). A field that older
payloads lack has a default; a field that TMDB adds later is let through and reported by the `unknown_fields` check.
What does not: our own column names and rules (contracts.py), cleaning (clean.py).
"""

from __future__ import annotations

from tmdb_assets.lakehouse.payloads import Int, Shape


class Genre(Shape):
    """A genre, in details and in /genre/movie/list."""

    id: Int
    name: str | None = None


class Company(Shape):
    """A production company of a film."""

    id: Int
    name: str | None = None
    origin_country: str | None = None
    logo_path: str | None = None


class Country(Shape):
    """A production country; /configuration/countries says english_name and native_name instead of name."""

    iso_3166_1: str
    name: str | None = None
    english_name: str | None = None
    native_name: str | None = None


class Language(Shape):
    """A spoken language; `name` is the language's name in itself, often empty."""

    iso_639_1: str
    name: str | None = None
    english_name: str | None = None


class Collection(Shape):
    """The series a film belongs to."""

    id: Int
    name: str | None = None
    poster_path: str | None = None
    backdrop_path: str | None = None


class Keyword(Shape):
    """A keyword of a film."""

    id: Int
    name: str | None = None


class Keywords(Shape):
    """The appended `keywords` answer."""

    keywords: list[Keyword] | None = None


class CastMember(Shape):
    """One role in a film."""

    id: Int
    credit_id: str
    name: str | None = None
    original_name: str | None = None
    gender: Int | None = None
    known_for_department: str | None = None
    character: str | None = None
    order: Int | None = None
    cast_id: Int | None = None
    adult: bool | None = None
    popularity: float | None = None
    profile_path: str | None = None


class CrewMember(Shape):
    """One job in a film."""

    id: Int
    credit_id: str
    name: str | None = None
    original_name: str | None = None
    gender: Int | None = None
    known_for_department: str | None = None
    department: str | None = None
    job: str | None = None
    adult: bool | None = None
    popularity: float | None = None
    profile_path: str | None = None


class Credits(Shape):
    """The appended `credits` answer."""

    cast: list[CastMember] | None = None
    crew: list[CrewMember] | None = None


class ExternalIds(Shape):
    """The appended `external_ids` answer."""

    imdb_id: str | None = None
    wikidata_id: str | None = None
    facebook_id: str | None = None
    instagram_id: str | None = None
    twitter_id: str | None = None
    id: Int | None = None


class Release(Shape):
    """One release of a film in one country; `type` 1 premiere, 2 limited, 3 theatrical, 4 digital, 5 physical, 6 TV."""

    type: Int | None = None
    certification: str | None = None
    release_date: str | None = None
    iso_639_1: str | None = None
    note: str | None = None
    descriptors: list[str] | None = None


class CountryReleases(Shape):
    """The releases of a film in one country."""

    iso_3166_1: str
    release_dates: list[Release] | None = None


class ReleaseDates(Shape):
    """The appended `release_dates` answer."""

    results: list[CountryReleases] | None = None


class Movie(Shape):
    """/movie/{id}?append_to_response=credits,keywords,external_ids,release_dates."""

    id: Int
    title: str | None = None
    original_title: str | None = None
    original_language: str | None = None
    overview: str | None = None
    tagline: str | None = None
    status: str | None = None
    release_date: str | None = None
    runtime: Int | None = None
    budget: Int | None = None
    revenue: Int | None = None
    popularity: float | None = None
    vote_average: float | None = None
    vote_count: Int | None = None
    adult: bool | None = None
    video: bool | None = None
    softcore: bool | None = None
    homepage: str | None = None
    imdb_id: str | None = None
    poster_path: str | None = None
    backdrop_path: str | None = None
    belongs_to_collection: Collection | None = None
    origin_country: list[str] | None = None
    genres: list[Genre] | None = None
    production_companies: list[Company] | None = None
    production_countries: list[Country] | None = None
    spoken_languages: list[Language] | None = None
    keywords: Keywords | None = None
    credits: Credits | None = None
    external_ids: ExternalIds | None = None
    release_dates: ReleaseDates | None = None


class ListedMovie(Shape):
    """One row of /discover/movie."""

    id: Int
    title: str | None = None
    original_title: str | None = None
    original_language: str | None = None
    overview: str | None = None
    release_date: str | None = None
    popularity: float | None = None
    vote_average: float | None = None
    vote_count: Int | None = None
    adult: bool | None = None
    video: bool | None = None
    softcore: bool | None = None
    genre_ids: list[Int] | None = None
    poster_path: str | None = None
    backdrop_path: str | None = None


class ExportedMovie(Shape):
    """One line of the daily ID export (developer.themoviedb.org/docs/daily-id-exports)."""

    id: Int
    original_title: str | None = None
    popularity: float | None = None
    adult: bool | None = None
    video: bool | None = None


class ChangedMovie(Shape):
    """One row of /movie/changes; TMDB sometimes lists a null id."""

    id: Int
    adult: bool | None = None
    softcore: bool | None = None


class GenreList(Shape):
    """/genre/movie/list."""

    genres: list[Genre]
