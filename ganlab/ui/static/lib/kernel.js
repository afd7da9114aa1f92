// The memory of the networks that the page evaluates, and the products that are computed in it: by WebAssembly's vectors
// where the browser has them, else by JavaScript.
//
//   const arena = new Arena();
//   const layer = new Linear(arena, weight, bias); // and more, see layers.js
import { CODE } from './kernel-code.js';
import { createPlainKernel } from './kernel-plain.js';

/**
 * @typedef {object} Kernel functions of kernel.wat
 * @property {(a: number, k: number, b: number, c: number, columns: number, bias: number, leak: number) => void} transform
 * @property {(a: number, aPixel: number, aLine: number, aSegment: number, segments: number, k: number, b: number,
 *   c: number, cPixel: number, cLine: number, width: number, height: number, columns: number, bias: number,
 *   leak: number, add: number, addPixel: number, addLine: number) => void} convolve
 */

const PAGE = 1 << 16; // bytes that WebAssembly's memory grows by
const ALIGNMENT = 64; // bytes of a line of the processor's cache

/** @type {WebAssembly.Module | null | undefined} */
let compiled;

/** The kernel, or null where this browser cannot run it. */
function compile() {
  if (compiled !== undefined) return compiled;
  const code = Uint8Array.from(atob(CODE), (letter) => letter.charCodeAt(0));
  try {
    compiled = new WebAssembly.Module(code);
  } catch {
    compiled = null; // there is no WebAssembly, the page's policy forbids it, or it has no vectors
  }
  return compiled;
}

/** Memory that only grows, of zeros at first. */
export class Arena {
  #end = ALIGNMENT; // the address 0 stands for nothing

  /** @param {boolean} [plain] JavaScript alone */
  constructor(plain = false) {
    const module = plain ? null : compile();
    if (module) {
      const memory = new WebAssembly.Memory({ initial: 1 });
      const { exports } = new WebAssembly.Instance(module, { page: { memory } });
      this.kernel = /** @type {Kernel} */ (/** @type {unknown} */ (exports));
      this.memory = memory;
      this.scalar = createPlainKernel(() => new Float32Array(memory.buffer));
    } else {
      this.plain = new Float32Array(PAGE / 4);
      this.kernel = this.scalar = createPlainKernel(() => /** @type {Float32Array} */ (this.plain));
    }
  }

  /** Whether WebAssembly's vectors do the work. */
  get quick() {
    return !!this.memory;
  }

  /**
   * The address of as many zeros as `count`.
   * @param {number} count
   */
  reserve(count) {
    const at = this.#end;
    this.#end += ALIGNMENT * Math.ceil((4 * count) / ALIGNMENT);
    if (this.memory) {
      const lacking = this.#end - this.memory.buffer.byteLength;
      if (lacking > 0) this.memory.grow(Math.ceil(lacking / PAGE));
    } else if (this.plain && this.#end > 4 * this.plain.length) {
      const larger = new Float32Array(Math.max(this.#end / 4, 2 * this.plain.length));
      larger.set(this.plain);
      this.plain = larger;
    }
    return at;
  }

  /**
   * The numbers at an address, which stay where they are until more are reserved.
   * @param {number} at
   * @param {number} count
   */
  view(at, count) {
    return this.plain ? this.plain.subarray(at / 4, at / 4 + count) : new Float32Array(/** @type {WebAssembly.Memory} */ (this.memory).buffer, at, count);
  }
}
