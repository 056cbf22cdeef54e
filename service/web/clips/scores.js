// Scores: a model's logits as probabilities, as clips/scores.py makes them.

// Logits [V][K] of a clip's views, with the model's temperature, become the mean of their probabilities [K].
export function probabilitiesOf(logits, temperature) {
  return mean(logits.map((view) => softmax(view.map((logit) => logit / temperature))));
}

export const mean = (lists) => lists[0].map((_, place) => lists.reduce((sum, list) => sum + list[place], 0) / lists.length);

// The `count` most probable, in descending order: [{label, index, probability}].
export function topScores(probabilities, labels, count) {
  const scores = labels.map((label, index) => ({ label, index, probability: probabilities[index] }));
  return scores.sort((one, other) => other.probability - one.probability).slice(0, count);
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
