"""The branch that brings data in: one folder per source, one list of them."""
