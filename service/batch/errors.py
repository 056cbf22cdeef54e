"""What ends a run; each message is one line, written for the person who started it.

BatchError
├── ResultsFileError    the file for the answers cannot be written, or gone on with
└── ClusterFailed   there is no cluster, or it gave up
"""


class BatchError(Exception):
    """Base of what ends a run before every video was tried."""


class ResultsFileError(BatchError):
    """The file cannot be written, or holds anything but answers to the same options."""


class ClusterFailed(BatchError):
    """Ray could not be reached, or gave up."""
