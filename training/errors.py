"""What a user can put right.

BadInput
|- RecipeError       training.recipe
|- CheckpointError   training.checkpoint
|- ListingError      training.listing
|- DownloadError     training.download
|- UnknownName       training.zoo
|- MissingFootage    training.foreign
`- DeviceError       training.device
"""


class BadInput(Exception):
    """Something that was given is missing or wrong. The message is one line that names it and says what to do."""
