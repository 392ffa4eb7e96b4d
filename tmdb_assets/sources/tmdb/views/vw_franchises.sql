-- Film series (TMDB's collections): how many films, what they earned, how they are liked, and the best of them.
-- Only films whose details were observed count, announced ones included.
--
-- Grain: collection_id
--
-- collection_id             Int64            Series.
-- name                      String?          Name of the series.
-- films                     Int64{>=1}       Films.
-- first_year                Int64?           Year of the earliest release among them; null when no release is known.
-- last_year                 Int64?           Year of the latest release, announced ones included.
-- {film_figures}
-- best_earning_movie_id     Int64?           The film with the highest revenue, those with implausible money left out;
--                                            between equals the lower id.
-- best_earning_title        String?          Its title.
-- best_earning_revenue_usd  Int64{>=0}?      Its revenue, in US dollars.
-- best_rated_movie_id       Int64?           The film with the highest mean vote among those with at least 10 votes;
--                                            between equals the lower id.
-- best_rated_title          String?          Its title.
-- best_rated_vote_average   Float64{0..10}?  Its mean vote.

WITH film AS (
    SELECT
        collection_id,
        movie_id,
        title,
        release_year,
        has_budget,
        has_revenue,
        has_money,
        has_implausible_money,
        budget_usd,
        revenue_usd,
        profit_usd,
        roi,
        vote_average,
        vote_count,
        popularity,
        has_revenue AND NOT has_implausible_money AS is_ranked,
        -- one place per film, so that a tie has one winner
        row_number() OVER (
            PARTITION BY collection_id, has_revenue AND NOT has_implausible_money
            ORDER BY revenue_usd DESC, movie_id
        ) AS earning_place,
        row_number() OVER (
            PARTITION BY collection_id
            ORDER BY CASE WHEN vote_count >= 10 THEN vote_average END DESC NULLS LAST, movie_id
        ) AS rating_place
    FROM vw_movie_financials
    WHERE collection_id IS NOT NULL
)
SELECT
    dim_collection.collection_id,
    dim_collection.name,
    count(*) AS films,
    min(film.release_year) AS first_year,
    max(film.release_year) AS last_year,
    {film_figures},
    max(film.movie_id) FILTER (WHERE film.is_ranked AND film.earning_place = 1) AS best_earning_movie_id,
    max(film.title) FILTER (WHERE film.is_ranked AND film.earning_place = 1) AS best_earning_title,
    max(film.revenue_usd) FILTER (WHERE film.is_ranked AND film.earning_place = 1) AS best_earning_revenue_usd,
    max(film.movie_id) FILTER (WHERE film.rating_place = 1 AND film.vote_count >= 10) AS best_rated_movie_id,
    max(film.title) FILTER (WHERE film.rating_place = 1 AND film.vote_count >= 10) AS best_rated_title,
    max(film.vote_average) FILTER (WHERE film.rating_place = 1 AND film.vote_count >= 10) AS best_rated_vote_average
FROM film
JOIN dim_collection ON dim_collection.collection_id = film.collection_id
GROUP BY
    dim_collection.collection_id,
    dim_collection.name
ORDER BY dim_collection.collection_id
