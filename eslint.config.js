import js from '@eslint/js';
import globals from 'globals';

const rules = {
  eqeqeq: 'error',
  'max-lines': ['error', 400],
  'max-lines-per-function': ['error', 60],
  'no-duplicate-imports': 'error',
  'no-shadow': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
};

export default [
  js.configs.recommended,
  { rules },
  {
    // Modules that know nothing of Gradio, and import each other in one way.
    files: ['ganlab/ui/static/lib/**'],
    languageOptions: { globals: globals.browser },
    rules: { 'no-restricted-syntax': ['error', { selector: 'ImportExpression', message: 'Import at the top of the module.' }] },
  },
  {
    // Fragments that Gradio runs. They import modules by the page's address.
    files: ['ganlab/ui/static/glue/**'],
    languageOptions: {
      globals: { ...globals.browser, element: 'readonly', props: 'writable', trigger: 'readonly', watch: 'readonly' },
    },
  },
  { files: ['tests/js/**', '*.js'], languageOptions: { globals: globals.node } },
  { ignores: ['node_modules/', '.venv/', 'build/', 'dist/', '**/*.d.ts'] },
];
