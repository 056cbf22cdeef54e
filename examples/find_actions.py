"""Find the actions in a long video: `python examples/find_actions.py MODEL VIDEO` prints when each begins and ends."""

import sys

import tin

name, video = sys.argv[1:]
with tin.load(name) as model:
    timeline = model.timeline(video, window_seconds=1.5)

for segment in timeline.segments:
    print(f"{segment.start_seconds:6.1f} s to {segment.end_seconds:6.1f} s  {segment.label}  {segment.probability:.1%}")
