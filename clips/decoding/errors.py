"""Errors of decoding: everything that can be wrong with a video.

    ClipError
    ├── NotAVideo        the bytes are no video file, or hold no moving pictures
    ├── Undecodable      a video file, but damaged, cut short or of an unknown codec
    │   └── Encrypted    its pictures are encrypted
    ├── NoFrames         a video file that decodes to nothing
    ├── NoSuchPart       a video that has no frame in the part asked for
    └── LimitExceeded    larger than the `DecodeLimits` allow

Each message is one line, written for the person who sent the file.
"""


class ClipError(Exception):
    """Base class of all errors that decoding raises."""


class NotAVideo(ClipError):
    """The bytes are no video file, or hold no moving pictures: a photo, or a song with its cover."""


class Undecodable(ClipError):
    """The file is damaged, cut short, or of a codec that this FFmpeg cannot decode."""


class Encrypted(Undecodable):
    """The file's pictures are encrypted."""


class NoFrames(ClipError):
    """The file decodes to no frame at all."""


class NoSuchPart(ClipError):
    """The part that was asked for lies behind the video's end, or no frame begins in it."""


class LimitExceeded(ClipError):
    """The file needs more bytes, packets, pixels, frames or seconds than the limits allow."""
