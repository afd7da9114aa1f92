// Places visited, for undo and redo. What was undone is lost once something new is visited.
export class History {
  constructor(first, limit = 500) {
    Object.assign(this, { places: [first], at: 0, limit });
  }

  get current() {
    return this.places[this.at];
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.places.length - 1;
  }

  push(place) {
    this.places = [...this.places.slice(0, this.at + 1), place].slice(-this.limit);
    this.at = this.places.length - 1;
  }

  undo() {
    if (this.canUndo) this.at--;
    return this.current;
  }

  redo() {
    if (this.canRedo) this.at++;
    return this.current;
  }
}
