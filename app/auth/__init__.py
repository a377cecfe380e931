"""Who looks, and what they may see: sign-in, sessions, tokens, roles, and who did what.

`access.decide` is the one function that decides; `callers` says who somebody is and which roles they
have, from what `provider`, `sessions` and `tokens` know.
"""
