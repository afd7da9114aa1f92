// What this browser remembers for a checkpoint, under ganlab/NAME/FINGERPRINT. A browser that stores nothing is no
// error: then nothing outlives the page.

/**
 * What was stored for the checkpoint, or else for one of its earlier fingerprints (`aliases`); null if nothing was.
 * @param {string} name
 * @param {string} fingerprint
 * @param {string[]} [aliases]
 */
export function recall(name, fingerprint, aliases = []) {
  try {
    for (const each of [fingerprint, ...aliases]) {
      const text = localStorage.getItem(`ganlab/${name}/${each}`);
      if (text !== null) return JSON.parse(text);
    }
  } catch {
    // storage is switched off, or something else was stored under our name
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
    try {
      localStorage.removeItem(`ganlab/${name}/${fingerprint}`);
    } catch {
      // storage is switched off
    }
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
  try {
    localStorage.setItem(`ganlab/${name}/${fingerprint}`, JSON.stringify(value));
  } catch {
    // storage is switched off or full
  }
}
