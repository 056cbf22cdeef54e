"""What can go wrong in an export.

ExportError            the checkpoint cannot be exported, or the artifact is not what it should be
└── UnavailableHere    this machine lacks what the format needs
"""


class ExportError(Exception):
    """The checkpoint cannot be exported, or the artifact differs from it; the message says why."""


class UnavailableHere(ExportError):
    """The format needs a library or a device that this machine does not have."""
