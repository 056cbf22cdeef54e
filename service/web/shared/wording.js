// Numbers and sentences as people read them.

export const percent = (probability) => `${(probability * 100).toFixed(1)} %`;
export const roughly = (probability) => `${Math.round(probability * 100)} %`;
export const milliseconds = (spent) => `${spent < 10 ? spent.toFixed(1) : Math.round(spent)} ms`;
export const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(2)}`;
export const capital = (word) => word[0].toUpperCase() + word.slice(1);
export const sentence = (words) => `${capital(words)}${/[.!?]$/.test(words) ? "" : "."}`;

export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const [hours, minutes, rest] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const whole = Number.isInteger(rest);
  const ofMinute = rest.toFixed(whole ? 0 : 1).padStart(whole ? 2 : 4, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${ofMinute}` : `${minutes}:${ofMinute}`;
}

export const duration = (seconds) => (seconds < 90 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`);
export const bytes = (number) => (number < 1e9 ? `${Math.round(number / 1e6)} MB` : `${(number / 1e9).toFixed(1)} GB`);
