// Where this page is and what lies on it: in its address, in the browser's history, and in what survives a reload or a
// server that has lost it. ganlab/ui/arrival.py answers what is sent from here.
import { isSameAddress, isStep, readAddress, writeAddress } from './address.js';
import { concerns } from './elements.js';
import { connect, line } from './page-line.js';
import { encodeRecipe, recipeToQuery } from './recipe.js';
import { takeSnapshot } from './snapshot.js';

/** @typedef {import('./address.js').Address} Address */
/** @typedef {import('./snapshot.js').Snapshot} Snapshot */

const STORED = 'ganlab/visit'; // in this tab's storage
const WATCHED = '.gl-current, .gl-ends, .gl-kept, .gl-visits [data-choice], .gl-visits [data-tab], [data-arrived], [data-chosen]';
const ATTRIBUTES = ['data-item', 'data-items', 'data-kept', 'data-choice', 'data-tab', 'data-arrived', 'data-chosen'];
const QUIET = 60; // ms without a change, after which the page shows one state
const MAX_LOOKS = 30; // at the page, QUIET apart, when no request is under way
const MAX_WAITS = 50; // looks, QUIET apart, for a page whose parts belong together
const ARRIVING = 'gl-arriving'; // on <body> until the page is where it was asked to be

let settle = () => {};
/** When the page is where its address says; what it shows before is only what every page opens with. */
export const settled = /** @type {Promise<void>} */ (new Promise((resolve) => void (settle = resolve)));

export class Visit {
  /** @type {Address | null} */
  #shown = null; // what the address says of the page
  #arrival = 0; // number of an arrival under way
  /** @type {Address | null} */
  #goal = null; // the address that an arrival under way leads to, if Back or Forward began it
  #count = 0; // of arrivals
  #looks = 0; // since its answer should have been there
  /** @type {{ key: string, recipe: string } | null} */
  #linked = null; // the picture of the page's link, and the recipe that the link has
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(data: object) => void} arrive has Python bring the page to an address */
  constructor(arrive) {
    this.arrive = arrive;
    this.line = line;
  }

  /** Listen to the page, the browser's Back and the requests, and go where the address says. */
  start() {
    connect({ restore: () => void this.#restore(), idle: () => this.#plan() });
    addEventListener('popstate', ({ state }) => this.#goBack(state?.ganlab));
    addEventListener('pagehide', () => this.#save());
    new MutationObserver((records) => {
      if (records.some((record) => concerns(record, WATCHED))) this.#plan();
    }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ATTRIBUTES });
    if (!this.#open()) settle();
    this.#plan();
  }

  /** Ask for what the address or an earlier page of this tab says; false where that is nothing. */
  #open() {
    const address = readAddress(location.search);
    const before = this.#recall();
    if (!address && !before) return false;
    document.body.classList.add(ARRIVING);
    this.#send({ kind: before ? 'reload' : 'link', ...address, ...before });
    return true;
  }

  /** @param {object} data */
  #send(data) {
    [this.#arrival, this.#looks, this.#goal] = [++this.#count, 0, null];
    this.arrive({ ...data, id: String(this.#arrival) });
  }

  /**
   * What this tab showed at the same address before it was loaded again.
   * @returns {object | null}
   */
  #recall() {
    try {
      const { page, ...snapshot } = JSON.parse(sessionStorage.getItem(STORED) ?? 'null') ?? {};
      if (page === location.pathname + location.search) return snapshot;
    } catch {
      // storage is switched off, or something else lies there; the history may have the picture
    }
    const { address, current, checkpoint } = history.state?.ganlab ?? {};
    return address && current ? { ...address, current, checkpoint } : null;
  }

  #save() {
    const snapshot = this.#arrival ? null : takeSnapshot(document);
    if (!snapshot || !this.#shown) return;
    try {
      const kept = undefined; // that storage.js keeps for all tabs
      const page = location.pathname + location.search;
      const text = JSON.stringify({ ...this.#shown, ...snapshot, kept, page });
      sessionStorage.setItem(STORED, text);
    } catch {
      // storage is switched off or full
    }
  }

  /** The server has another state than this page, or none: put all of it back. */
  async #restore() {
    let snapshot = takeSnapshot(document);
    for (let looks = 0; !snapshot && looks < MAX_WAITS; looks++) { // an answer is being drawn
      await new Promise((resolve) => void setTimeout(resolve, QUIET));
      snapshot = takeSnapshot(document);
    }
    if (!snapshot) {
      location.reload(); // what the browser remembers is worth more than half of what is here
      return;
    }
    /** @type {HTMLElement | null} */
    const stage = document.querySelector('#reconstruct-stage [data-key]');
    this.arrive({ kind: 'restored', restoring: true, ...snapshot, shown: stage?.dataset.key });
  }

  /** @param {{ address: Address, current: object, checkpoint: string } | undefined} entry of the browser's history */
  #goBack(entry) {
    const address = entry?.address ?? readAddress(location.search);
    const here = this.#arrival ? this.#goal : this.#shown;
    if (!address || isSameAddress(address, here)) return;
    this.#send({ kind: 'back', ...address, current: entry?.current, checkpoint: entry?.checkpoint });
    this.#goal = address;
  }

  /** Compare page and address when the page has come to rest. */
  #plan() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#compare(), QUIET);
  }

  #compare() {
    const snapshot = takeSnapshot(document);
    if (!snapshot) return;
    const arrived = this.#arrival > 0;
    if (arrived && !this.#hasAnswer()) {
      this.#plan();
      return;
    }
    const first = !this.#shown;
    if (arrived) this.#endArrival(snapshot, first);
    const address = this.#addressOf(snapshot);
    const search = first && !arrived ? location.search : writeAddress(location.search, address);
    const state = { ganlab: { address, current: snapshot.current, checkpoint: snapshot.checkpoint } };
    const isNew = this.#shown && !arrived && isStep(this.#shown, address);
    if (!isSameAddress(address, this.#shown) || arrived) {
      history[isNew ? 'pushState' : 'replaceState'](state, '', new URL(search || location.pathname, location.href));
      this.#shown = address;
      tellParent(search);
    }
    this.#save();
    if (!this.line.underWay) showModel(snapshot.model);
  }

  /** Whether the arrival under way is on the page. One that has failed is waited for a little longer than that takes. */
  #hasAnswer() {
    /** @type {HTMLElement | null} */
    const mark = document.querySelector('[data-arrived]');
    if (!this.line.underWay) this.#looks += 1;
    return Number(mark?.dataset.arrived ?? 0) >= this.#arrival || this.#looks > MAX_LOOKS;
  }

  /**
   * @param {Snapshot} snapshot
   * @param {boolean} first whether the page has opened with this
   */
  #endArrival(snapshot, first) {
    this.#arrival = 0;
    const recipe = first ? new URLSearchParams(location.search).get('recipe') : null;
    if (recipe) this.#linked = { key: snapshot.current.key, recipe };
    document.body.classList.remove(ARRIVING);
    settle();
  }

  /**
   * @param {Snapshot} snapshot
   * @returns {Address}
   */
  #addressOf({ tab, model, name, checkpoint, current, chosen }) {
    const at = current.address ?? '';
    const { key, z } = current;
    const exact = () => recipeToQuery(encodeRecipe({ name, fingerprint: checkpoint }, [{ z: Float32Array.from(z) }]));
    const recipe = this.#linked?.key === key ? this.#linked.recipe : at ? '' : exact();
    return { tab, model, at: recipe ? '' : at, recipe, chosen };
  }
}

/**
 * The list of models shows what is in use, unless a choice is on its way (static/glue/model-picker.js).
 * @param {string} model
 */
function showModel(model) {
  const detail = { model };
  document.querySelector('#model-picker select')?.dispatchEvent(new CustomEvent('follow', { bubbles: true, detail }));
}

/**
 * A Space shows this page in a frame, and keeps its address if it hears of it.
 * @param {string} search
 */
function tellParent(search) {
  if (window.parent === window || !location.hostname.endsWith('.hf.space')) return;
  window.parent.postMessage({ queryString: search.slice(1) }, 'https://huggingface.co');
}
