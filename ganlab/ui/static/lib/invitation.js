// What a pad shows to a person who has never used it: a ghost stroke on empty paper, and the example one click away.
import { button, el } from './elements.js';
import { recall, remember } from './storage.js';

const STORED = ['pad', 'used'];
const GHOST = 'M 84 96 C 92 44, 196 44, 194 104 C 192 150, 112 172, 82 224 L 204 224'; // a 2 on paper of 280 x 280
const SVG = 'http://www.w3.org/2000/svg';

let used = false; // so that a browser that stores nothing remembers as long as the page is open

export class Invitation {
  /** @type {HTMLElement | null} */
  root = null;

  /** @param {HTMLElement} paper */
  constructor(paper) {
    this.paper = paper;
  }

  /** Whether this person has never drawn here, nor brought a picture. */
  static get isFirstVisit() {
    return !used && recall(STORED[0], STORED[1]) !== true;
  }

  get isOpen() {
    return this.root !== null;
  }

  /**
   * Invite to draw.
   * @param {string} example address of the picture that the page shows the results of
   * @param {() => void} onexample it is taken
   */
  open(example, onexample) {
    this.close();
    const picture = el('img', { class: 'gl-picture', src: example, alt: '' });
    const take = button('use this example', () => {
      this.end();
      onexample();
    });
    take.prepend(picture);
    const words = el('p', {}, 'draw a digit here');
    this.root = el('div', { class: 'gl-invitation' }, drawGhost(), words, take);
    this.paper.append(this.root);
  }

  /** Take it away, until it is asked for again. */
  close() {
    this.root?.remove();
    this.root = null;
  }

  /** The person has begun: it never comes back. */
  end() {
    this.close();
    if (!Invitation.isFirstVisit) return;
    used = true;
    remember(STORED[0], STORED[1], true);
  }
}

function drawGhost() {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 280 280');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', GHOST);
  path.setAttribute('pathLength', '1');
  svg.append(path);
  return svg;
}
