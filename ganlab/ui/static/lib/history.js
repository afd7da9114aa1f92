// Undo and redo. What was undone is lost once something new is pushed.

/** @template T */
export class History {
  /**
   * @param {T} first
   * @param {number} [limit] entries that are kept
   */
  constructor(first, limit = 500) {
    this.entries = [first];
    this.index = 0;
    this.limit = limit;
  }

  get current() {
    return this.entries[this.index];
  }

  get canUndo() {
    return this.index > 0;
  }

  get canRedo() {
    return this.index < this.entries.length - 1;
  }

  /** @param {T} entry */
  push(entry) {
    this.entries = [...this.entries.slice(0, this.index + 1), entry].slice(-this.limit);
    this.index = this.entries.length - 1;
  }

  undo() {
    if (this.canUndo) this.index--;
    return this.current;
  }

  redo() {
    if (this.canRedo) this.index++;
    return this.current;
  }
}
