-- Questions with parameters, for whoever opens the warehouse: macros of DuckDB, in the schema of this source.
-- Run against the warehouse when it is published, after its tables and views. Tables and macros are named with their
-- schema: a session that has not chosen it would not find them.

-- The day that a question is about. An error that says which days there are when none was observed up to it: of a day
-- between two observed ones, or after the newest, the state observed last is known; of one before the first, nothing
-- is.
--   SELECT moovitamix.known_day(current_date)
CREATE OR REPLACE MACRO moovitamix.known_day(asked) AS (
    SELECT
        CASE
            WHEN min(seen.date_id) <= CAST(asked AS DATE) THEN CAST(asked AS DATE)
            WHEN count(*) = 0 THEN error('No day of music has been observed yet.')
            WHEN asked IS NULL THEN error('Say which day the question is about, e.g. current_date.')
            ELSE error(
                'No music was observed on or before ' || CAST(asked AS DATE)
                || ': there are ' || count(*) || ' days, from '
                || min(seen.date_id) || ' to ' || max(seen.date_id) || ' (FROM moovitamix.dim_date lists them).'
            )
        END
    FROM moovitamix.dim_date AS seen
);
COMMENT ON MACRO moovitamix.known_day IS 'The day that a question is about, an error when none was observed up to it.';

-- Tracks as they stood on a day, one row each: in the state observed last up to it, without those gone by then.
-- An error says which days there are when none is that old.
--   FROM moovitamix.tracks_on(current_date)
CREATE OR REPLACE MACRO moovitamix.tracks_on(day) AS TABLE
    SELECT track.*
    FROM moovitamix.dim_track AS track
    WHERE
        track.valid_from <= moovitamix.known_day(day)
        AND (track.valid_to IS NULL OR track.valid_to > moovitamix.known_day(day));
COMMENT ON MACRO TABLE moovitamix.tracks_on IS 'Tracks as they stood on a day, one row each.';

-- Users as they stood on a day, one row each, in the state observed last up to it, without personal data.
-- An error says which days there are when none is that old.
--   FROM moovitamix.users_on(current_date)
CREATE OR REPLACE MACRO moovitamix.users_on(day) AS TABLE
    SELECT person.*
    FROM moovitamix.dim_user AS person
    WHERE
        person.valid_from <= moovitamix.known_day(day)
        AND (person.valid_to IS NULL OR person.valid_to > moovitamix.known_day(day));
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
