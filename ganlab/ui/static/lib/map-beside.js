// A second model's map of the same training pictures, beside the first: what is selected in one is marked in both.
import { el, picker } from './elements.js';
import { loadGenerator } from './generator.js';
import { MapData } from './map-data.js';
import { maskOf } from './map-selection.js';
import { Sky } from './map-sky.js';
import { modelAddress, request } from './request.js';

/**
 * @typedef {{ name: string, title: string }} OtherModel
 *
 * @typedef {object} BesideActions
 * @property {(index: number | null) => void} look the pointer is on a training picture, or on none
 * @property {(index: number) => void} choose
 * @property {(indices: number[], mode: import('./map-selection.js').Mode) => void} select
 * @property {() => void} cancel
 */

export class BesideMap {
  model = ''; // name of the model that is shown, empty for none
  /** @type {MapData | null} */
  data = null;
  /** @type {OtherModel[]} */
  others = [];
  /** @type {number[] | null} */
  indices = null; // of the selection, in the data set

  /**
   * @param {import('./map-colours.js').MapColours} colours
   * @param {BesideActions} actions
   */
  constructor(colours, actions) {
    this.actions = actions;
    this.sky = new Sky("map of another model's codes of the same pictures", colours, {
      look: ({ row }) => actions.look(this.#indexOf(row)),
      choose: ({ row }) => {
        const index = this.#indexOf(row);
        if (index !== null) actions.choose(index);
      },
      press: () => {},
      select: (rows, mode) => actions.select(rows.map((row) => this.data?.indices[row] ?? -1), mode),
      cancel: () => actions.cancel(),
    });
    this.picker = el('span');
    this.title = el('h2', { class: 'gl-h' });
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.element = el('div', { class: 'gl-beside', hidden: true });
  }

  /** @param {OtherModel[]} others models with codes of the same pictures */
  offer(others) {
    this.others = others;
    /** @type {[string, string][]} */
    const choices = [['', 'no second map'], ...others.map(({ name, title }) => /** @type {[string, string]} */ ([name, title]))];
    const select = picker('second map, of another model', choices, (name) => this.open(name));
    this.picker.replaceChildren(...(others.length ? [select] : []));
    this.open('');
  }

  /** @param {string} name of a model; empty for none */
  async open(name) {
    this.model = name;
    this.data = null;
    this.element.hidden = !name;
    this.element.replaceChildren(...(name ? [this.title, this.sky.canvas, this.notice] : []));
    this.sky.show(null, null);
    const other = this.others.find((each) => each.name === name);
    if (!other) return;
    this.title.textContent = other.title;
    this.notice.textContent = 'Loading the map.';
    try {
      const data = new MapData(await (await request(modelAddress('map', name))).arrayBuffer());
      const G = await loadGenerator(name, data.fingerprint).catch(() => null); // one too large for the page
      if (this.model !== name) return; // another was chosen meanwhile
      this.data = data;
      this.sky.show(data, G);
    } catch (error) {
      if (this.model === name) this.notice.textContent = /** @type {Error} */ (error).message;
      return;
    }
    this.openLayout(this.sky.layoutId);
    this.highlight(this.indices);
  }

  /** @param {string} id of a layout; where this map lacks it, its first is shown */
  openLayout(id) {
    this.sky.layoutId = id;
    if (!this.data) return;
    const layout = this.data.layouts.find((each) => each.id === id) ?? this.data.layouts[0];
    const { title } = this.others.find(({ name }) => name === this.model) ?? { title: this.model };
    this.title.textContent = `${title}: ${layout.title}`;
    this.notice.textContent = '';
    this.sky.openLayout(layout.id);
  }

  /** @param {number[] | null} indices of the selected pictures in the data set */
  highlight(indices) {
    this.indices = indices;
    const { data } = this;
    if (!data) return;
    const rows = indices?.map((index) => data.rowOf(index)).filter((row) => row !== undefined);
    this.sky.select(rows ? maskOf(rows, data.count) : null);
  }

  /** @param {number | null} index of the picture that the pointer is on in the first map */
  mark(index) {
    const { data, sky } = this;
    if (!data) return;
    const row = index === null ? undefined : data.rowOf(index);
    sky.marks.twin = row === undefined ? null : data.position(row, sky.layoutId);
    sky.drawing.request();
  }

  /** @param {number | null} row */
  #indexOf(row) {
    return row === null || !this.data ? null : this.data.indices[row];
  }
}
