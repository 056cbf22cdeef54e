// Frame sampling, as clips/sampling.py does it: the middle frame of each of T equal segments.

// Of a model that samples twice, the first frames of the segments follow the middle ones. A short clip repeats frames.
export function evaluationIndices(numFrames, numSegments, numClips = 1) {
  const indices = [];
  for (let clip = 0; clip < numClips; clip += 1) {
    for (let segment = 0; segment < numSegments; segment += 1) {
      const position = (2 * segment + 1 - clip) * numClips;
      indices.push(Math.min(Math.floor((position * numFrames) / (2 * numSegments * numClips)), numFrames - 1));
    }
  }
  return indices;
}
