"""The music API of the sandbox: tracks, users and their listening history, seeded and evolving by the day.

    api.py     paths, pages, errors, and the restart that changes nearly every id
    world.py   who listens to what, computed from a seed and a day

What belongs here: an imitation of the API's habits, its quirks included. What does not: any real person, track or artist;
a likeness is chance.
"""
