// A stream of newline-delimited JSON, object by object as the lines arrive.

export async function* objectsOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value = "" } = await reader.read();
    const lines = (rest + value).split("\n");
    rest = done ? "" : lines.pop();
    yield* lines.filter((line) => line.trim()).map((line) => JSON.parse(line));
    if (done) return;
  }
}
