"""Augmentation: random changes of training clips."""
