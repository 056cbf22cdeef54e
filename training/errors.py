"""What ends a command: BadInput before it has done anything, exit code 2, or Stopped in the midst of it, exit code 1.

BadInput
|- RecipeError       training.recipes.recipe
|- CheckpointError   training.checkpoints.checkpoint
|- ItemListError      training.lists.item_list
|- DownloadError     training.checkpoints.download
|- UnknownName       training.zoo
|- MissingFootage    training.synthetic.out_of_domain
|- DeviceError       training.engine.device
|- AnnotationError   training.lists.annotations
|- ExtractionError   training.lists.extract_frames
`- FolderError       training.prepare

Stopped
|- NonFiniteLoss     training.engine.loops
`- TooManyUnreadable training.data.unreadable
"""


class BadInput(Exception):
    """Something that was given is missing or wrong. The message is one line that names it and says what to do."""


class Stopped(Exception):
    """What was begun cannot go on. The message is one line that says where it stopped, and what to do."""
