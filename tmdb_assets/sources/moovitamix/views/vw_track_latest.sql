-- Tracks in their last known state: one row per track ever listed, those that are gone included (`gone_on` says so).
--
-- Grain: track_id
--
-- track_id          Int64         Track.
-- name              String        Title.
-- artist            String?       Artist.
-- album             String?       Album.
-- duration_seconds  Int64{>=0}?   Length in seconds.
-- genres            String?       Genres, as one text.
-- states            Int64{>=1}    States it was observed in.
-- first_seen_on     Date          First observed day that listed it (UTC).
-- gone_on           Date?         First observed day without it, unless it came back; null while it is listed.

SELECT
    track_id,
    name,
    artist,
    album,
    duration_seconds,
    genres,
    count(*) OVER (PARTITION BY track_id) AS states,
    min(valid_from) OVER (PARTITION BY track_id) AS first_seen_on,
    gone_on
FROM dim_track
QUALIFY row_number() OVER (PARTITION BY track_id ORDER BY valid_from DESC) = 1
