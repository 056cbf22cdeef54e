"""Recipes: every number of a training run, in one typed YAML file each."""
