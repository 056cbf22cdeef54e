"""Errors that end a run; each message is one line for the person who started it.

BatchError
├── ResultsFileError   the results file cannot be written or resumed
├── SavingError        a file of segments would replace another file, or has no place
└── ClusterFailed      Ray cannot be reached, or gave up
"""


class BatchError(Exception):
    """Base of the errors that end a run before every video was tried."""


class ResultsFileError(BatchError):
    """The results file cannot be written, or holds results of other options."""


class SavingError(BatchError):
    """A file of segments would replace another file, or there is no place for it."""


class ClusterFailed(BatchError):
    """Ray cannot be reached, or gave up."""
