"""Errors of the export.

ExportError              the checkpoint cannot be exported, or an artifact fails its checks
└── FormatUnavailable    this machine lacks a library or a device that the format needs
"""

from __future__ import annotations


class ExportError(Exception):
    """The checkpoint cannot be exported, or an artifact fails its checks; the message gives the reason."""


class FormatUnavailable(ExportError):
    """The format needs a library or a device that this machine lacks."""
