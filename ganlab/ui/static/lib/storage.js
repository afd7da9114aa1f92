// What this browser remembers for a checkpoint, under ganlab/NAME/FINGERPRINT. A browser that stores nothing, as in a
// frame of another site, is no error: then nothing outlives the page.

/** @type {Map<string, string>} */
const memory = new Map(); // what could not be stored

/** @param {string} key */
function read(key) {
  const text = memory.get(key);
  if (text !== undefined) return text;
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off: even to name it may throw
  }
}

/** @param {string} key */
function forget(key) {
  memory.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // storage is switched off
  }
}

/**
 * What was stored for the checkpoint, or else for one of its earlier fingerprints (`aliases`); null if nothing was.
 * @param {string} name
 * @param {string} fingerprint
 * @param {string[]} [aliases]
 */
export function recall(name, fingerprint, aliases = []) {
  try {
    for (const each of [fingerprint, ...aliases]) {
      const text = read(`ganlab/${name}/${each}`);
      if (text !== null) return JSON.parse(text);
    }
  } catch {
    // something else was stored under our name
  }
  return null;
}

/**
 * What was stored for an earlier checkpoint that a new one has `replaced`, and forget it: it means nothing any more.
 * Null if nothing was, or only an empty list.
 * @param {string} name
 * @param {string[]} replaced fingerprints
 * @returns {{ fingerprint: string, stored: unknown } | null}
 */
export function takeReplaced(name, replaced) {
  for (const fingerprint of replaced) {
    const stored = recall(name, fingerprint);
    forget(`ganlab/${name}/${fingerprint}`);
    if (Array.isArray(stored) && stored.length) return { fingerprint, stored };
  }
  return null;
}

/**
 * @param {string} name
 * @param {string} fingerprint
 * @param {unknown} value
 */
export function remember(name, fingerprint, value) {
  const [key, text] = [`ganlab/${name}/${fingerprint}`, JSON.stringify(value)];
  try {
    localStorage.setItem(key, text);
    memory.delete(key);
  } catch {
    memory.set(key, text); // storage is switched off or full
  }
}

/**
 * Call `changed` with the fingerprint whenever another tab of this browser stores something under the name.
 * @param {string} name
 * @param {(fingerprint: string) => void} changed
 */
export function watchStored(name, changed) {
  const prefix = `ganlab/${name}/`;
  addEventListener('storage', ({ key }) => {
    if (key?.startsWith(prefix)) changed(key.slice(prefix.length));
  });
}
