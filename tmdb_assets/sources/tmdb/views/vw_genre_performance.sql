-- Genres: money, rating and popularity of the films that carry them. A film with two genres counts in both, so totals
-- over genres exceed those of all films. A genre that no film carries has no row.
--
-- Grain: genre_id
--
-- genre_id            Int64            Genre.
-- name                String?          Name of the genre in English.
-- films               Int64{>=1}       Films that carry the genre.
-- films_with_money    Int64{>=0}       Of these, films with budget and revenue known: money figures rest on them.
-- films_with_votes    Int64{>=0}       Of these, films with votes: the mean rating rests on them.
-- total_budget_usd    Int64{>=0}?      Sum of budgets, in US dollars; null without films with money.
-- mean_budget_usd     Float64{>=0}?    Mean budget, in US dollars.
-- median_budget_usd   Float64{>=0}?    Median budget, in US dollars (between two middle films their mean).
-- total_revenue_usd   Int64{>=0}?      Sum of revenues, in US dollars.
-- mean_revenue_usd    Float64{>=0}?    Mean revenue, in US dollars.
-- median_revenue_usd  Float64{>=0}?    Median revenue, in US dollars.
-- total_profit_usd    Int64?           Sum of profits (revenue less budget), in US dollars.
-- mean_profit_usd     Float64?         Mean profit, in US dollars.
-- median_profit_usd   Float64?         Median profit, in US dollars.
-- median_roi          Float64{>=0}?    Median return on investment (revenue over budget), a ratio.
-- mean_rating         Float64{0..10}?  Mean of the films' mean votes, each film once; null without films with votes.
-- mean_popularity     Float64{>=0}?    Mean TMDB popularity at the last observation of each film that has one.

WITH genre AS (
    SELECT
        bridge_movie_genre.genre_id,
        count(*) AS films,
        count(*) FILTER (WHERE film.has_money) AS films_with_money,
        count(film.vote_average) AS films_with_votes,
        CAST(sum(film.budget_usd) FILTER (WHERE film.has_money) AS BIGINT) AS total_budget_usd,
        avg(film.budget_usd) FILTER (WHERE film.has_money) AS mean_budget_usd,
        median(film.budget_usd) FILTER (WHERE film.has_money) AS median_budget_usd,
        CAST(sum(film.revenue_usd) FILTER (WHERE film.has_money) AS BIGINT) AS total_revenue_usd,
        avg(film.revenue_usd) FILTER (WHERE film.has_money) AS mean_revenue_usd,
        median(film.revenue_usd) FILTER (WHERE film.has_money) AS median_revenue_usd,
        CAST(sum(film.profit_usd) AS BIGINT) AS total_profit_usd,
        avg(film.profit_usd) AS mean_profit_usd,
        median(film.profit_usd) AS median_profit_usd,
        median(film.roi) AS median_roi,
        avg(film.vote_average) AS mean_rating,
        avg(film.popularity) AS mean_popularity
    FROM bridge_movie_genre
    JOIN vw_movie_financials AS film ON film.movie_id = bridge_movie_genre.movie_id
    GROUP BY bridge_movie_genre.genre_id
)
SELECT
    genre.genre_id,
    dim_genre.name,
    genre.films,
    genre.films_with_money,
    genre.films_with_votes,
    genre.total_budget_usd,
    genre.mean_budget_usd,
    genre.median_budget_usd,
    genre.total_revenue_usd,
    genre.mean_revenue_usd,
    genre.median_revenue_usd,
    genre.total_profit_usd,
    genre.mean_profit_usd,
    genre.median_profit_usd,
    genre.median_roi,
    genre.mean_rating,
    genre.mean_popularity
FROM genre
JOIN dim_genre ON dim_genre.genre_id = genre.genre_id
ORDER BY genre.genre_id
