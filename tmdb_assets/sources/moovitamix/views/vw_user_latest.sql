-- Users in their last known state, without personal data: one row per user ever listed, those that are gone included.
--
-- Grain: user_id
--
-- user_id          Int64        User.
-- gender           String?      Gender as stated.
-- favorite_genres  String?      Favourite genres, as one text.
-- states           Int64{>=1}   States the user was observed in.
-- first_seen_on    Date         First observed day that listed the user (UTC).
-- gone_on          Date?        First observed day without the user, unless they came back; null while they are listed.

SELECT
    user_id,
    gender,
    favorite_genres,
    count(*) OVER (PARTITION BY user_id) AS states,
    min(valid_from) OVER (PARTITION BY user_id) AS first_seen_on,
    gone_on
FROM dim_user
QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY valid_from DESC) = 1
