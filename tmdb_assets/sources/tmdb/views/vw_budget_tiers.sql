-- Films by the tier of their budget: what they earn and how they are liked.
-- A film whose budget is unknown has no tier and is left out; a tier without films has no row.
--
-- Grain: budget_tier
--
-- budget_tier         String{micro|low|medium|high|blockbuster}  Tier of the budget (see vw_movie_financials).
-- tier_order          Int64{1..5}      Order of the tiers: 1 is micro, 5 is blockbuster.
-- films               Int64{>=1}       Films.
-- {film_figures}

SELECT
    film.budget_tier,
    CASE film.budget_tier
        WHEN 'micro' THEN 1
        WHEN 'low' THEN 2
        WHEN 'medium' THEN 3
        WHEN 'high' THEN 4
        WHEN 'blockbuster' THEN 5
    END AS tier_order,
    count(*) AS films,
    {film_figures}
FROM vw_movie_financials AS film
WHERE film.budget_tier IS NOT NULL
GROUP BY film.budget_tier
ORDER BY tier_order
