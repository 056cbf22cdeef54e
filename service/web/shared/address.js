// An address of the service with its parameters.

export function address(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return text ? `${path}?${text}` : path;
}
