"""Errors that end a command: BadInput before any work, exit code 2, or Stopped during it, exit code 1.

BadInput
|- RecipeError       training.recipes.recipe
|- CheckpointError   training.checkpoints.checkpoint
|- DownloadError     training.zoo.download
|- HubError          training.zoo.hub
|- UnknownName       training.zoo.catalogue
|- ItemListError     training.lists.item_list
|- LabelsError       training.lists.labels
|- AnnotationError   training.lists.annotations
|- ClipSetError      training.lists.clip_set
|- SplitError        training.lists.splits
|- ExtractionError   training.lists.extract_frames
|- MissingFootage    training.synthetic.out_of_domain
|- DeviceError       training.engine.device
|- FolderError       training.prepare
`- OptionError       training.prepare

Stopped
|- NonFiniteLoss     training.engine.loops
`- TooManyUnreadable training.data.unreadable
"""


class BadInput(Exception):
    """An input is missing or wrong. The message is one line that names it and says what to do."""


class Stopped(Exception):
    """A run cannot continue. The message is one line that says where it stopped, and what to do."""
