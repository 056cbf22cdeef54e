"""A checkpoint becomes artifacts that runtimes take, each with proof that it answers the same."""
