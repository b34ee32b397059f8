// The page of one model.
const { layers, graph } = data;
const nodeOf = new Array(layers.length); // by layer its node; inputs without a layer have others
graph.layers.forEach((i, node) => {
  if (i >= 0) nodeOf[i] = node;
});
const numberOf = new Map(layers.map((layer, i) => [layer.name, i]));
const COSTS = { parameters: "parameters", macs: "multiply-adds", bytes: "activations" };

const share = (part) =>
  part >= 0.0995
    ? `${Math.round(part * 100)}%`
    : part >= 0.001
      ? `${(part * 100).toFixed(1)}%`
      : part > 0
        ? "<0.1%"
        : "";

/**
 * By layer its part of the most expensive one and its share of the whole.
 * Null of every layer where one is open: there is no whole then, and nobody knows the most.
 */
function costs(key) {
  const values = layers.map((layer) => layer[key][0]);
  const open = values.includes(null);
  const most = Math.max(1, ...values);
  const sum = values.reduce((all, value) => all + value, 0) || 1;
  return {
    open,
    most,
    at: (i) => (open ? null : { part: values[i] / most, share: values[i] / sum }),
  };
}

function startHeader() {
  byId("model").textContent = data.model;
  byId("about").textContent = data.about;
  for (const [label, text, more] of data.amounts) {
    byId("totals").append(
      make(
        "div",
        {},
        make("dt", { text: label }),
        // Of open lengths: 640*T + 2560*ceil((T + 1)/2).
        make(
          "dd",
          { class: text.length > 16 && "formula" },
          text,
          more ? make("small", { text: ` ${more}` }) : "",
        ),
      ),
    );
  }
}

const columns = [
  {
    key: "name",
    label: "layer",
    className: "name",
    value: (l) => l.name,
    cell: (l, query) => marked(l.name, query),
  },
  { key: "type", label: "type", value: (l) => l.type, cell: (l, query) => marked(l.type, query) },
  {
    key: "shape",
    label: "output shape",
    className: "shape",
    value: (l) => l.bytes[0],
    cell: (l) => [l.shape],
  },
  ...Object.entries(COSTS).map(([key, label]) => ({
    key,
    label,
    number: true,
    value: (l) => l[key][0] ?? l[key][1],
    cell: (l) => [l[key][0] === 0 ? "" : l[key][1]],
  })),
  {
    key: "field",
    label: "field",
    number: true,
    value: (l) =>
      l.field === null ? Infinity : l.field.reduce((a, b) => a * b, l.field.length ? 1 : 0),
    cell: (l) => [fieldSize(l)],
  },
  {
    key: "stride",
    label: "stride",
    number: true,
    value: (l) => (l.stride ? ratio(l.stride[0] ?? "0") : -1),
    cell: (l) => [
      !l.stride ? "" : new Set(l.stride).size === 1 ? l.stride[0] : timesText(l.stride),
    ],
  },
];

const isOutput = (layer) => data.outputs.includes(layer.name);
const bare = [...graph.shapes];
const nodes = graph.layers.map((i) => {
  if (i < 0) return inputNode(bare.shift());
  const layer = layers[i],
    kind = isOutput(layer) ? "output" : layer.type === "InputLayer" ? "input" : "";
  const label = `${layer.name}, ${layer.type}, output ${layer.shape}${isOutput(layer) ? ", an output of the model" : ""}`;
  return { title: layer.name, below: layer.type, shape: layer.shape, kind, label };
});

startTheme();
startHelp();
startHeader();
const table = new TableView(byId("layers"), {
  columns,
  rows: layers,
  label: "Layers",
  onSelect: (i) => select(i),
});
const view = new GraphView(byId("graph"), {
  graph,
  nodes,
  label: "Network graph",
  onSelect: (node) => select(graph.layers[node] < 0 ? null : graph.layers[node]),
});
let selected = null;

/** Select a layer, or none, everywhere; `link` writes it into the address. */
function select(i, link = true) {
  selected = i;
  table.choose(i);
  view.choose(i === null ? null : nodeOf[i]);
  const panel = byId("details");
  panel.classList.toggle("overview", i === null);
  panel.setAttribute("aria-label", i === null ? "Overview" : "Selected layer");
  panel.replaceChildren(...(i === null ? overview() : layerDetails(i, around(i))));
  panel.scrollTop = 0;
  if (!link) return;
  const hash = i === null ? " " : `#layer=${encodeURIComponent(layers[i].name)}`;
  if (location.hash !== hash.trim())
    history.replaceState(null, "", i === null ? location.pathname + location.search : hash);
  say(i === null ? "Nothing selected" : `${layers[i].name} selected`);
}

/** The layers before and after, and the inputs that the layer hangs on. */
function around(i) {
  const known = new Set([nodeOf[i]]),
    inputs = new Set();
  for (const node of known) {
    const own = graph.layers[node];
    // A bare input has the name of the layer that reads it.
    if (!view.keys.reads[node].length)
      inputs.add(
        own < 0 ? layers[graph.layers[view.keys.readers[node][0]]].name : layers[own].name,
      );
    view.keys.reads[node].forEach((other) => known.add(other));
  }
  const names = (some) =>
    some.filter((node) => graph.layers[node] >= 0).map((node) => layers[graph.layers[node]].name);
  return {
    layers,
    inputs: data.inputs.filter((input) => inputs.has(input.name)),
    reads: names(view.keys.reads[nodeOf[i]]),
    readers: names(view.keys.readers[nodeOf[i]]),
  };
}

function setLook() {
  const key = byId("heat").value,
    scaled = byId("to-scale").checked;
  const cost = key ? costs(key) : null,
    bytes = costs("bytes");
  const heat =
    cost &&
    ((node) => {
      const found = graph.layers[node] < 0 ? null : cost.at(graph.layers[node]);
      return (
        found && {
          part: found.part,
          short: share(found.share),
          text: `${share(found.share) || "no"} of the ${COSTS[key]}`,
        }
      );
    });
  const side = (node) => Math.sqrt(bytes.at(graph.layers[node])?.part ?? 1);
  // One scale for all, by which every box fits where it stands.
  const own = [...graph.layers.keys()].filter((node) => graph.layers[node] >= 0 && side(node) > 0);
  const unit = Math.min(...own.map((node) => graph.nodes[node][2] / side(node)));
  const width =
    scaled && ((node) => (graph.layers[node] < 0 ? graph.nodes[node][2] : unit * side(node)));
  view.setLook(heat, width || null);
  table.setMeter(key ? { key, part: (i) => cost.at(i)?.part ?? 0 } : null);
  const legend = byId("legend"),
    top = cost && layers.find((layer) => layer[key][0] === cost.most);
  legend.hidden = !key && !scaled;
  legend.replaceChildren(
    ...(cost?.open
      ? [make("span", { text: `No heat: ${COSTS[key]} depend on open lengths (--input-shape)` })]
      : []),
    ...(cost && !cost.open
      ? [
          make(
            "span",
            { class: "key" },
            "0",
            make("span", { class: "ramp", role: "img", "aria-label": "from none to the most" }),
            top ? top[key][1] : "0",
          ),
          make("span", { text: `${COSTS[key]}; % of all` }),
        ]
      : []),
    ...(scaled
      ? [make("span", { text: "Width: the square root of a layer's activation bytes" })]
      : []),
  );
}

/** The layer that the address names. */
function follow() {
  const match = /^#layer=(.*)$/s.exec(location.hash);
  let name = null;
  try {
    name = match && decodeURIComponent(match[1]);
  } catch {
    /* no name at all */
  }
  const i = name === null ? null : (numberOf.get(name) ?? null);
  if (i !== selected || i === null) select(i, false);
}

const search = new Search(
  layers.map((layer) => `${layer.name}\n${layer.type}`),
  {
    onFound: (found, query) => {
      table.setQuery(query);
      view.setFound(new Set([...found].map((i) => nodeOf[i])));
    },
    onMatch: (i) => select(i),
  },
);
for (const id of ["heat", "to-scale"]) byId(id).addEventListener("change", setLook);
setLook();
byId("zoom-in").addEventListener("click", () => view.zoom.by(1.25));
byId("zoom-out").addEventListener("click", () => view.zoom.by(0.8));
byId("zoom-fit").addEventListener("click", () => view.zoom.fit());
addEventListener("hashchange", follow);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || byId("help").open) return;
  if (search.query) search.clear();
  else if (selected !== null) select(null);
});
follow();
