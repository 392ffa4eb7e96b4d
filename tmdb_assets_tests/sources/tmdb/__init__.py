"""Tests of TMDB's pure parts: what is asked, cleaned and put into the star."""
