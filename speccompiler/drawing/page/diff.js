// The page of a comparison.
// Its address names the file, where there are several, and the layer: #file=a.yaml&layer=conv1.
const hashOfFile = (each) => (data.files.length > 1 ? `#file=${encodeURIComponent(each.name)}&` : "#");

/** What the address says, as names. */
function address() {
  const found = {};
  for (const part of location.hash.slice(1).split("&")) {
    const [key, ...value] = part.split("=");
    try { found[key] = decodeURIComponent(value.join("=")); } catch { /* no name at all */ }
  }
  return found;
}

const namedFile = () => data.files.find((each) => each.name === address().file) ?? data.files.find((each) => each.status !== "same") ?? data.files[0];
const file = namedFile();
const pairs = file?.pairs ?? [];
const nothing = { width: 1, height: 1, nodeHeight: 1, nodes: [], edges: [], pairs: [], shapes: [] };
const graphs = file?.graphs ?? { old: nothing, new: nothing };

/** The list of files; another one is opened by its address. */
function startFiles() {
  if (data.files.length < 2) return;
  byId("files").hidden = false;
  const links = data.files.map((each) => make("a", {
    href: hashOfFile(each).slice(0, -1), class: "name", "aria-current": each === file ? "page" : null,
  }, each.name, " ", make("small", { text: each.status })));
  byId("files").append(make("p", { text: data.summary }), make("ul", {}, ...links.map((link) => make("li", {}, link))));
  addEventListener("hashchange", () => { if (namedFile() !== file) location.reload(); });
}

function startHeader() {
  byId("old-name").textContent = file?.old ?? (file ? "nothing" : data.old);
  byId("new-name").textContent = file?.new ?? (file ? "nothing" : data.new);
  byId("about").textContent = [file?.verdict, file?.counts].filter(Boolean).join(" \u00b7 ");
  const impacts = Object.entries(file?.impacts ?? {});
  const signs = { breaking: "!", cost: "\u0394", note: "i" };
  byId("verdict").append(...(impacts.length
    ? impacts.map(([impact, count]) => impactBadge(impact, `${signs[impact]} ${count} ${impact === "note" && count > 1 ? "notes" : IMPACTS[impact]}`))
    : file?.status === "failed" ? [impactBadge("breaking", "! with errors")] : [impactBadge("none", "\u2713 no change")]));
  for (const [label, old, now, delta] of file?.amounts ?? []) {
    byId("totals").append(make("div", {}, make("dt", { text: label }),
      delta === null ? make("dd", {}, now, make("small", { text: " unchanged" }))
        : make("dd", {}, make("span", { class: "was", text: `${old} \u2192 ` }), now, make("span", { class: "more", text: ` ${delta}` }))));
  }
  const counts = new Map();
  for (const pair of pairs) {
    const match = matchOf(pair);
    counts.set(match, (counts.get(match) ?? 0) + 1);
  }
  byId("legend").append(...Object.values(MATCHES).filter((match) => counts.has(match) && match.word !== "same")
    .map((match) => make("span", {}, markText(match), ` ${counts.get(match)}`)));
}

/** Name above, type and shape below; an empty cell where the side has no such layer. */
const layerCell = (name) => (pair, query) => {
  const layer = pair[name], other = pair[name === "old" ? "new" : "old"];
  if (!layer) return [make("span", { class: "unseen", text: "none" })];
  const part = (of, text = of(layer)) => make("span", { class: other && of(other) !== of(layer) ? "differs" : null }, ...marked(text, query));
  return [make("div", { class: "name" }, part((each) => each.name)),
    make("div", { class: "below" }, part((each) => each.type), " ", make("span", { class: other && other.shape !== layer.shape ? "differs" : null, text: layer.shape }))];
};
const amounts = (key) => (pair) => {
  const [old, now] = [pair.old, pair.new].map((layer) => layer?.[key]);
  if (old && now && old[1] === now[1]) return [now[0] === 0 ? "" : now[1]];
  return [make("span", { class: "old-new" }, ...(old ? [make("del", { text: old[1] })] : []), old && now ? " \u2192 " : "", now ? now[1] : "")];
};
const sided = (name) => (pair) => `${name}-side side-start ${pair[name] ? "" : "gap"}`;

const columns = [
  { key: "match", label: "change", value: (pair) => matchOf(pair).word, cell: (pair) => [markText(matchOf(pair))] },
  { key: "old", label: "old layer", value: (pair) => pair.old?.name, cell: layerCell("old"), classOf: sided("old") },
  { key: "new", label: "new layer", value: (pair) => pair.new?.name, cell: layerCell("new"), classOf: sided("new") },
  { key: "what", label: "what changed", value: (pair) => -(pair.changes?.length ?? 0), className: "what side-start", cell: (pair) => (pair.changes ?? []).map((change) => make("div", { text: sentence(change) })) },
  { key: "parameters", label: "parameters", number: true, value: (pair) => shownSide(pair).parameters[0], cell: amounts("parameters") },
  { key: "macs", label: "multiply-adds", number: true, value: (pair) => shownSide(pair).macs[0], cell: amounts("macs") },
];
for (const pair of pairs) pair.rowKind = matchOf(pair).kind;

/** The graph of one side; a node for each pair that the side has. */
function sideView(name) {
  const graph = graphs[name], bare = [...graph.shapes];
  const nodes = graph.pairs.map((i) => {
    if (i < 0) return inputNode(bare.shift());
    const pair = pairs[i], layer = pair[name], { mark, word, kind } = matchOf(pair);
    return { title: layer.name, below: layer.type, shape: layer.shape, kind, mark, label: `${layer.name}, ${layer.type}, output ${layer.shape}, ${word}` };
  });
  const view = new GraphView(byId(`${name}-graph`), {
    graph, nodes, label: `${name === "old" ? "Old" : "New"} network`,
    onSelect: (node) => select(graph.pairs[node] < 0 ? null : graph.pairs[node]),
  });
  const nodeOf = new Map(graph.pairs.map((pair, node) => [pair, node]));
  return { view, nodeOf };
}

startTheme();
startHelp();
startFiles();
// Without two models that can be read there is nothing but what was found.
document.querySelector("main").classList.toggle("empty", !pairs.length);
startHeader();
const table = new TableView(byId("layers"), { columns, rows: pairs, label: "Layers of both models", rowHeight: 47, onSelect: (i) => select(i) });
const sides = { old: sideView("old"), new: sideView("new") };
sides.old.view.zoom.joinWith(sides.new.view.zoom);
let selected = null;

function select(i, link = true) {
  selected = i;
  table.choose(i);
  // The new side last: where both have the layer, it decides what is scrolled to.
  for (const { view, nodeOf } of [sides.old, sides.new]) view.choose(i === null ? null : nodeOf.get(i) ?? null);
  const panel = byId("details");
  panel.setAttribute("aria-label", i === null ? "What changed" : "Selected layer");
  panel.classList.toggle("overview", i === null);
  panel.replaceChildren(...(i === null ? diffOverview() : pairDetails(pairs[i])));
  panel.scrollTop = 0;
  if (!link) return;
  history.replaceState(null, "", i === null ? location.pathname + location.search + hashOfFile(file).slice(0, -1) : hashOf(pairs[i]));
  say(i === null ? "Nothing selected" : `${shownSide(pairs[i]).name}, ${matchOf(pairs[i]).word}, selected`);
}

/** The layer that the address names. */
function follow() {
  const { layer, old } = address();
  const i = pairs.findIndex((pair) => (pair.new ? pair.new.name === layer : pair.old.name === old));
  if (i !== selected || i < 0) select(i < 0 ? null : i, false);
}

const names = (pair) => [pair.old, pair.new].filter(Boolean).map((layer) => `${layer.name}\n${layer.type}`).join("\n");
const search = new Search(pairs.map(names), {
  onFound: (found, query) => {
    table.setQuery(query);
    for (const { view, nodeOf } of Object.values(sides)) view.setFound(new Set([...found].map((i) => nodeOf.get(i)).filter((node) => node !== undefined)));
  },
  onMatch: (i) => select(i),
});
byId("only").addEventListener("change", (event) => {
  const passed = { all: [], changed: ["same"], own: ["same", "follows"] }[event.target.value];
  const shown = new Set([...pairs.keys()].filter((i) => !passed.includes(matchOf(pairs[i]).word)));
  table.setOnly(shown);
  say(`${shown.size} of ${pairs.length} layers`);
});
byId("zoom-in").addEventListener("click", () => sides.new.view.zoom.by(1.25));
byId("zoom-out").addEventListener("click", () => sides.new.view.zoom.by(0.8));
byId("zoom-fit").addEventListener("click", () => sides.new.view.zoom.fit());
addEventListener("hashchange", follow);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || byId("help").open) return;
  if (search.query) search.clear();
  else if (selected !== null) select(null);
});
follow();
