-- Questions with parameters, for whoever opens the warehouse: macros of DuckDB, in the schema of this source.
-- Run against the warehouse when it is published, after its tables and views. Every macro says what it gives in the
-- comment above it, with examples, which docs/tables.md repeats, and in its COMMENT, which `SELECT function_name,
-- comment FROM duckdb_functions()` shows.
-- Tables and macros are named with their schema: a session that has not chosen it would not find them.

-- Whether a text has a part, whatever the case and the accents: 'Penélope Cruz' has 'penelope'. Null: no.
--   SELECT title FROM tmdb.dim_movie WHERE tmdb.says(title, 'the')
CREATE OR REPLACE MACRO tmdb.says(whole, part) AS
    coalesce(contains(lower(strip_accents(whole)), lower(strip_accents(trim(part)))), false);
COMMENT ON MACRO tmdb.says IS 'Whether a text has a part, whatever the case and the accents.';

-- Whether any text of a list has a part. Null: no.
--   SELECT title, actors FROM tmdb.vw_movie_search WHERE tmdb.any_says(actors, 'jo')
CREATE OR REPLACE MACRO tmdb.any_says(wholes, part) AS
    tmdb.says(array_to_string(wholes, chr(31)), part);
COMMENT ON MACRO tmdb.any_says IS 'Whether any text of a list has a part, whatever the case and the accents.';

-- A list of names, of a list as of a single name.
--   SELECT tmdb.listed('Drama'), tmdb.listed(['Drama', 'War'])
CREATE OR REPLACE MACRO tmdb.listed(names) AS
    CASE WHEN typeof(names) = 'VARCHAR' THEN [CAST(names AS VARCHAR)] ELSE TRY_CAST(names AS VARCHAR[]) END;
COMMENT ON MACRO tmdb.listed IS 'A list of names, of a list as of a single name.';

-- Whether of a list of texts some have the part that is given, or each of several parts. Null: no.
--   SELECT title, actors FROM tmdb.vw_movie_search WHERE tmdb.all_said(actors, ['jo', 'an'])
CREATE OR REPLACE MACRO tmdb.all_said(wholes, parts) AS
    len(list_filter(tmdb.listed(parts), lambda part: NOT tmdb.any_says(wholes, part))) = 0;
COMMENT ON MACRO tmdb.all_said IS
    'Whether of a list of texts some have the part that is given, or each of several parts.';

-- Films of vw_movie_search, one row each, that meet every condition given.
-- A name or a list of names, all of which the film must have, in any case: genres (whole names), actor, director,
-- writer, keyword, company, country, language, collection (whole names or parts of them), text (parts of title,
-- original title, tagline or overview). status: one that TMDB uses, or a list of which the film has one (Released, Post
-- Production, In Production, Planned, Rumored, Canceled). years: [from, to], both included, null for an open end.
-- min_rating: mean vote, 0 to 10. min_votes: votes. min_budget, max_budget, min_revenue: US dollars, both ends
-- included. An empty list is no condition. A film of which the thing asked for is unknown does not match. No order: add
-- ORDER BY.
--   FROM tmdb.search_movies(genres := ['science fiction', 'action'], min_rating := 6) ORDER BY vote_average DESC
--   FROM tmdb.search_movies(director := 'an', actor := ['jo', 'ma'], years := [1990, NULL]) ORDER BY popularity DESC
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
            coalesce(len(tmdb.listed(genres)), 0) = 0
            OR coalesce(list_has_all(
                string_split(lower(array_to_string(film.genres, chr(31))), chr(31)),
                string_split(lower(array_to_string(tmdb.listed(genres), chr(31))), chr(31))
            ), false)
        )
        AND (actor IS NULL OR tmdb.all_said(film.actors, actor))
        AND (director IS NULL OR tmdb.all_said(film.directors, director))
        AND (writer IS NULL OR tmdb.all_said(film.writers, writer))
        AND (keyword IS NULL OR tmdb.all_said(film.keywords, keyword))
        AND (company IS NULL OR tmdb.all_said(film.companies, company))
        AND (country IS NULL OR tmdb.all_said(film.countries, country))
        AND (language IS NULL OR tmdb.all_said(film.languages, language))
        AND (collection IS NULL OR tmdb.all_said([film.collection_name], collection))
        AND (
            text IS NULL
            OR tmdb.all_said([film.title, film.original_title, film.tagline, film.overview], text)
        )
        AND (min_rating IS NULL OR coalesce(film.vote_average >= min_rating, false))
        AND (min_votes IS NULL OR coalesce(film.vote_count >= min_votes, false))
        AND (min_budget IS NULL OR coalesce(film.budget_usd >= min_budget, false))
        AND (max_budget IS NULL OR coalesce(film.budget_usd <= max_budget, false))
        AND (min_revenue IS NULL OR coalesce(film.revenue_usd >= min_revenue, false))
        AND (
            coalesce(len(tmdb.listed(status)), 0) = 0
            OR coalesce(
                list_contains(list_transform(tmdb.listed(status), lambda one: lower(trim(one))), lower(film.status)),
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
    'Films of vw_movie_search that meet every condition given, e.g. genres := [''drama''], actor := ''bruce'', years := [1990, 1999]; a name or a list.';

-- The day that a question is about: the newest observed one when none is given. An error that says which days there are
-- when nothing was observed on that day, or, for `up_to`, up to it.
--   SELECT tmdb.observed_day(), tmdb.observed_day(current_date, up_to := true)
CREATE OR REPLACE MACRO tmdb.observed_day(asked := NULL, up_to := false) AS (
    SELECT
        CASE
            WHEN asked IS NULL AND count(*) > 0 THEN max(seen.date_id)
            WHEN up_to AND min(seen.date_id) <= CAST(asked AS DATE) THEN CAST(asked AS DATE)
            WHEN count(*) FILTER (WHERE seen.date_id = CAST(asked AS DATE)) > 0 THEN CAST(asked AS DATE)
            WHEN count(*) = 0 THEN error('No day of films has been observed yet.')
            ELSE error(
                'No films were observed ' || CASE WHEN up_to THEN 'on or before ' ELSE 'on ' END || CAST(asked AS DATE)
                || ': there are ' || count(*) || ' days, from ' || min(seen.date_id) || ' to ' || max(seen.date_id)
                || coalesce('; the nearest is ' || arg_min(seen.date_id, abs(seen.date_id - CAST(asked AS DATE))), '')
                || ' (FROM tmdb.dim_date lists them).'
            )
        END
    FROM tmdb.dim_date AS seen
    -- the file may hold the newest days of the facts alone
    WHERE seen.date_id >= (SELECT min(fact.date_id) FROM tmdb.fact_movie_daily AS fact)
);
COMMENT ON MACRO tmdb.observed_day IS
    'The day that a question is about: the newest when none is given, an error where there is none.';

-- Each film as last observed on or before a day, by default the newest, one row each: popularity of its last day, votes
-- of its last day with votes (the ID export has none). Titles are those of today. A film seen only later is absent.
-- gone_on: null unless the film was gone by then. An error says which days there are when none is that old.
--   FROM tmdb.movies_as_of(current_date) ORDER BY popularity DESC
CREATE OR REPLACE MACRO tmdb.movies_as_of(day := NULL) AS TABLE
    SELECT
        seen.movie_id,
        coalesce(movie.title, movie.original_title) AS title,
        seen.observed_on,
        seen.popularity,
        seen.votes_on,
        nullif(seen.vote_average, -1) AS vote_average,
        seen.vote_count,
        CASE WHEN movie.gone_on <= tmdb.observed_day(day, up_to := true) THEN movie.gone_on END AS gone_on
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
        WHERE fact.date_id <= tmdb.observed_day(day, up_to := true)
        GROUP BY fact.movie_id
    ) AS seen
    LEFT JOIN tmdb.dim_movie AS movie ON movie.movie_id = seen.movie_id;
COMMENT ON MACRO TABLE tmdb.movies_as_of IS
    'Each film as last observed on or before a day: popularity, votes, and whether it was gone by then.';

-- What was observed on exactly one day, by default the newest, one row per film, with today's titles. An error says
-- which days there are when nothing was observed on that one.
--   FROM tmdb.facts_on() ORDER BY popularity DESC
CREATE OR REPLACE MACRO tmdb.facts_on(day := NULL) AS TABLE
    SELECT
        fact.date_id,
        fact.movie_id,
        coalesce(movie.title, movie.original_title) AS title,
        fact.popularity,
        fact.vote_average,
        fact.vote_count
    FROM tmdb.fact_movie_daily AS fact
    LEFT JOIN tmdb.dim_movie AS movie ON movie.movie_id = fact.movie_id
    WHERE fact.date_id = tmdb.observed_day(day);
COMMENT ON MACRO TABLE tmdb.facts_on IS 'What was observed on exactly one day, one row per film.';

-- Where the figures of a film come from: one row per fact row and day, and one for its details.
-- film: its id, or its title or original title (whole, any case; films that share it all appear).
-- raw_pointer: table, day and key under which the lake keeps what the source said. Votes are said by list pages, or by
-- the details of a film that no page showed; a day without votes was seen by the ID export alone. `python -m
-- tmdb_assets.trace` shows the payload.
--   FROM tmdb.trace_film((SELECT title FROM tmdb.vw_top_movies WHERE position = 1))
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
