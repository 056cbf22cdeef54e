"""Errors of live sources.

SourceError
├── BadSource    the address is none that can be opened, or could not be opened at the start
└── SourceLost   the source cannot be reached, gives nothing, or is no video

Each message is one line without the passwords of the address.
"""


class SourceError(Exception):
    """Base class of the errors of live sources."""


class BadSource(SourceError):
    """The address is of no kind that can be opened, or could not be opened at the start."""


class SourceLost(SourceError):
    """The source cannot be reached, has broken off, or gives no video; another try may succeed."""
