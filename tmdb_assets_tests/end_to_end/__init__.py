"""The whole thing, from a served catalogue to the star: what a user of the project can see, run and rely on.

What belongs here: runs of the real assets over real HTTP against the sandbox, in this process or as the commands a user
types, and what the lake holds afterwards. What does not: the rules of one module, which are tested beside that module.
"""
