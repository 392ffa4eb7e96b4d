"""The stand-in for TMDB.

vocabulary  words -> people  persons, companies -> credits  who works on a film -+
reference   public codes --------------------------------------------------------+-> details  the payload of a film
noise  numbers -> timeline  births, edits, popularity, votes of a film ----------+            |
quirks      oddities planted on purpose -----------------------------------------+            v
planted     breakouts, what truth tells -----------------------------------------+-> catalogue  the films of a day, or
                                      columns  the same for all films at once ------> wide  a million of them, or
                                                                 recorded  real answers, kept as they were
                                                                          |
                                       lists  what is asked of a list -> api  paths, parameters, pages, errors
                                                                          |
                 habits  rates, dice;  spoiling  values, rows, bytes -> wild  TMDB as it is, when that is asked for
"""
