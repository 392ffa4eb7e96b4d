-- Money per film: one row per film whose details were observed and that TMDB still has.
-- Money counts once the film is released: until then budget and revenue stand here as TMDB has them, and no sum,
-- ranking or derived figure of any view takes them in. Profit, roi and revenue per minute need both, else they are
-- null: unknown stays unknown. budget_tier needs the budget only, whether it counts or not.
-- Implausible entries are in, flagged. No ranking by money takes them in; leave them out of anything else with
-- `WHERE NOT has_implausible_money`.
--
-- Grain: movie_id
--
-- movie_id                Int64            Film.
-- title                   String?          Title in English, else in the original language.
-- release_date            Date?            First release; null when unknown.
-- release_year            Int64?           Year of the first release.
-- original_language       String?          Language code of the original.
-- status                  String?          Production status; null when unknown.
-- is_released             Boolean          Whether its status is Released; with an unknown status, whether its first
--                                          release was past on the day its details were observed.
-- collection_id           Int64?           Series the film belongs to; null for a standalone film.
-- runtime_minutes         Int64{>=1}?      Running time in minutes.
-- budget_usd              Int64{>=1}?      Budget in US dollars.
-- revenue_usd             Int64{>=1}?      Revenue in US dollars.
-- has_budget              Boolean          Whether the budget counts: it is known and the film released.
-- has_revenue             Boolean          Whether the revenue counts: it is known and the film released.
-- has_money               Boolean          Whether both count.
-- profit_usd              Int64?           Revenue less budget, in US dollars, where both count.
-- roi                     Float64{>=0}?    Return on investment: revenue over budget, a ratio (1 is break-even), where
--                                          both count.
-- revenue_per_minute_usd  Float64{>=0}?    Revenue over running time, in US dollars a minute, where both count.
-- budget_tier             String{micro|low|medium|high|blockbuster}?  Under 1 million dollars micro, under 10 low,
--                                          under 50 medium, under 100 high, else blockbuster; null budget has none.
-- has_implausible_money   Boolean          Budget or revenue is hardly true (see dim_movie).
-- popularity              Float64{>=0}?    TMDB popularity at the film's last observation.
-- vote_average            Float64{0..10}?  Mean vote; null without votes.
-- vote_count              Int64{>=0}?      Votes so far.
-- rating_tier             String?          Tier of the mean vote (see vw_movie_latest).

WITH film AS (
    SELECT
        dim_movie.movie_id,
        coalesce(dim_movie.title, dim_movie.original_title) AS title,
        dim_movie.release_date,
        year(dim_movie.release_date) AS release_year,
        dim_movie.original_language,
        dim_movie.status,
        CASE
            WHEN dim_movie.status IS NULL THEN coalesce(dim_movie.release_date <= dim_movie.observed_on, FALSE)
            ELSE dim_movie.status = 'Released'
        END AS is_released,
        dim_movie.collection_id,
        dim_movie.runtime_minutes,
        dim_movie.budget_usd,
        dim_movie.revenue_usd,
        dim_movie.has_implausible_money,
        latest.popularity,
        latest.vote_average,
        latest.vote_count,
        latest.rating_tier
    FROM dim_movie
    LEFT JOIN vw_movie_latest AS latest ON latest.movie_id = dim_movie.movie_id
    WHERE dim_movie.observed_on IS NOT NULL AND dim_movie.gone_on IS NULL
)
-- columns are named with their table: a macro that reads this has a parameter `status`, which would be taken for one
SELECT
    film.movie_id,
    film.title,
    film.release_date,
    film.release_year,
    film.original_language,
    film.status,
    film.is_released,
    film.collection_id,
    film.runtime_minutes,
    film.budget_usd,
    film.revenue_usd,
    film.is_released AND film.budget_usd IS NOT NULL AS has_budget,
    film.is_released AND film.revenue_usd IS NOT NULL AS has_revenue,
    film.is_released AND film.budget_usd IS NOT NULL AND film.revenue_usd IS NOT NULL AS has_money,
    CASE WHEN film.is_released THEN film.revenue_usd - film.budget_usd END AS profit_usd,
    CASE WHEN film.is_released THEN film.revenue_usd / CAST(film.budget_usd AS DOUBLE) END AS roi,
    CASE
        WHEN film.is_released AND film.budget_usd IS NOT NULL
            THEN film.revenue_usd / CAST(film.runtime_minutes AS DOUBLE)
    END AS revenue_per_minute_usd,
    CASE
        WHEN film.budget_usd < 1000000 THEN 'micro'
        WHEN film.budget_usd < 10000000 THEN 'low'
        WHEN film.budget_usd < 50000000 THEN 'medium'
        WHEN film.budget_usd < 100000000 THEN 'high'
        WHEN film.budget_usd >= 100000000 THEN 'blockbuster'
    END AS budget_tier,
    film.has_implausible_money,
    film.popularity,
    film.vote_average,
    film.vote_count,
    film.rating_tier
FROM film
