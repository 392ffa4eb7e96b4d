"""Books: authors and books of a made-up API.

GET authors, GET books  ->  raw/pages  ->  clean/authors, clean/books  ->  star/dim_author, star/dim_book
                                                                       ->  views/vw_books_per_author
"""
