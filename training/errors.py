"""What ends a command: BadInput before it has done anything, exit code 2, or Stopped in the midst of it, exit code 1.

BadInput
|- RecipeError       training.recipe
|- CheckpointError   training.checkpoint
|- ListingError      training.listing
|- DownloadError     training.download
|- UnknownName       training.zoo
|- MissingFootage    training.foreign
|- DeviceError       training.device
|- AnnotationError   training.annotations
|- ExtractionError   training.extract
`- FolderError       training.prepare

Stopped
|- NonFiniteLoss     training.engine
`- TooManyUnreadable training.unreadable
"""


class BadInput(Exception):
    """Something that was given is missing or wrong. The message is one line that names it and says what to do."""


class Stopped(Exception):
    """What was begun cannot go on. The message is one line that says where it stopped, and what to do."""
