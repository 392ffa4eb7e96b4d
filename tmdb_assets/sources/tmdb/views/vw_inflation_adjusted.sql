-- Money per film in constant dollars: what budget and revenue of the year of release are worth in the newest year that
-- the consumer price series (dim_cpi) has. All of a film's money is taken to be of that year, though a budget is spent
-- before and a revenue earned also after it. Money counts, and is flagged, as vw_movie_financials says.
-- Films whose year of release the series has; a film of a later or an earlier year, or without a date, has no row.
--
-- Grain: movie_id
--
-- movie_id               Int64        Film.
-- title                  String?      Title in English, else in the original language.
-- release_year           Int64        Year of the first release, whose dollars the nominal figures are in.
-- constant_year          Int64        Year whose dollars the real figures are in: the newest of the series.
-- inflation_factor       Float64      Dollars of the constant year that buy what one of the year of release did: the
--                                     ratio of the two years' annual average CPI-U.
-- has_budget             Boolean      Whether the budget counts: it is known and the film released.
-- has_revenue            Boolean      Whether the revenue counts: it is known and the film released.
-- has_money              Boolean      Whether both count.
-- has_implausible_money  Boolean      Budget or revenue is hardly true (see dim_movie).
-- budget_usd             Int64{>=1}?  Budget in US dollars of the year of release.
-- revenue_usd            Int64{>=1}?  Revenue in US dollars of the year of release.
-- profit_usd             Int64?       Revenue less budget, in US dollars of the year of release, where both count.
-- real_budget_usd        Int64{>=0}?  Budget in whole US dollars of the constant year.
-- real_revenue_usd       Int64{>=0}?  Revenue in whole US dollars of the constant year.
-- real_profit_usd        Int64?       Real revenue less real budget, in US dollars of the constant year, where both
--                                     count.
-- revenue_rank           Int64{>=1}?  1 earned most in real dollars, among films whose revenue counts and whose money
--                                     is not implausible; equals share the better rank.

WITH newest AS (
    SELECT
        max(year) AS year,
        arg_max(cpi_u, year) AS cpi_u
    FROM dim_cpi
),
film AS (
    SELECT
        vw_movie_financials.movie_id,
        vw_movie_financials.title,
        vw_movie_financials.release_year,
        newest.year AS constant_year,
        newest.cpi_u / dim_cpi.cpi_u AS inflation_factor,
        vw_movie_financials.has_budget,
        vw_movie_financials.has_revenue,
        vw_movie_financials.has_money,
        vw_movie_financials.has_implausible_money,
        vw_movie_financials.has_revenue AND NOT vw_movie_financials.has_implausible_money AS is_ranked,
        vw_movie_financials.budget_usd,
        vw_movie_financials.revenue_usd,
        vw_movie_financials.profit_usd,
        CAST(round(vw_movie_financials.budget_usd * (newest.cpi_u / dim_cpi.cpi_u)) AS BIGINT) AS real_budget_usd,
        CAST(round(vw_movie_financials.revenue_usd * (newest.cpi_u / dim_cpi.cpi_u)) AS BIGINT) AS real_revenue_usd
    FROM vw_movie_financials
    JOIN dim_cpi ON dim_cpi.year = vw_movie_financials.release_year
    CROSS JOIN newest
)
SELECT
    movie_id,
    title,
    release_year,
    constant_year,
    inflation_factor,
    has_budget,
    has_revenue,
    has_money,
    has_implausible_money,
    budget_usd,
    revenue_usd,
    profit_usd,
    real_budget_usd,
    real_revenue_usd,
    CASE WHEN has_money THEN real_revenue_usd - real_budget_usd END AS real_profit_usd,
    CASE WHEN is_ranked THEN rank() OVER (PARTITION BY is_ranked ORDER BY real_revenue_usd DESC) END AS revenue_rank
FROM film
ORDER BY movie_id
