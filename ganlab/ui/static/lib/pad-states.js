// What a pad's paper showed, for undo and redo.

const MAX_STATES = 50;

/** @template T */
export class PadStates {
  /** @type {T[]} */
  past = [];
  /** @type {T[]} */
  future = [];

  /**
   * Before anything new.
   * @param {T} now
   */
  remember(now) {
    this.past = [...this.past, now].slice(-MAX_STATES);
    this.future = [];
  }

  /**
   * @param {T} now
   * @returns {T | undefined} what was before, if anything
   */
  undo(now) {
    const before = this.past.pop();
    if (before !== undefined) this.future.push(now);
    return before;
  }

  /**
   * @param {T} now
   * @returns {T | undefined} what was undone last, if nothing new has come since
   */
  redo(now) {
    const after = this.future.pop();
    if (after !== undefined) this.past.push(now);
    return after;
  }

  /** What was before; what is now shall not come back. */
  takeBack() {
    return this.past.pop();
  }

  forget() {
    [this.past, this.future] = [[], []];
  }
}
