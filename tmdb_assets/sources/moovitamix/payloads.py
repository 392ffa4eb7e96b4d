"""The JSON of moovitamix, as shapes.

What belongs here: what a row of each list looks like, field by field, and what names it. What does not: what the fields
mean to us (contracts.py), any transform.
"""

from __future__ import annotations

from tmdb_assets.lakehouse.payloads import Id, Shape

#: What stands in place of a forgotten person's row.
FORGOTTEN = '{"forgotten":true}'


class Track(Shape):
    """A row of /tracks."""

    id: Id
    name: str | None = None
    artist: str | None = None
    songwriters: str | None = None
    duration: str | None = None
    genres: str | None = None
    album: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class User(Shape):
    """A row of /users."""

    id: Id
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    gender: str | None = None
    favorite_genres: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class History(Shape):
    """A row of /listen_history: what a user listened to, in order."""

    user_id: Id
    created_at: str
    items: list[Id] | None = None
    updated_at: str | None = None


class Named(Shape):
    """What names a track or a user."""

    id: Id


class NamedHistory(Shape):
    """What names a history row."""

    user_id: Id
    created_at: str
