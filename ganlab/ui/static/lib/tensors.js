// Reads safetensors files: 8 bytes of header length, a JSON header, then the tensors' bytes.

/** @typedef {Uint8Array | Int16Array | Int32Array | Float32Array} Tensor */

const INTEGERS = { U8: Uint8Array, I16: Int16Array, I32: Int32Array };

/**
 * The file's metadata and `tensor(name)`, which gives a tensor's numbers in row order, or null where the file has
 * none of that name. Half precision is widened to Float32Array.
 * @param {ArrayBuffer} buffer
 * @returns {{ metadata: Record<string, string>, tensor: (name: string) => Tensor | null }}
 */
export function readTensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  /** @param {string} name */
  const tensor = (name) => {
    if (!header[name]) return null;
    /** @type {{ dtype: string, data_offsets: [number, number] }} */
    const { dtype, data_offsets: [start, end] } = header[name];
    const bytes = buffer.slice(8 + length + start, 8 + length + end);
    if (dtype === 'F16') return widen(new Uint16Array(bytes));
    if (dtype === 'F32') return new Float32Array(bytes);
    if (dtype in INTEGERS) return new INTEGERS[/** @type {keyof typeof INTEGERS} */ (dtype)](bytes);
    throw new Error(`The tensor ${name} has the type ${dtype}, which this page cannot read.`);
  };
  return { metadata: header.__metadata__ ?? {}, tensor };
}

/**
 * A tensor that must be there, as floating-point numbers.
 * @param {(name: string) => Tensor | null} tensor
 * @param {string} name
 */
export function floats(tensor, name) {
  const values = tensor(name);
  if (!values) throw new Error(`The file has no tensor ${name}.`);
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

// All values of half precision by their bits: the browsers' own Float16Array is too recent to rely on.
/** @type {Float32Array | null} */
let halves = null;

/** @param {Uint16Array} bits */
function widen(bits) {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, value) => halfValue(value));
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = halves[bits[i]];
  return result;
}

/** @param {number} bits */
function halfValue(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  let size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  if (exponent === 31) size = fraction ? NaN : Infinity;
  return bits >> 15 ? -size : size;
}
