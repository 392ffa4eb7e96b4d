-- Films by the tier of their mean vote: what they cost and earn.
-- A film without votes has no tier and is left out; a tier without films has no row.
--
-- Grain: rating_tier
--
-- rating_tier         String{poor|below average|average|good|very good|excellent}  Tier of the mean vote (see
--                                      vw_movie_latest).
-- tier_order          Int64{1..6}      Order of the tiers: 1 is poor, 6 is excellent.
-- films               Int64{>=1}       Films.
-- {film_figures}

SELECT
    film.rating_tier,
    CASE film.rating_tier
        WHEN 'poor' THEN 1
        WHEN 'below average' THEN 2
        WHEN 'average' THEN 3
        WHEN 'good' THEN 4
        WHEN 'very good' THEN 5
        WHEN 'excellent' THEN 6
    END AS tier_order,
    count(*) AS films,
    {film_figures}
FROM vw_movie_financials AS film
WHERE film.rating_tier IS NOT NULL
GROUP BY film.rating_tier
ORDER BY tier_order
