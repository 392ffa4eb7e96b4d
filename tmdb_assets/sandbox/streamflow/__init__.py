"""Streamflow's stand-in: a service's invented subscribers, and the monthly drops that tell of them.

    people.py     who subscribes, what they do in a month, when they churn and leave
    folders.py    a month of them as a folder of six CSV files, which appears complete
    wild.py       what becomes of those files on bad days, and in which order (`drops --wild`)

What belongs here: believable months, the same for the same seed whatever months are asked for. What does not: serving
anything (drops are files), and any real person.
"""
