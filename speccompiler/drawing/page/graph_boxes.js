// What a graph is drawn of: boxes with texts, lines, and paths for what is far away.
const pen = document.createElement("canvas").getContext("2d");
const FONT = getComputedStyle(document.documentElement).fontFamily;
const TITLE = `620 12px ${FONT}`,
  SMALL = `10.5px ${FONT}`;
const lengths = new Map();

/** How long a text is in a font, in pixels. */
function lengthOf(text, font) {
  const key = font + text;
  if (!lengths.has(key)) {
    pen.font = font;
    lengths.set(key, pen.measureText(text).width);
  }
  return lengths.get(key);
}

/** A text, or as much of its beginning as there is room for. */
function cut(text, room, font) {
  if (lengthOf(text, font) <= room) return text;
  const characters = [...text];
  let fits = 1,
    tooMany = characters.length;
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    const part = `${characters.slice(0, middle).join("")}\u2026`;
    if (lengthOf(part, font) <= room) fits = middle;
    else tooMany = middle;
  }
  return `${characters.slice(0, fits).join("")}\u2026`;
}

/** A line through points, with soft turns between them. */
function curve(points) {
  let path = `M${points[0]} ${points[1]}`;
  for (let k = 2; k < points.length; k += 2) {
    const [x0, y0, x, y] = points.slice(k - 2, k + 2);
    const middle = (y0 + y) / 2;
    path += Math.abs(x - x0) < 0.5 ? `L${x} ${y}` : `C${x0} ${middle} ${x} ${middle} ${x} ${y}`;
  }
  return path;
}

const inputNode = (shape) => ({
  title: "input",
  below: "",
  shape,
  kind: "input",
  label: `input, ${shape}`,
});

/** The elements of a node. */
function nodeBox(view, i) {
  const node = view.nodes[i],
    [x, y, width] = view.graph.nodes[i],
    { height } = view;
  const heat = view.heat(i);
  const wide = Math.min(width, Math.max(3, view.scaled?.(i) ?? width)),
    left = (width - wide) / 2;
  const chosen = i === view.chosen;
  const kind = `${node.kind ?? ""} ${view.found.has(i) ? "found" : ""} ${chosen ? "chosen" : ""}`;
  const frame = { x: left, y: 0, width: wide, height, rx: Math.min(8, wide / 2) };
  const room =
    width - 20 - (heat?.short ? lengthOf(heat.short, SMALL) + 6 : 0) - (node.mark ? 14 : 0);
  const shape = cut(node.shape, width - 20, SMALL);
  const label = [node.label, heat ? heat.text : null].filter(Boolean).join(", ");
  return draw(
    "g",
    {
      class: `node ${kind}`,
      transform: `translate(${x} ${y})`,
      role: "option",
      "data-node": i,
      "aria-selected": String(chosen),
      "aria-label": label,
      tabindex: i === view.stop ? "0" : "-1",
      "aria-posinset": i + 1,
      "aria-setsize": view.nodes.length,
    },
    draw("title", { text: label }),
    draw("rect", { class: "ring", x: -4, y: -4, width: width + 8, height: height + 8, rx: 11 }),
    draw("rect", { class: "box", ...frame }),
    heat
      ? draw("rect", {
          class: "warmth",
          ...frame,
          "fill-opacity": 0.9 * heat.part,
          "pointer-events": "none",
        })
      : null,
    node.mark ? draw("text", { class: "mark", x: 10, y: 16, text: node.mark }) : null,
    draw("text", {
      class: "title",
      x: node.mark ? 24 : 10,
      y: 16,
      text: cut(node.title, room, TITLE),
    }),
    heat ? draw("text", { class: "share", x: width - 10, y: 16, text: heat.short }) : null,
    draw("text", {
      class: "below",
      x: 10,
      y: 32,
      text: cut(node.below, width - 26 - lengthOf(shape, SMALL), SMALL),
    }),
    draw("text", {
      class: "shape",
      x: width - 10,
      y: 32,
      text: shape,
    }),
  );
}

/** Boxes and lines of a large part of the network, as one path for each degree of heat. */
function farShapes(view, seen) {
  const degrees = new Map();
  for (const i of seen) {
    const heat = view.heat(i);
    const degree = view.found.has(i)
      ? "far-found"
      : heat
        ? Math.round(heat.part * 6) / 6
        : view.nodes[i].kind || "far-plain";
    if (!degrees.has(degree)) degrees.set(degree, []);
    const [x, y, width] = view.graph.nodes[i];
    degrees.get(degree).push(`M${x} ${y}h${width}v${view.height}h${-width}z`);
  }
  const lines = view.graph.edges.map(([, , points]) => curve(points)).join("");
  const shapes = [draw("path", { class: "edge", d: lines })];
  for (const [degree, texts] of degrees) {
    const d = texts.join("");
    if (typeof degree === "string")
      shapes.push(
        draw("g", { class: `node ${degree}` }, draw("path", { class: `box far ${degree}`, d })),
      );
    else
      shapes.push(
        draw("path", { class: "far-cold", d }),
        draw(
          "g",
          { class: "node" },
          draw("path", { class: "warmth", d, "fill-opacity": 0.9 * degree }),
        ),
      );
  }
  return shapes;
}
