// The worker that finds local directions, so that the page keeps its frames: it evaluates the generator once for each
// dimension of the latent. It gets { address } of a generator's file once, then { z, count }, and answers each of
// these with { local } or { error }.
import { Generator } from './generator.js';
import { findLocalDirections } from './jacobian.js';
import { request } from './request.js';

/** @type {Promise<Generator>} */
let generator;

addEventListener('message', async ({ data }) => {
  if ('address' in data) {
    generator = request(data.address).then(async (response) => new Generator(await response.arrayBuffer()));
    generator.catch(() => {}); // said with the first answer
    return;
  }
  try {
    const G = await generator;
    postMessage({ local: findLocalDirections((z) => G.decode(z), data.z, data.count) });
  } catch (error) {
    postMessage({ error: /** @type {Error} */ (error).message });
  }
});
