// Where a card stands that must not cover what it speaks of.

/**
 * @typedef {{ width: number, height: number }} Size px
 * @typedef {{ left: number, top: number } & Size} Box px, from the window's upper left corner
 */

/**
 * The smallest box around all; null around none.
 * @param {Box[]} boxes
 * @returns {Box | null}
 */
export function join(boxes) {
  if (!boxes.length) return null;
  const left = Math.min(...boxes.map((box) => box.left));
  const top = Math.min(...boxes.map((box) => box.top));
  const right = Math.max(...boxes.map((box) => box.left + box.width));
  const bottom = Math.max(...boxes.map((box) => box.top + box.height));
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * The corner of a card beside `box` in a window: below it, above it, to its right or left, wherever there is room
 * first; without room anywhere, at the edge of the window that hides the least of it.
 * @param {Box} box
 * @param {Size} card
 * @param {Size} view the window
 * @param {number} gap px to the box and to the window's edges
 * @returns {{ left: number, top: number }}
 */
export function avoid(box, card, view, gap) {
  const [right, bottom] = [box.left + box.width, box.top + box.height];
  const left = clamp(box.left, gap, view.width - card.width - gap);
  const top = clamp(box.top, gap, view.height - card.height - gap);
  const places = [
    { left, top: Math.max(bottom + gap, gap) },
    { left, top: Math.min(box.top - gap, view.height - gap) - card.height },
    { left: Math.max(right + gap, gap), top },
    { left: Math.min(box.left - gap, view.width - gap) - card.width, top },
  ];
  const fits = places.find((place) => isInside(place, card, view));
  if (fits) return fits;
  const edges = [
    { left, top: view.height - card.height - gap },
    { left, top: gap },
  ];
  return edges.sort((a, b) => overlap(a, card, box) - overlap(b, card, box))[0];
}

/**
 * @param {{ left: number, top: number }} place
 * @param {Size} card
 * @param {Size} view
 */
function isInside({ left, top }, card, view) {
  return left >= 0 && top >= 0 && left + card.width <= view.width && top + card.height <= view.height;
}

/**
 * The area of a box that a card covers, in px².
 * @param {{ left: number, top: number }} place
 * @param {Size} card
 * @param {Box} box
 */
export function overlap({ left, top }, card, box) {
  const width = Math.min(left + card.width, box.left + box.width) - Math.max(left, box.left);
  const height = Math.min(top + card.height, box.top + box.height) - Math.max(top, box.top);
  return Math.max(0, width) * Math.max(0, height);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
