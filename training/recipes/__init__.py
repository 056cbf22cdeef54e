"""Recipes: all settings of a training run, in one typed YAML file each."""
