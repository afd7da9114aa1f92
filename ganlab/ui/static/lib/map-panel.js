// What is beside the map about a selection: how many, of which classes, their mean, and what can be done with them.
import { OWN_SAVED, OwnDirections } from './directions.js';
import { button, el } from './elements.js';
import { paint } from './generator.js';
import { SelectionExport } from './map-export.js';
import { countCodes } from './map-selection.js';

const SLIDER = 'from the mean latent of all others to the mean latent of these: a slider of your own in Latent';
const HINT = 'Choose box or lasso and draw around points; Shift adds, Alt takes away. By keyboard, b sets a corner of a box.';

/**
 * @typedef {import('./map-selection.js').Selection} Selection
 *
 * @typedef {object} PanelMap the map that the panel belongs to
 * @property {string} model
 * @property {string} fingerprint
 * @property {string[]} aliases
 * @property {string} server why the server makes the pictures, if it does
 * @property {import('./generator.js').Generator | null} G
 * @property {() => Promise<import('./map-data.js').CodeTable>} latents of the codes
 * @property {Float32Array} xy positions of the layout in use
 * @property {(label: number) => string} colourOf
 */

export class SelectionPanel {
  /** @type {Selection | null} */
  selection = null;

  /**
   * @param {() => PanelMap} map
   * @param {object} actions
   * @param {(code: Float32Array, about: string, end: string) => void} actions.send makes its latent current, A or B
   * @param {() => void} actions.clear
   */
  constructor(map, actions) {
    this.map = map;
    this.actions = actions;
    this.count = el('span', { role: 'status' });
    this.mix = el('div', { class: 'gl-mix', role: 'list', 'aria-label': 'classes of the selection' });
    this.picture = el('canvas', { class: 'gl-picture gl-mean', role: 'img', 'aria-label': 'the picture of their mean' });
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.exports = new SelectionExport((text) => (this.notice.textContent = text));
    this.name = el('input', { type: 'text', maxlength: 40, placeholder: 'name', 'aria-label': 'name of the direction' });
    this.name.onkeydown = (event) => event.key === 'Enter' && this.saveDirection();
    this.sheet = button('contact sheet', () => this.saveSheet(), { 'data-export': 'sheet' });
    this.body = el('div', { hidden: true }, this.mix, this.#mean(), this.#direction(), this.#exports());
    this.element = el('section', { class: 'gl-selection', 'aria-label': 'selection' }, el('h2', { class: 'gl-h' }, this.count), this.body, this.notice);
    this.show(null);
  }

  #mean() {
    const send = ['', 'A', 'B'].map((end) =>
      button(end ? `to ${end}` : 'make current', () => this.#send(end), { 'data-mean': end || 'current' }),
    );
    return el('div', { class: 'gl-average' }, this.picture, el('div', { class: 'gl-tools' }, el('small', {}, 'their mean'), ...send));
  }

  #direction() {
    const save = button('save as slider', () => this.saveDirection(), { title: SLIDER, 'data-export': 'direction' });
    return el('div', { class: 'gl-tools' }, this.name, save);
  }

  #exports() {
    const csv = button('CSV', () => this.saveCsv(), { 'data-export': 'csv', title: 'index, label, x, y and code of each' });
    return el('div', { class: 'gl-tools' }, csv, this.sheet, button('clear', () => this.actions.clear()));
  }

  /** @param {Selection | null} selection */
  show(selection) {
    this.selection = selection;
    this.exports.stop();
    this.notice.textContent = selection ? '' : HINT;
    this.count.textContent = selection ? `selection: ${countCodes(selection.rows.length)}` : 'selection';
    this.body.hidden = !selection;
    this.name.value = '';
    if (!selection) return;
    const { G, server } = this.map();
    this.sheet.disabled = !G;
    this.sheet.title = G ? 'the pictures of these codes as one PNG' : server;
    this.picture.hidden = !G;
    if (G) paint(this.picture, G.decodeCode(selection.mean), G.shape);
    this.recolour();
  }

  /** Lay the classes out in the palette's colours. */
  recolour() {
    const { selection } = this;
    if (!selection) return;
    const { colourOf } = this.map();
    const most = selection.mix[0][1];
    const { data, mix } = selection;
    const rows = (data.labelled ? mix : []).map(([label, count]) => {
      const name = data.name(label);
      const swatch = el('i', { style: `background:${colourOf(label)}` });
      const bar = el('i', { style: `background:${colourOf(label)};width:${(100 * count) / most}%` });
      return el(
        'div',
        { role: 'listitem', 'aria-label': `${name}: ${countCodes(count)}` },
        el('span', { class: 'gl-label' }, swatch, name),
        el('span', { class: 'gl-share' }, bar),
        el('small', {}, count.toLocaleString('en')),
      );
    });
    this.mix.replaceChildren(...rows);
  }

  get fileName() {
    return `${this.map().model.replace(/[^\w.-]+/g, '-')}-selection-${this.selection?.rows.length}`;
  }

  /** @param {string} end A, B, or empty for the current latent */
  #send(end) {
    const { selection } = this;
    if (selection) this.actions.send(selection.mean, `mean of ${selection.summary}`, end);
  }

  async saveDirection() {
    const { selection } = this;
    if (!selection) return;
    const { fingerprint, aliases, latents } = this.map();
    const name = this.name.value.trim() || `selection of ${selection.rows.length}`;
    const { summary: note } = selection;
    const step = await latents().then((table) => selection.step(table), (error) => /** @type {Error} */ (error));
    if (this.selection !== selection) return; // another was drawn meanwhile
    if (step instanceof Error) {
      this.notice.textContent = step.message;
      return;
    }
    const saved = step && new OwnDirections(fingerprint, aliases).add(name, step, note);
    this.notice.textContent = saved
      ? `Saved: open Latent and choose own. +1 leads from the mean latent of all others to that of these.`
      : 'All codes are selected, so there is no rest to lead away from.';
    if (step && saved) dispatchEvent(new CustomEvent(OWN_SAVED, { detail: { fingerprint, name, step, note } }));
  }

  saveCsv() {
    if (this.selection) this.exports.saveCsv(this.selection, this.map().xy, this.fileName);
  }

  saveSheet() {
    const { G, colourOf } = this.map();
    if (this.selection && G) this.exports.saveSheet(this.selection, G, colourOf, this.fileName);
  }
}
