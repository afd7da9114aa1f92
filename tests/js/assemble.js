// Assembles the page's kernel: `npm run kernel` writes kernel-code.js anew from kernel.wat; with --check it compares.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import createAssembler from 'wabt';

const folder = new URL('../../ganlab/ui/static/lib/', import.meta.url);
const source = readFileSync(new URL('kernel.wat', folder), 'utf8');
const target = new URL('kernel-code.js', folder);

const assembler = await createAssembler();
const { buffer } = assembler.parseWat('kernel.wat', source, { simd: true }).toBinary({});
const written = `// kernel.wat as \`npm run kernel\` assembles it, in base64, and the SHA-256 of that source.

export const CODE =
  '${Buffer.from(buffer).toString('base64').replace(/.{100}(?=.)/g, "$&' +\n  '")}';

export const SOURCE = '${createHash('sha256').update(source).digest('hex')}';
`;
if (!process.argv.includes('--check')) writeFileSync(target, written);
else if (readFileSync(target, 'utf8') !== written) {
  console.error('kernel-code.js is not what kernel.wat gives: npm run kernel');
  process.exitCode = 1;
}
