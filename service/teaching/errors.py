"""Errors of teaching; each message says what to do.

TeachingError
├── BadName               the name of an action or of a model cannot be used
├── NotTaught             there is no such action, take or report
├── TeachingConflict      it does not fit what is there: a training that runs, a name that is taken, too few takes
├── FolderFull            a limit of the takes, or the disk
├── TrainingUnavailable   this installation cannot train
└── BadTeachFolder        TIN_TEACH_FOLDER cannot be used
"""

from __future__ import annotations


class TeachingError(Exception):
    """Base of the errors of teaching."""


class BadName(TeachingError):
    """The name of an action or of a model cannot be used."""


class NotTaught(TeachingError):
    """There is no such action, take or report."""


class TeachingConflict(TeachingError):
    """The request does not fit what is there."""


class FolderFull(TeachingError):
    """There is no room for another action or take."""


class TrainingUnavailable(TeachingError):
    """The installation cannot train."""


class BadTeachFolder(TeachingError):
    """The folder of the takes cannot be used."""
