"""Teaching: takes of one's own actions kept in a folder, and a training process that makes a model of them."""
