-- Money per film: one row per film whose details were observed and that TMDB still has.
-- Every derived figure needs both budget and revenue, else it is null: unknown stays unknown.
-- budget_tier needs the budget only.
-- Implausible entries are in, flagged: leave them out with `WHERE NOT has_implausible_money`.
--
-- Grain: movie_id
--
-- movie_id                Int64            Film.
-- title                   String?          Title in English, else in the original language.
-- release_date            Date?            First release; null when unknown.
-- release_year            Int64?           Year of the first release.
-- original_language       String?          Language code of the original.
-- collection_id           Int64?           Series the film belongs to; null for a standalone film.
-- runtime_minutes         Int64{>=1}?      Running time in minutes.
-- budget_usd              Int64{>=1}?      Budget in US dollars.
-- revenue_usd             Int64{>=1}?      Revenue in US dollars.
-- has_money               Boolean          Whether both budget and revenue are known.
-- profit_usd              Int64?           Revenue less budget, in US dollars.
-- roi                     Float64{>=0}?    Return on investment: revenue over budget, a ratio (1 is break-even).
-- revenue_per_minute_usd  Float64{>=0}?    Revenue over running time, in US dollars a minute; needs the budget as well.
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
        dim_movie.collection_id,
        dim_movie.runtime_minutes,
        dim_movie.budget_usd,
        dim_movie.revenue_usd,
        dim_movie.budget_usd IS NOT NULL AND dim_movie.revenue_usd IS NOT NULL AS has_money,
        dim_movie.has_implausible_money,
        latest.popularity,
        latest.vote_average,
        latest.vote_count,
        latest.rating_tier
    FROM dim_movie
    LEFT JOIN vw_movie_latest AS latest ON latest.movie_id = dim_movie.movie_id
    WHERE dim_movie.observed_on IS NOT NULL AND dim_movie.gone_on IS NULL
)
SELECT
    movie_id,
    title,
    release_date,
    release_year,
    original_language,
    collection_id,
    runtime_minutes,
    budget_usd,
    revenue_usd,
    has_money,
    revenue_usd - budget_usd AS profit_usd,
    revenue_usd / CAST(budget_usd AS DOUBLE) AS roi,
    CASE WHEN has_money THEN revenue_usd / CAST(runtime_minutes AS DOUBLE) END AS revenue_per_minute_usd,
    CASE
        WHEN budget_usd < 1000000 THEN 'micro'
        WHEN budget_usd < 10000000 THEN 'low'
        WHEN budget_usd < 50000000 THEN 'medium'
        WHEN budget_usd < 100000000 THEN 'high'
        WHEN budget_usd >= 100000000 THEN 'blockbuster'
    END AS budget_tier,
    has_implausible_money,
    popularity,
    vote_average,
    vote_count,
    rating_tier
FROM film
