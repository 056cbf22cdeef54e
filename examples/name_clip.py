"""Name the action in a clip with a model of the store: `python examples/name_clip.py MODEL CLIP`."""

import sys

import tin

name, clip = sys.argv[1:]
with tin.load(name) as model:
    prediction = model.predict(clip, top_k=3)

for action in prediction.predictions:
    print(f"{action.rank}. {action.label}: {action.probability:.1%}")
