// How long something that counts up still takes, from how quickly it has counted so far.

const MIN_WATCHED = 500; // ms before anything is said

export class TimeLeft {
  /** @type {{ done: number, time: number } | null} */
  #first = null;
  #last = 0;
  /** @type {number | null} */
  #end = null; // ms, when it will be over; changes only when it has counted on

  /**
   * Seconds left, or null while that is anybody's guess.
   * @param {number} done of `count`
   * @param {number} count
   * @param {number} time ms
   * @returns {number | null}
   */
  estimate(done, count, time) {
    if (!this.#first || done < this.#last) {
      this.#first = { done, time };
      this.#end = null;
    } else if (done > this.#last && time - this.#first.time >= MIN_WATCHED) {
      this.#end = time + ((count - done) * (time - this.#first.time)) / (done - this.#first.done);
    }
    this.#last = done;
    return this.#end === null ? null : Math.max(0, this.#end - time) / 1000;
  }
}

/**
 * "about 12 s left", "about 3 min left"; empty for null.
 * @param {number | null} seconds
 */
export function describeTime(seconds) {
  if (seconds === null) return '';
  if (seconds < 1) return 'less than 1 s left';
  return seconds < 90 ? `about ${Math.ceil(seconds)} s left` : `about ${Math.ceil(seconds / 60)} min left`;
}
