// Starting a small run from the page, and opening a run by its folder or address; or why neither can be done here.
import { button, el } from './elements.js';

/** @typedef {{ runs: { name: string, bundled: boolean }[], any: boolean, absence: string, most: number }} Offer what the server says of its runs */

const EPOCHS = 3;
const DURATION = '3 epochs of 60,000 digits take half a minute to two minutes on two processor cores. MNIST is fetched once where it is not there yet (12 MB).';

export class StartForm {
  /**
   * @param {object} listeners
   * @param {(settings: { epochs: number, seed: number }) => Promise<void>} listeners.start
   * @param {(name: string) => void} listeners.open
   */
  constructor({ start, open }) {
    const field = (/** @type {string} */ label, /** @type {object} */ settings) => {
      const input = el('input', { class: 'gl-select', type: 'number', ...settings });
      return { input, label: el('label', { class: 'gl-check' }, label, input) };
    };
    const [epochs, seed] = [field('epochs', { min: 1, value: EPOCHS }), field('seed', { min: 0, max: 2 ** 31 - 1, value: 0 })];
    this.epochs = epochs.input;
    this.start = button('start', async () => {
      this.start.disabled = true;
      await start({ epochs: Number(epochs.input.value), seed: Number(seed.input.value) });
      this.start.disabled = false;
    }, { 'class': 'gl-button gl-run-start', 'data-do': 'start' });
    this.duration = el('p', { class: 'gl-fine' }, DURATION);
    this.absence = el('p', { class: 'gl-fine', hidden: true });
    this.own = el('div', { class: 'gl-tools gl-run-form', role: 'group', 'aria-label': 'train a BiGAN on MNIST here' }, el('span', {}, 'Train a BiGAN on MNIST here:'), epochs.label, seed.label, this.start);
    const address = el('input', { class: 'gl-select gl-run-address', type: 'text', 'aria-label': 'folder or address of a run', placeholder: 'runs/NAME, or https://…' });
    const choose = () => address.value.trim() && open(address.value.trim());
    address.addEventListener('keydown', ({ key }) => void (key === 'Enter' && choose()));
    this.other = el('div', { class: 'gl-tools gl-run-form', role: 'group', 'aria-label': 'open another run' }, el('span', {}, 'Open a run’s folder or address:'), address, button('open', choose, { 'data-do': 'open' }));
    this.element = el('details', { class: 'gl-details gl-run-more', 'data-name': 'training' }, el('summary', {}, 'train one here, or open another'), this.own, this.duration, this.absence, this.other);
  }

  /** @param {Offer} offer */
  show({ any, absence, most }) {
    this.epochs.max = String(most);
    for (const each of [this.own, this.duration]) each.hidden = Boolean(absence);
    this.absence.hidden = !absence;
    this.absence.textContent = absence;
    this.other.hidden = !any;
  }
}
