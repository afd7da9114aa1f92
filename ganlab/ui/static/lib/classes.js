// What classes are called.

/**
 * The name of a class, or its number where it has none.
 * @param {string[] | undefined} classes names of the labels, in their order
 * @param {number} label
 */
export function nameClass(classes, label) {
  return classes?.[label] ?? String(label);
}
