// Where an arrow key leads from a node: along a connection, or to the branch beside.
class GraphKeys {
  constructor(graph) {
    this.places = graph.nodes;
    this.reads = graph.nodes.map(() => []);
    this.readers = graph.nodes.map(() => []);
    for (const [source, target] of graph.edges) {
      this.reads[target].push(source);
      this.readers[source].push(target);
    }
    this.came = new Map();
  }

  next(from, key) {
    switch (key) {
      case "ArrowDown":
        return this.remember(from, this.nearest(from, this.readers[from]));
      case "ArrowUp":
        return this.came.get(from) ?? this.nearest(from, this.reads[from]);
      case "ArrowLeft":
        return this.beside(from, -1);
      case "ArrowRight":
        return this.beside(from, 1);
      case "Home":
        return 0;
      case "End":
        return this.places.length - 1;
      default:
        return undefined;
    }
  }

  /** The way back up is the way that led down. */
  remember(from, to) {
    if (to !== undefined) this.came.set(to, from);
    return to;
  }

  nearest(from, others) {
    const [x, y, width] = this.places[from];
    const far = (i) =>
      Math.abs(this.places[i][1] - y) * 1000 +
      Math.abs(this.places[i][0] + this.places[i][2] / 2 - x - width / 2);
    return others.toSorted((a, b) => far(a) - far(b))[0];
  }

  beside(from, side) {
    const [x, y, width] = this.places[from];
    let best,
      least = Infinity;
    this.places.forEach(([ox, oy, owidth], i) => {
      const across = side * (ox + owidth / 2 - x - width / 2);
      if (across <= 1 || Math.abs(oy - y) > 60) return;
      const far = across + 4 * Math.abs(oy - y);
      if (far < least) {
        least = far;
        best = i;
      }
    });
    return best;
  }
}
