// The way to the proxy: its JSON API, and the stream that tells what has changed.

let language = "sk";

/** Milliseconds after which a stream that was refused (too many windows, a proxy on its way up) is asked for again. */
const AGAIN = 3000;

export function speak(lang) {
  language = lang;
}

/** The address of something in the API, in the language of the page. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams({ ...query, lang: language });
  return `/api/${path}?${parameters}`;
}

/** Nobody answers: the proxy was ended, or this device is in another network. */
export class Unreachable extends Error {}

async function reach(path, query, options) {
  try {
    return await fetch(address(path, query), options);
  } catch (error) { // in the browser's own words, which help nobody
    throw new Unreachable(error.message);
  }
}

/** What the API answers, as an object. Throws an Error with the proxy's own words, or Unreachable. */
export async function ask(path, query = {}, options = {}) {
  const response = await reach(path, query, options);
  if (response.status === 204) return null;
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.error || response.statusText), { status: response.status });
  return body;
}

/** The same as text, for pictures. */
export async function text(path, query = {}) {
  const response = await reach(path, query);
  if (!response.ok) throw new Error(response.statusText);
  return response.text();
}

/** Have something changed: POST, PUT or DELETE. */
export function change(method, path, body, query = {}) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  return ask(path, query, { method, headers: { "Content-Type": "application/json" }, ...json });
}

/**
 * Listen to the proxy until the returned function is called. heard: functions by the name of what may change; each gets
 * the data of the event. state: is told "open", or "lost" while the browser tries again by itself.
 */
export function listen(heard, state, query = {}) {
  let source, waiting;
  const open = () => {
    source = new EventSource(address("live", query));
    source.onopen = () => state("open");
    source.onerror = () => {
      state("lost");
      if (source.readyState === EventSource.CLOSED) waiting = setTimeout(open, AGAIN);  // refused: it gives up by itself
    };
    for (const [name, hear] of Object.entries(heard)) {
      source.addEventListener(name, (event) => hear(JSON.parse(event.data)));
    }
  };
  open();
  return () => { clearTimeout(waiting); source.close(); };
}

/**
 * The same work, never twice at a time: what is asked for while it is under way is done once more at its end. So an
 * answer never comes behind a newer one, and whoever asks often gets as much as there is time for.
 */
export function oneAtATime(work) {
  let running = null, again = false;
  const run = async () => {
    do {
      again = false;
      await work();
    } while (again);
  };
  return () => {
    again = true;
    running ??= run().finally(() => { running = null; });
    return running;
  };
}
