-- Questions with parameters, for whoever opens the warehouse: macros of DuckDB, in the schema of this source.
-- Run against the warehouse when it is published, after its tables and views. Tables and macros are named with their
-- schema: a session that has not chosen it would not find them.

-- Tracks as they stood on a day, one row each: in the state observed last up to it, without those gone by then.
--   FROM moovitamix.tracks_on(current_date)
CREATE OR REPLACE MACRO moovitamix.tracks_on(day) AS TABLE
    SELECT track.*
    FROM moovitamix.dim_track AS track
    WHERE track.valid_from <= CAST(day AS DATE) AND (track.valid_to IS NULL OR track.valid_to > CAST(day AS DATE));
COMMENT ON MACRO TABLE moovitamix.tracks_on IS 'Tracks as they stood on a day, one row each.';

-- Users as they stood on a day, one row each, without personal data.
--   FROM moovitamix.users_on(current_date)
CREATE OR REPLACE MACRO moovitamix.users_on(day) AS TABLE
    SELECT person.*
    FROM moovitamix.dim_user AS person
    WHERE person.valid_from <= CAST(day AS DATE) AND (person.valid_to IS NULL OR person.valid_to > CAST(day AS DATE));
COMMENT ON MACRO TABLE moovitamix.users_on IS 'Users as they stood on a day, one row each, without personal data.';

-- Tracks that go well with one, best first: what others listened to together with it.
--   FROM moovitamix.recommend((SELECT min(track_id) FROM moovitamix.vw_tracks_together))
CREATE OR REPLACE MACRO moovitamix.recommend(track) AS TABLE
    SELECT
        pair.position,
        pair.other_track_id AS track_id,
        pair.other_name AS name,
        pair.users_together,
        pair.closeness
    FROM moovitamix.vw_tracks_together AS pair
    WHERE pair.track_id = track
    ORDER BY pair.position;
COMMENT ON MACRO TABLE moovitamix.recommend IS 'Tracks that go well with one, best first.';
