"""List files of training items (train.txt, val.txt, labels.txt), made from official annotations and files on disk."""
