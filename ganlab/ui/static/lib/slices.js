// Long work on the page in short slices, one a frame, so that it never holds up the pointer.

const BUDGET = 8; // ms of a frame

export class Slices {
  /** @type {number | undefined} */
  #frame;

  /**
   * Do `work` for each item, a few each frame. Ends whatever was started before.
   * @template T
   * @param {Iterable<T>} items
   * @param {(item: T) => void} work
   * @param {(finished: boolean) => void} [after] called at the end of each slice
   * @param {() => boolean} [waits] while it is true nothing is done: a hand that moves needs its frames
   */
  start(items, work, after = () => {}, waits = () => false) {
    this.stop();
    const waiting = [...items];
    if (!waiting.length) return;
    let next = 0;
    const slice = () => {
      if (waits()) {
        this.#frame = requestAnimationFrame(slice);
        return;
      }
      const until = performance.now() + BUDGET;
      do work(waiting[next++]);
      while (next < waiting.length && performance.now() < until);
      const finished = next === waiting.length;
      if (!finished) this.#frame = requestAnimationFrame(slice);
      after(finished);
    };
    this.#frame = requestAnimationFrame(slice);
  }

  stop() {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
  }
}
