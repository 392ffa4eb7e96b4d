-- A rating that does not reward few votes: each film's mean vote, drawn towards that of all films the more, the fewer
-- votes it has. It is the mean vote the film would have with `prior_votes` more votes of `prior_mean` each (a Bayesian
-- average): (prior_votes * prior_mean + vote_count * vote_average) / (prior_votes + vote_count).
-- prior_mean: mean of the films' mean votes, each film once: the most voted, mostly better liked, do not set it alone.
-- prior_votes: the upper quartile of the vote counts (the smallest count that three quarters of the films do not
-- exceed), but at least 50, so that in a catalogue of little-voted films three votes are not trusted either.
-- Films with at least one observed vote; films that are gone do not count.
--
-- Grain: movie_id
--
-- movie_id         Int64           Film.
-- title            String?         Title in English, else in the original language.
-- vote_average     Float64{0..10}  Mean vote.
-- vote_count       Int64{>=1}      Votes so far.
-- prior_mean       Float64{0..10}  What a film without votes is taken to deserve; the same in every row.
-- prior_votes      Int64{>=50}     How many votes that prior weighs; the same in every row.
-- weighted_rating  Float64{0..10}  The rating.
-- position         Int64{>=1}      1 has the highest rating; between equals the lower film id comes first.

WITH rated AS (
    SELECT
        movie_id,
        title,
        vote_average,
        vote_count,
        cume_dist() OVER (ORDER BY vote_count) AS share
    FROM vw_movie_latest
    WHERE gone_on IS NULL AND vote_average IS NOT NULL AND vote_count >= 1
),
prior AS (
    SELECT
        avg(vote_average) AS prior_mean,
        greatest(50, min(vote_count) FILTER (WHERE share >= 0.75)) AS prior_votes
    FROM rated
),
weighted AS (
    SELECT
        rated.movie_id,
        rated.title,
        rated.vote_average,
        rated.vote_count,
        prior.prior_mean,
        prior.prior_votes,
        (prior.prior_votes * prior.prior_mean + rated.vote_count * rated.vote_average)
        / (prior.prior_votes + rated.vote_count) AS weighted_rating
    FROM rated
    CROSS JOIN prior
)
SELECT
    movie_id,
    title,
    vote_average,
    vote_count,
    prior_mean,
    prior_votes,
    weighted_rating,
    row_number() OVER (ORDER BY weighted_rating DESC, movie_id) AS position
FROM weighted
ORDER BY position
