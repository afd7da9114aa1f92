// The studio's panel: one button for each kind of direction and each plane, and the view that is open.
import { button, el, press } from './elements.js';
import { LOCAL, LocalSliders } from './local-directions.js';
import { CornerPlane, DirectionPlane, SeedPlane } from './planes.js';
import { Sliders } from './sliders.js';

/**
 * @typedef {import('./studio.js').Studio} Studio
 * @typedef {import('./directions.js').DirectionKind} DirectionKind
 * @typedef {{ show: () => void, renew: () => void, stop: () => void, judged?: () => void, ids: string[], element: HTMLElement }} View
 */

export class DirectionPanel {
  /** @type {View | null} */
  view = null;
  viewId = '';

  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
    this.kinds = el('div', { class: 'gl-kinds', role: 'group', 'aria-label': 'kind of direction' });
    this.lacks = el('p', { class: 'gl-fine' });
    this.body = el('div', { class: 'gl-view' });
    this.element = el('div', { class: 'gl-panel' }, this.kinds, this.lacks, this.body);
  }

  clear() {
    this.view?.stop();
    this.view = null;
    for (const part of [this.kinds, this.lacks, this.body]) part.replaceChildren();
  }

  /**
   * @param {DirectionKind[]} kinds
   * @param {{ title: string, reason: string }[]} lacking kinds that the model does not have
   */
  layOut(kinds, lacking) {
    const views = this.#views(kinds);
    /** @param {string} id */
    const open = (id) => {
      this.view?.stop();
      this.viewId = id;
      this.view = (views.find((view) => view.id === id) ?? views[0]).make();
      this.body.replaceChildren(this.view.element);
      press(this.kinds, (each) => each.dataset.view === id);
    };
    this.kinds.replaceChildren(
      ...views.map(({ id, title }) => button(title, () => open(id), { 'data-view': id, 'aria-pressed': 'false' })),
      ...lacking.map(({ title, reason }) => button(title, null, { disabled: true, title: reason })),
    );
    /** @type {Map<string, string[]>} */
    const titles = new Map(); // by the reason for which they are lacking
    for (const { title, reason } of lacking) titles.set(reason, [...(titles.get(reason) ?? []), title]);
    this.lacks.textContent = [...titles].map(([reason, all]) => `No ${all.join(', ')}: ${reason}.`).join(' ');
    open(views.some(({ id }) => id === this.viewId) ? this.viewId : views[0].id);
  }

  /**
   * @param {DirectionKind[]} kinds
   * @returns {{ id: string, title: string, make: () => View }[]}
   */
  #views(kinds) {
    const { studio } = this;
    const sliders = kinds.map((kind) => ({
      id: kind.id,
      title: kind.title,
      make: () => (kind.id === LOCAL ? new LocalSliders(studio, kind) : new Sliders(studio, kind)),
    }));
    if (!studio.G) return sliders; // planes take too many pictures to ask the server for
    const ungrouped = kinds.flatMap((kind) => kind.directions.filter(({ group }) => !group));
    return [
      ...sliders,
      { id: 'pad', title: 'two at once', make: () => new DirectionPlane(studio, ungrouped) },
      { id: 'seeds', title: 'lattice of seeds', make: () => new SeedPlane(studio) },
      { id: 'corners', title: 'four corners', make: () => new CornerPlane(studio) },
    ];
  }
}
