-- The 200 most popular films of the newest day, with their rating and votes. Films that are gone do not count.
--
-- Grain: position
--
-- position      Int64{1..200}    1 is the most popular; between equals the lower film id comes first.
-- movie_id      Int64            Film.
-- title         String?          Title in English, else in the original language.
-- release_date  Date?            First release; null when unknown.
-- popularity    Float64{>=0}     TMDB popularity on the newest day.
-- vote_average  Float64{0..10}?  Mean vote; null without votes.
-- vote_count    Int64{>=0}?      Votes so far; null when only the export has seen the film.
-- observed_on   Date             The newest day (UTC).

SELECT
    row_number() OVER (ORDER BY popularity DESC, movie_id) AS position,
    movie_id,
    title,
    release_date,
    popularity,
    vote_average,
    vote_count,
    observed_on
FROM vw_movie_latest
WHERE is_current AND gone_on IS NULL
QUALIFY position <= 200
ORDER BY position
