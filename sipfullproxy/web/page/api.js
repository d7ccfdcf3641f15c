// The way to the proxy: its JSON API, and the stream that tells what has changed.

let language = "sk";

export function speak(lang) {
  language = lang;
}

/** The address of something in the API, in the language of the page. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams({ ...query, lang: language });
  return `/api/${path}?${parameters}`;
}

/** What the API answers, as an object. Throws an Error with the proxy's own words. */
export async function ask(path, query = {}, options = {}) {
  const response = await fetch(address(path, query), options);
  if (response.status === 204) return null;
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.error || response.statusText), { status: response.status });
  return body;
}

/** The same as text, for pictures. */
export async function text(path, query = {}) {
  const response = await fetch(address(path, query));
  if (!response.ok) throw new Error(response.statusText);
  return response.text();
}

/** Have something changed: PUT or DELETE. */
export function change(method, path, body) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  return ask(path, {}, { method, headers: { "Content-Type": "application/json" }, ...json });
}

/**
 * Listen to the proxy until the returned function is called. heard: functions by the name of what may change; each gets
 * the data of the event. state: is told "open", or "lost" while the browser tries again by itself.
 */
export function listen(heard, state, query = {}) {
  const source = new EventSource(address("live", query));
  source.onopen = () => state("open");
  source.onerror = () => state("lost");
  for (const [name, hear] of Object.entries(heard)) {
    source.addEventListener(name, (event) => hear(JSON.parse(event.data)));
  }
  return () => source.close();
}
