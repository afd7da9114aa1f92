// Safetensors files as typed arrays: tensorsOf(buffer) -> { told, tensor }, where `told` is the metadata's "ganlab"
// and tensor('x') an array, or null where the file has none of that name. Half precision is widened.
const ARRAYS = { U8: Uint8Array, I16: Int16Array, I32: Int32Array, F32: Float32Array, F16: Uint16Array };

export function tensorsOf(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensor = (key) => {
    if (!header[key]) return null;
    const { dtype, data_offsets: [from, to] } = header[key];
    const found = new ARRAYS[dtype](buffer.slice(8 + length + from, 8 + length + to));
    return dtype === 'F16' ? widened(found) : found;
  };
  return { told: JSON.parse(header.__metadata__.ganlab), tensor };
}

// Half precision by a table of all its values: the browsers' own Float16Array is young.
let halfs = null;

function widened(halves) {
  halfs ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    return bits >> 15 ? -size : size;
  });
  const out = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) out[i] = halfs[halves[i]];
  return out;
}
