-- Ids that history rows name and the source never listed: one row per id. Listed at some time and gone since is no
-- orphan.
--
-- Grain: kind, orphan_id
-- Kind: whole
--
-- kind               String{track|user}  Whether the id is of a track or of a user.
-- orphan_id          Int64               The id.
-- listens            Int64{>=1}          Listens that name it.
-- first_listened_on  Date                Day of the first of them (UTC).
-- last_listened_on   Date                Day of the last of them (UTC).

SELECT
    'track' AS kind,
    fact_listen.track_id AS orphan_id,
    count(*) AS listens,
    min(fact_listen.listened_on) AS first_listened_on,
    max(fact_listen.listened_on) AS last_listened_on
FROM fact_listen
LEFT JOIN vw_track_latest AS track ON track.track_id = fact_listen.track_id
WHERE fact_listen.gone_on IS NULL AND track.track_id IS NULL
GROUP BY fact_listen.track_id
UNION ALL
SELECT
    'user' AS kind,
    fact_listen.user_id AS orphan_id,
    count(*) AS listens,
    min(fact_listen.listened_on) AS first_listened_on,
    max(fact_listen.listened_on) AS last_listened_on
FROM fact_listen
LEFT JOIN vw_user_latest AS person ON person.user_id = fact_listen.user_id
WHERE fact_listen.gone_on IS NULL AND person.user_id IS NULL
GROUP BY fact_listen.user_id
