"""Lists of training items: official annotations and files on disk become train.txt, val.txt and labels.txt."""
