// Work for the newest of many values, which must not hold up a moving hand.

const BUDGET = 5; // ms: quicker work is done at each value
const REST = 100; // ms without a new value, after which slower work is done
const LONGEST = 400; // ms that it is put off while there is one new value after another
const TRIALS = 3; // times that it is done at once: the first are slow in any case

export class Pace {
  cost = Infinity; // ms that the work takes at best
  #count = 0; // times that it was done
  #done = -Infinity; // when
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** Whether the work waits for a rest. */
  get slow() {
    return this.#count >= TRIALS && this.cost > BUDGET;
  }

  /**
   * Do the work, now or later; then of work that was put off only the last is done.
   * @param {() => void} work
   */
  run(work) {
    clearTimeout(this.#timer);
    if (!this.slow) {
      this.#measure(work);
      return;
    }
    const overdue = performance.now() - this.#done > LONGEST;
    this.#timer = setTimeout(() => this.#measure(work), overdue ? 0 : REST);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {() => void} work */
  #measure(work) {
    const start = performance.now();
    work();
    this.#done = performance.now();
    this.cost = Math.min(1.1 * this.cost, this.#done - start); // a single slow time means little
    this.#count++;
  }
}
