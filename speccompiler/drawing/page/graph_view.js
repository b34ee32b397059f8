// The graph: SVG elements for what can be seen, a few large paths where that would be too many.
const PAD = 28,
  MOST_BOXES = 600;

class GraphView {
  /** `nodes[i]`: title, below, shape, label, kind, mark; the places are in `graph`. */
  constructor(host, { graph, nodes, label, onSelect }) {
    Object.assign(this, { host, graph, nodes, onSelect });
    this.height = graph.nodeHeight;
    this.keys = new GraphKeys(graph);
    this.stop = 0; // the node that Tab leads to
    this.chosen = null;
    this.found = new Set();
    this.heat = () => null;
    this.scaled = null;
    this.boxes = new Map();
    this.lines = new Map();
    this.edgeLayer = draw("g", { "aria-hidden": "true" });
    this.farLayer = draw("g", { "aria-hidden": "true" });
    this.nodeLayer = draw("g", nodes.length ? { role: "listbox", "aria-label": label } : {});
    const width = graph.width + 2 * PAD,
      height = graph.height + 2 * PAD;
    this.svg = draw(
      "svg",
      { viewBox: `${-PAD} ${-PAD} ${width} ${height}`, role: "group", "aria-label": label },
      draw(
        "defs",
        {},
        draw(
          "marker",
          {
            id: `tip-${host.id}`,
            viewBox: "0 0 8 8",
            refX: 7,
            refY: 4,
            markerWidth: 7,
            markerHeight: 7,
            orient: "auto",
            markerUnits: "userSpaceOnUse",
          },
          draw("path", { class: "tip", d: "M0 0.8L8 4L0 7.2z" }),
        ),
      ),
      this.edgeLayer,
      this.farLayer,
      this.nodeLayer,
    );
    host.append(this.svg);
    this.repaint = eachFrame(() => this.paint());
    this.zoom = new Zoom(host, this.svg, width, height, this.repaint);
    // On the host: an SVG element that listens for focus is a stop of Tab in some browsers.
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("click", (event) => this.click(event));
    host.addEventListener("focusin", (event) => {
      const i = event.target.dataset.node;
      if (i !== undefined) this.moveStop(Number(i));
    });
    const [x, , first] = graph.nodes[0] ?? [0, 0, 0];
    this.zoom.open(x + first / 2 + PAD);
    this.paint();
  }

  key(event) {
    if (!this.nodes.length || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") this.onSelect(this.stop);
    else if (event.key === "+" || event.key === "=") this.zoom.by(1.25);
    else if (event.key === "-") this.zoom.by(0.8);
    else if (event.key === "0") this.zoom.fit();
    else {
      const to = this.keys.next(this.stop, event.key);
      if (to === undefined) {
        if (!event.key.startsWith("Arrow")) return;
      } else this.focus(to);
    }
    event.preventDefault();
  }

  click(event) {
    const at = event.target.closest?.(".node");
    const i = at ? Number(at.dataset.node) : this.at(event);
    if (i === undefined) return;
    this.moveStop(i);
    this.onSelect(i);
  }

  /** The node at a place of the screen, where nodes have no elements of their own. */
  at(event) {
    const { left, top } = this.svg.getBoundingClientRect();
    const x = (event.clientX - left) / this.zoom.scale - PAD;
    const y = (event.clientY - top) / this.zoom.scale - PAD;
    const i = this.graph.nodes.findIndex(
      ([nx, ny, width]) => x >= nx && x <= nx + width && y >= ny && y <= ny + this.height,
    );
    return i < 0 ? undefined : i;
  }

  focus(i) {
    this.moveStop(i);
    this.show(i);
    this.paint();
    this.boxes.get(i).focus({ preventScroll: true });
  }

  moveStop(i) {
    this.boxes.get(this.stop)?.setAttribute("tabindex", "-1");
    this.stop = i;
    this.boxes.get(i)?.setAttribute("tabindex", "0");
  }

  show(i) {
    const [x, y, width] = this.graph.nodes[i];
    this.zoom.show(x + PAD, y + PAD, width, this.height);
  }

  choose(i) {
    const before = this.chosen;
    this.chosen = i;
    if (i !== null) {
      this.moveStop(i);
      this.show(i);
    }
    this.redraw([before, i]);
  }

  setFound(found) {
    const before = this.found;
    this.found = found;
    this.redraw([...before, ...found]);
  }

  /** `heat(i)` gives part (0 to 1) and text, `scaled(i)` the width of a box; or null. */
  setLook(heat, scaled) {
    this.heat = heat ?? (() => null);
    this.scaled = scaled;
    this.svg.classList.toggle("heated", Boolean(heat));
    this.svg.classList.toggle("to-scale", Boolean(scaled));
    this.redraw(this.boxes.keys());
  }

  /** Draw some nodes again, and the lines, where they can be seen. */
  redraw(some) {
    const active = document.activeElement?.dataset?.node;
    for (const i of [...some]) {
      const box = this.boxes.get(i);
      if (!box) continue;
      const made = nodeBox(this, i);
      box.replaceWith(made);
      this.boxes.set(i, made);
      if (active === String(i) && box !== made) made.focus({ preventScroll: true });
    }
    this.edgeLayer.replaceChildren();
    this.lines.clear();
    this.paint();
  }

  paint() {
    const at = this.zoom.seen(),
      margin = (at.bottom - at.y) * 0.4 + 60;
    const [left, right] = [at.x - PAD - margin, at.right - PAD + margin];
    const [top, bottom] = [at.y - PAD - margin, at.bottom - PAD + margin];
    const seen = [];
    this.graph.nodes.forEach(([x, y, width], i) => {
      if (y < bottom && y + this.height > top && x < right && x + width > left) seen.push(i);
    });
    const far = seen.length > MOST_BOXES;
    const own = [this.stop, ...(this.chosen === null ? [] : [this.chosen])].filter(
      (i) => this.nodes[i],
    );
    this.paintBoxes(new Set(far ? own : [...seen, ...own]));
    this.farLayer.replaceChildren(...(far ? farShapes(this, seen) : []));
    const drawn = far ? [] : this.graph.edges.keys();
    const wanted = new Set();
    for (const e of drawn) {
      const [source, target, points] = this.graph.edges[e];
      const ys = points.filter((_, k) => k % 2),
        xs = points.filter((_, k) => k % 2 === 0);
      if (
        Math.min(...ys) < bottom &&
        Math.max(...ys) > top &&
        Math.min(...xs) < right &&
        Math.max(...xs) > left
      )
        wanted.add(e);
    }
    for (const [e, line] of this.lines)
      if (!wanted.has(e)) {
        line.remove();
        this.lines.delete(e);
      }
    for (const e of wanted) {
      if (this.lines.has(e)) continue;
      const [source, target, points, kind] = this.graph.edges[e];
      const near = source === this.chosen || target === this.chosen;
      const line = draw("path", {
        class: `edge ${near ? "near" : ""} ${kind ?? ""}`,
        d: curve(points),
        "marker-end": `url(#tip-${this.host.id})`,
      });
      this.lines.set(e, line);
      this.edgeLayer.append(line);
    }
  }

  paintBoxes(wanted) {
    for (const [i, box] of this.boxes) {
      if (wanted.has(i) || box === document.activeElement) continue;
      box.remove();
      this.boxes.delete(i);
    }
    let after = this.nodeLayer.firstChild;
    for (const i of [...wanted].sort((a, b) => a - b)) {
      // Readers meet the nodes in the order of the network.
      while (after && Number(after.dataset.node) < i) after = after.nextSibling;
      if (this.boxes.has(i)) continue;
      const box = nodeBox(this, i);
      this.boxes.set(i, box);
      this.nodeLayer.insertBefore(box, after);
    }
  }
}
