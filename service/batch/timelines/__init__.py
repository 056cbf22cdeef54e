"""Timelines of many videos without a server: their options, answers, and the files that keep their segments."""
