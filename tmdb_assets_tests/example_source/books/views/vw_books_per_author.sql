-- How many books each author has, and how long they are.
--
-- Grain: author_id
--
-- author_id   Int64         Author.
-- name        String        Name.
-- books       Int64{>=0}    Books.
-- mean_pages  Float64{>=0}? Mean of the pages that are known; null where none are.

SELECT author_id, name, count(book_id) AS books, avg(pages) AS mean_pages
FROM dim_author LEFT JOIN dim_book USING (author_id)
GROUP BY author_id, name
ORDER BY author_id
