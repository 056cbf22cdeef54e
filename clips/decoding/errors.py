"""What can be wrong with a video.

    ClipError
    ├── NotAVideo        the bytes are no video file, or hold no video stream
    ├── Undecodable      a video file, but damaged, cut short or of an unknown codec
    ├── NoFrames         a video file that decodes to nothing
    └── LimitExceeded   larger than the `DecodeLimits` allow

Each message is one line, written for the person who sent the file.
"""


class ClipError(Exception):
    """Base of everything that decoding raises."""


class NotAVideo(ClipError):
    """The bytes are no video file, or hold no video stream."""


class Undecodable(ClipError):
    """The file is damaged, cut short, or of a codec that cannot be decoded here."""


class NoFrames(ClipError):
    """The file decodes to no frame at all."""


class LimitExceeded(ClipError):
    """The file asks for more bytes, packets, pixels, frames or seconds than the limits allow."""
