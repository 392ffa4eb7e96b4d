-- Questions with parameters, for whoever opens the warehouse: macros of DuckDB, in the schema of this source.
-- Run against the warehouse when it is published, after its tables and views. Every macro says what it gives in the
-- comment above it and in its COMMENT, which `SELECT function_name, comment FROM duckdb_functions()` shows.
-- Tables and macros are named with their schema: a session that has not chosen it would not find them.

-- Whether a text has a part, whatever the case and the accents: 'Penélope Cruz' has 'penelope'. Null: no.
CREATE OR REPLACE MACRO tmdb.says(whole, part) AS
    coalesce(contains(lower(strip_accents(whole)), lower(strip_accents(trim(part)))), false);
COMMENT ON MACRO tmdb.says IS 'Whether a text has a part, whatever the case and the accents.';

-- Whether any text of a list has a part. Null: no.
CREATE OR REPLACE MACRO tmdb.any_says(wholes, part) AS
    tmdb.says(array_to_string(wholes, chr(31)), part);
COMMENT ON MACRO tmdb.any_says IS 'Whether any text of a list has a part, whatever the case and the accents.';

-- Films of vw_movie_search, one row each, that meet every condition given.
-- genres: a list, all of which the film must have (whole names, any case). actor, director, writer, keyword, company,
-- country, language, collection: the whole name or part of it, any case. text: part of title, original title, tagline or
-- overview. years: [from, to], both included, null for an open end. min_rating: mean vote, 0 to 10. min_votes: votes.
-- min_budget, max_budget, min_revenue: US dollars, both ends included. status: one word that TMDB uses, or a list of them, any case
-- (Released, Post Production, In Production, Planned, Rumored, Canceled).
-- An empty list is no condition. A film of which the thing asked for is unknown does not match. No order: add ORDER BY.
--   FROM tmdb.search_movies(genres := ['science fiction', 'action'], actor := 'bruce willis') ORDER BY vote_average DESC
CREATE OR REPLACE MACRO tmdb.search_movies(
    genres := NULL,
    actor := NULL,
    director := NULL,
    min_rating := NULL,
    years := NULL,
    writer := NULL,
    keyword := NULL,
    company := NULL,
    country := NULL,
    language := NULL,
    collection := NULL,
    text := NULL,
    min_votes := NULL,
    min_budget := NULL,
    max_budget := NULL,
    min_revenue := NULL,
    status := NULL
) AS TABLE
    SELECT film.*
    FROM tmdb.vw_movie_search AS film
    WHERE
        (
            coalesce(len(CAST(genres AS VARCHAR[])), 0) = 0
            OR coalesce(list_has_all(
                string_split(lower(array_to_string(film.genres, chr(31))), chr(31)),
                string_split(lower(array_to_string(CAST(genres AS VARCHAR[]), chr(31))), chr(31))
            ), false)
        )
        AND (actor IS NULL OR tmdb.any_says(film.actors, actor))
        AND (director IS NULL OR tmdb.any_says(film.directors, director))
        AND (writer IS NULL OR tmdb.any_says(film.writers, writer))
        AND (keyword IS NULL OR tmdb.any_says(film.keywords, keyword))
        AND (company IS NULL OR tmdb.any_says(film.companies, company))
        AND (country IS NULL OR tmdb.any_says(film.countries, country))
        AND (language IS NULL OR tmdb.any_says(film.languages, language))
        AND (collection IS NULL OR tmdb.says(film.collection_name, collection))
        AND (
            text IS NULL
            OR tmdb.says(film.title, text)
            OR tmdb.says(film.original_title, text)
            OR tmdb.says(film.tagline, text)
            OR tmdb.says(film.overview, text)
        )
        AND (min_rating IS NULL OR coalesce(film.vote_average >= min_rating, false))
        AND (min_votes IS NULL OR coalesce(film.vote_count >= min_votes, false))
        AND (min_budget IS NULL OR coalesce(film.budget_usd >= min_budget, false))
        AND (max_budget IS NULL OR coalesce(film.budget_usd <= max_budget, false))
        AND (min_revenue IS NULL OR coalesce(film.revenue_usd >= min_revenue, false))
        AND (
            status IS NULL
            OR CAST(status AS VARCHAR) = '[]'
            OR coalesce(
                -- one status or a list of them: as text, a list stands in brackets
                list_contains(
                    string_split(lower(trim(trim(CAST(status AS VARCHAR)), '[]')), ', '), lower(film.status)
                ),
                false
            )
        )
        AND (
            coalesce(len(CAST(years AS INTEGER[])), 0) = 0
            OR coalesce(
                film.release_year BETWEEN coalesce(CAST(years AS INTEGER[])[1], 0)
                AND coalesce(CAST(years AS INTEGER[])[2], 9999),
                false
            )
        );
COMMENT ON MACRO TABLE tmdb.search_movies IS
    'Films of vw_movie_search that meet every condition given, e.g. genres := [''drama''], actor := ''bruce'', years := [1990, 1999].';

-- Each film as last observed on or before a day, one row each: popularity of its last day, votes of its last day with
-- votes (the ID export has none). Titles are those of today. A film seen only later is absent. gone_on: null unless the
-- film was gone by then.
--   FROM tmdb.movies_as_of('2026-03-01') ORDER BY popularity DESC
CREATE OR REPLACE MACRO tmdb.movies_as_of(day) AS TABLE
    SELECT
        seen.movie_id,
        coalesce(movie.title, movie.original_title) AS title,
        seen.observed_on,
        seen.popularity,
        seen.votes_on,
        nullif(seen.vote_average, -1) AS vote_average,
        seen.vote_count,
        CASE WHEN movie.gone_on <= CAST(day AS DATE) THEN movie.gone_on END AS gone_on
    FROM (
        SELECT
            fact.movie_id,
            max(fact.date_id) AS observed_on,
            arg_max(fact.popularity, fact.date_id) AS popularity,
            max(fact.date_id) FILTER (WHERE fact.vote_count IS NOT NULL) AS votes_on,
            -- arg_max skips nulls: a mean vote would outlive the votes themselves
            arg_max(coalesce(fact.vote_average, -1), fact.date_id)
                FILTER (WHERE fact.vote_count IS NOT NULL) AS vote_average,
            arg_max(fact.vote_count, fact.date_id) FILTER (WHERE fact.vote_count IS NOT NULL) AS vote_count
        FROM tmdb.fact_movie_daily AS fact
        WHERE fact.date_id <= CAST(day AS DATE)
        GROUP BY fact.movie_id
    ) AS seen
    LEFT JOIN tmdb.dim_movie AS movie ON movie.movie_id = seen.movie_id;
COMMENT ON MACRO TABLE tmdb.movies_as_of IS
    'Each film as last observed on or before a day: popularity, votes, and whether it was gone by then.';

-- What was observed on exactly one day, one row per film, with today''s titles. Empty for a day without observations.
--   FROM tmdb.facts_on('2026-03-01') ORDER BY popularity DESC
CREATE OR REPLACE MACRO tmdb.facts_on(day) AS TABLE
    SELECT
        fact.date_id,
        fact.movie_id,
        coalesce(movie.title, movie.original_title) AS title,
        fact.popularity,
        fact.vote_average,
        fact.vote_count
    FROM tmdb.fact_movie_daily AS fact
    LEFT JOIN tmdb.dim_movie AS movie ON movie.movie_id = fact.movie_id
    WHERE fact.date_id = CAST(day AS DATE);
COMMENT ON MACRO TABLE tmdb.facts_on IS 'What was observed on exactly one day, one row per film.';

-- Where the figures of a film come from: one row per fact row and day, and one for its details.
-- film: its id, or its title or original title (whole, any case; films that share it all appear).
-- raw_pointer: table, day and key under which the lake keeps what the source said. Votes are said by list pages, or by the
-- details of a film that no page showed; a day without votes was seen by the ID export alone. `python -m tmdb_assets.trace`
-- shows the payload.
--   FROM tmdb.trace_film('The Matrix')
CREATE OR REPLACE MACRO tmdb.trace_film(film) AS TABLE
    SELECT
        movie.movie_id,
        coalesce(movie.title, movie.original_title) AS title,
        said.table_name,
        said.date_id,
        said.popularity,
        said.vote_average,
        said.vote_count,
        said.raw_pointer
    FROM (
        SELECT
            fact.movie_id,
            'fact_movie_daily' AS table_name,
            fact.date_id,
            fact.popularity,
            fact.vote_average,
            fact.vote_count,
            CASE
                WHEN fact.vote_count IS NULL
                    THEN 'tmdb/raw/movie_ids date_id=' || fact.date_id || ' movie_id=' || fact.movie_id
                ELSE 'tmdb/raw/discover_pages date_id=' || fact.date_id
                    || ', else tmdb/raw/movie_details date_id=' || fact.date_id || ' movie_id=' || fact.movie_id
            END AS raw_pointer
        FROM tmdb.fact_movie_daily AS fact
        UNION ALL
        SELECT
            detailed.movie_id,
            'dim_movie',
            detailed.observed_on,
            NULL,
            NULL,
            NULL,
            'tmdb/raw/movie_details date_id=' || detailed.observed_on || ' movie_id=' || detailed.movie_id
        FROM tmdb.dim_movie AS detailed
        WHERE detailed.observed_on IS NOT NULL
    ) AS said
    JOIN tmdb.dim_movie AS movie ON movie.movie_id = said.movie_id
    WHERE
        CASE
            WHEN typeof(film) = 'VARCHAR'
                THEN lower(CAST(film AS VARCHAR)) IN (lower(movie.title), lower(movie.original_title))
            ELSE movie.movie_id = TRY_CAST(film AS BIGINT)
        END
    ORDER BY
        movie.movie_id,
        said.table_name,
        said.date_id DESC;
COMMENT ON MACRO TABLE tmdb.trace_film IS
    'The fact rows of a film (id or title), their days, and where the lake keeps what the source said.';
