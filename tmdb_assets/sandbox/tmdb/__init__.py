"""The stand-in for TMDB.

vocabulary.py  invented words ->  people.py    persons and companies
reference.py   public codes        timeline.py  the life of one film: birth, edits, releases, popularity, votes
                                        |
               quirks.py  ->  details.py    the payload of one film, version by version
                                        |
               recorded.py or catalogue.py  the films of a day, changes, exports
                                        |
                                    api.py  paths, parameters, pages, errors
"""
