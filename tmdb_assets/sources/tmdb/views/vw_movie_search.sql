-- Everything one searches films by, one wide row per film whose details were observed and that TMDB still has.
-- Lists: the cast in billing order (the lowest `cast_order` of each person, unbilled last, then by person id), all
-- others in alphabetical order. A person stands once however many roles or jobs, namesakes each; any other name stands
-- once. Writers are everybody with a job of the department Writing: screenplay and story, and the author of the novel
-- as well. A country or language without a name stands with its code; any other member without a name is left out.
-- A list is null when nothing of it is known.
--
-- Grain: movie_id
--
-- movie_id               Int64            Film.
-- title                  String?          Title in English, else in the original language.
-- original_title         String?          Title in the original language.
-- original_language      String?          Language code of the original.
-- release_date           Date?            First release; null when unknown.
-- release_year           Int64?           Year of the first release.
-- status                 String?          Production status; null when unknown.
-- runtime_minutes        Int64{>=1}?      Running time in minutes.
-- popularity             Float64{>=0}?    TMDB popularity at the film's last observation.
-- vote_average           Float64{0..10}?  Mean vote; null without votes.
-- vote_count             Int64{>=0}?      Votes so far.
-- budget_usd             Int64{>=1}?      Budget in US dollars.
-- revenue_usd            Int64{>=1}?      Revenue in US dollars.
-- profit_usd             Int64?           Revenue less budget, in US dollars, where both count (see
--                                         vw_movie_financials).
-- roi                    Float64{>=0}?    Return on investment: revenue over budget, a ratio, where both count.
-- has_implausible_money  Boolean          Budget or revenue is hardly true (see dim_movie).
-- genres                 List(String)?    Genres.
-- keywords               List(String)?    Keywords.
-- directors              List(String)?    People with the job Director.
-- writers                List(String)?    People with a job of the department Writing.
-- actors                 List(String)?    The cast, in billing order.
-- companies              List(String)?    Production companies.
-- countries              List(String)?    Production countries.
-- languages              List(String)?    Spoken languages.
-- collection_name        String?          Series the film belongs to; null for a standalone film.
-- overview               String?          Summary.
-- tagline                String?          Tagline.
-- imdb_id                String?          IMDb id.
-- poster_path            String?          Poster, path under TMDB's image server.

-- A list in a given order is a text cut at the unit separator (31), which each name has a blank for if it holds one.
WITH genre AS (
    SELECT
        member.movie_id,
        string_split(string_agg(member.name, chr(31) ORDER BY member.name), chr(31)) AS names
    FROM (
        SELECT DISTINCT
            bridge_movie_genre.movie_id,
            replace(dim_genre.name, chr(31), ' ') AS name
        FROM bridge_movie_genre
        JOIN dim_genre ON dim_genre.genre_id = bridge_movie_genre.genre_id
    ) AS member
    GROUP BY member.movie_id
),
keyword AS (
    SELECT
        member.movie_id,
        string_split(string_agg(member.name, chr(31) ORDER BY member.name), chr(31)) AS names
    FROM (
        SELECT DISTINCT
            bridge_movie_keyword.movie_id,
            replace(dim_keyword.name, chr(31), ' ') AS name
        FROM bridge_movie_keyword
        JOIN dim_keyword ON dim_keyword.keyword_id = bridge_movie_keyword.keyword_id
    ) AS member
    GROUP BY member.movie_id
),
company AS (
    SELECT
        member.movie_id,
        string_split(string_agg(member.name, chr(31) ORDER BY member.name), chr(31)) AS names
    FROM (
        SELECT DISTINCT
            bridge_movie_company.movie_id,
            replace(dim_company.name, chr(31), ' ') AS name
        FROM bridge_movie_company
        JOIN dim_company ON dim_company.company_id = bridge_movie_company.company_id
    ) AS member
    GROUP BY member.movie_id
),
country AS (
    SELECT
        member.movie_id,
        string_split(string_agg(member.name, chr(31) ORDER BY member.name), chr(31)) AS names
    FROM (
        SELECT DISTINCT
            bridge_movie_country.movie_id,
            replace(coalesce(dim_country.name, dim_country.iso_3166_1), chr(31), ' ') AS name
        FROM bridge_movie_country
        JOIN dim_country ON dim_country.iso_3166_1 = bridge_movie_country.iso_3166_1
    ) AS member
    GROUP BY member.movie_id
),
spoken AS (
    SELECT
        member.movie_id,
        string_split(string_agg(member.name, chr(31) ORDER BY member.name), chr(31)) AS names
    FROM (
        SELECT DISTINCT
            bridge_movie_language.movie_id,
            replace(coalesce(dim_language.name, dim_language.iso_639_1), chr(31), ' ') AS name
        FROM bridge_movie_language
        JOIN dim_language ON dim_language.iso_639_1 = bridge_movie_language.iso_639_1
    ) AS member
    GROUP BY member.movie_id
),
crew AS (
    SELECT
        bridge_movie_crew.movie_id,
        bridge_movie_crew.person_id,
        replace(dim_person.name, chr(31), ' ') AS name,
        max(CASE WHEN bridge_movie_crew.job = 'Director' THEN 1 ELSE 0 END) AS directs,
        max(CASE WHEN bridge_movie_crew.department = 'Writing' THEN 1 ELSE 0 END) AS writes
    FROM bridge_movie_crew
    JOIN dim_person ON dim_person.person_id = bridge_movie_crew.person_id
    GROUP BY
        bridge_movie_crew.movie_id,
        bridge_movie_crew.person_id,
        dim_person.name
),
makers AS (
    SELECT
        movie_id,
        string_split(
            string_agg(name, chr(31) ORDER BY name, person_id) FILTER (WHERE directs = 1), chr(31)
        ) AS directors,
        string_split(
            string_agg(name, chr(31) ORDER BY name, person_id) FILTER (WHERE writes = 1), chr(31)
        ) AS writers
    FROM crew
    GROUP BY movie_id
),
billing AS (
    SELECT
        bridge_movie_cast.movie_id,
        bridge_movie_cast.person_id,
        replace(dim_person.name, chr(31), ' ') AS name,
        min(coalesce(bridge_movie_cast.cast_order, 2147483647)) AS place
    FROM bridge_movie_cast
    JOIN dim_person ON dim_person.person_id = bridge_movie_cast.person_id
    GROUP BY
        bridge_movie_cast.movie_id,
        bridge_movie_cast.person_id,
        dim_person.name
),
billed AS (
    SELECT
        movie_id,
        string_split(string_agg(name, chr(31) ORDER BY place, person_id), chr(31)) AS names
    FROM billing
    GROUP BY movie_id
)
SELECT
    dim_movie.movie_id,
    film.title,
    dim_movie.original_title,
    dim_movie.original_language,
    dim_movie.release_date,
    film.release_year,
    film.status,
    dim_movie.runtime_minutes,
    film.popularity,
    film.vote_average,
    film.vote_count,
    film.budget_usd,
    film.revenue_usd,
    film.profit_usd,
    film.roi,
    film.has_implausible_money,
    genre.names AS genres,
    keyword.names AS keywords,
    makers.directors,
    makers.writers,
    billed.names AS actors,
    company.names AS companies,
    country.names AS countries,
    spoken.names AS languages,
    dim_collection.name AS collection_name,
    dim_movie.overview,
    dim_movie.tagline,
    dim_movie.imdb_id,
    dim_movie.poster_path
FROM vw_movie_financials AS film
JOIN dim_movie ON dim_movie.movie_id = film.movie_id
LEFT JOIN genre ON genre.movie_id = dim_movie.movie_id
LEFT JOIN keyword ON keyword.movie_id = dim_movie.movie_id
LEFT JOIN makers ON makers.movie_id = dim_movie.movie_id
LEFT JOIN billed ON billed.movie_id = dim_movie.movie_id
LEFT JOIN company ON company.movie_id = dim_movie.movie_id
LEFT JOIN country ON country.movie_id = dim_movie.movie_id
LEFT JOIN spoken ON spoken.movie_id = dim_movie.movie_id
LEFT JOIN dim_collection ON dim_collection.collection_id = dim_movie.collection_id
